"""What the scenarios of a report are about: their claims, what was expected of each and why, and their docstrings.

A campaign has written down its claims. Docstrings, and the claims of single runs, are those of the catalogue: its files
are parsed and not run, and no file is read because a run names it.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import attrs

from stress.beside import read_source
from stress.campaign.records import ScenarioRecord
from stress.errors import UserError
from stress.results.load.entries import Source
from stress.results.report.words import EXPECTATIONS
from stress.scenario_files import scenarios_folder


@attrs.frozen(kw_only=True)
class About:
    """What one scenario is about. `paragraphs` are those of its docstring, `twin` the name of its twin, if known."""

    name: str
    claim: str | None
    expectation: str | None
    twin: str | None
    paragraphs: tuple[str, ...]


def scenarios_of(sources: Sequence[Source]) -> list[About]:
    """Every scenario that has an entry or an exploration, once, in the order in which they come."""
    parts = {part.name: part for source in sources for part in source.parts}
    expected, twins = dict(_expected(sources)), dict(_twins(sources))
    explored = [exploration.scenario for source in sources for exploration in source.explorations]
    names = dict.fromkeys([*(name for source in sources for name in source.scenarios()), *explored])
    return [_about(name, parts.get(name), expected.get(name), twins.get(name)) for name in names]


def _expected(sources: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """What each scenario expects."""
    for source in sources:
        yield from ((part.name, part.expect) for part in source.parts)
        yield from ((entry.run.scenario, entry.run.expect) for entry in source.entries if entry.run)
        yield from ((one.scenario, one.expect) for one in source.explorations)


def _twins(sources: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """The twin of each scenario that has one."""
    for source in sources:
        yield from ((part.name, label) for part in source.parts if (label := part.scenario().twin_label))
        yield from ((run.scenario, run.twin.scenario) for entry in source.entries if (run := entry.run) and run.twin)
        yield from ((one.scenario, one.twin.scenario) for one in source.explorations if one.twin)


def _about(name: str, part: ScenarioRecord | None, expect: str | None, twin: str | None) -> About:
    """One scenario; one that a path names is not that of the catalogue, whatever it is called."""
    known = _from_catalogue(name) if part is None or part.origin == name else {}
    return About(
        name=name,
        claim=part.claim if part else known.get("claim"),
        expectation=EXPECTATIONS.get(expect or ""),
        twin=twin,
        paragraphs=tuple(" ".join(text.split()) for text in known.get("docstring", "").split("\n\n") if text.strip()),
    )


def _from_catalogue(name: str) -> Mapping[str, str]:
    """The docstring and the claim that the catalogue's file of this name has; nothing if there is no such file."""
    file = scenarios_folder() / f"{name}.py"
    if not name.isidentifier() or not file.is_file():
        return {}
    with suppress(UserError, SyntaxError, ValueError):
        tree = ast.parse(read_source(file))
        return {**_claim(tree), "docstring": ast.get_docstring(tree) or ""}
    return {}


def _claim(tree: ast.Module) -> Mapping[str, str]:
    """The claim, if it is written as a literal."""
    keywords = [keyword for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords]
    claims = [one.value.value for one in keywords if one.arg == "claim" and isinstance(one.value, ast.Constant)]
    return {"claim": claims[0]} if claims and isinstance(claims[0], str) else {}
