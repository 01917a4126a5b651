"""What the scenarios of a report are about: their claims, what was expected of each and why, and their docstrings.

A campaign has written down its claims. Docstrings, and the claims of single runs and explorations, are those of the
catalogue: no other file is read because a run names it. A file of one scenario is parsed and not run; the variants of a
file of several are only known once it has run.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import attrs

from stress.beside import read_source
from stress.campaign.records import ScenarioRecord
from stress.errors import UserError
from stress.results.load.entries import Source
from stress.results.report.explorations import again
from stress.results.report.words import EXPECTATIONS
from stress.scenario import SAME_FILE
from stress.scenario_files import chosen, load_scenarios, scenario_file


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
    elsewhere = _explored_elsewhere(sources)
    return [_about(name, parts.get(name), expected.get(name), twins.get(name), name in elsewhere) for name in names]


def _explored_elsewhere(sources: Sequence[Source]) -> set[str]:
    """The scenarios whose tokens name another file than one of the catalogue."""
    explored = [exploration for source in sources for exploration in source.explorations]
    schedules = [(one.scenario, again(find).schedule) for one in explored for find in one.found]
    return {name for name, schedule in schedules if schedule and schedule.scenario != name}


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


def _about(name: str, part: ScenarioRecord | None, expect: str | None, twin: str | None, elsewhere: bool) -> About:
    """One scenario; one that a path names is not that of the catalogue, whatever it is called."""
    known = {} if elsewhere or (part and part.origin != name) else _from_catalogue(name)
    return About(
        name=name,
        claim=part.claim if part else known.get("claim"),
        expectation=EXPECTATIONS.get(expect or ""),
        twin=twin,
        paragraphs=tuple(" ".join(text.split()) for text in known.get("docstring", "").split("\n\n") if text.strip()),
    )


def _from_catalogue(name: str) -> Mapping[str, str]:
    """The docstring and the claim of the catalogue's scenario of this name; nothing if there is no such scenario."""
    file, _, variant = name.partition(SAME_FILE)
    with suppress(UserError, SyntaxError, ValueError):
        path = scenario_file(file) if file.isidentifier() else None
        if path:
            tree = ast.parse(read_source(path))
            claim = {"claim": chosen(load_scenarios(path), name).claim} if variant else _claim(tree)
            return {**claim, "docstring": ast.get_docstring(tree) or ""}
    return {}


def _claim(tree: ast.Module) -> Mapping[str, str]:
    """The claim, if it is written as a literal."""
    keywords = [keyword for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords]
    claims = [one.value.value for one in keywords if one.arg == "claim" and isinstance(one.value, ast.Constant)]
    return {"claim": claims[0]} if claims and isinstance(claims[0], str) else {}
