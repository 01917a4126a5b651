"""docs/internals.md lists every bound on time that the code has, with its value: a new one is listed, or this fails."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.frontdoor.command import CHECKOUT

ROW = re.compile(r"\| `(\w+)` \| `([\w/]+\.py)` \| ([\d.]+) (s|ns) \| ([\w ]+) \| (.+) \|")
MEASURES = {"CPU time", "progress", "looks", "wall", "length"}
TIMES = re.compile(
    r"SECONDS|(LONGEST|SHORTEST)_(WAIT|SILENCE|STUCK|LOOK|SLICE|SOAK|INTERVAL|RECORD|STALL_AFTER)|"
    r"SWITCH_INTERVAL|TIMEOUT|DEADLINE|GRACE|PATIENCE"
)
NO_TIMES = {"MICROSECONDS", "GAP_NANOSECONDS", "SECONDS", "SWITCH_INTERVAL_S"}
"""A factor, an address in RAM, the table of units, and what CPython takes for itself."""
WAITS = {"join", "result", "wait", "sleep", "select", "poll", "communicate", "settimeout"}
Bound = tuple[str, str, float]


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every file of the package, parsed."""
    for path in sorted((CHECKOUT / "stress").rglob("*.py")):
        yield path.relative_to(CHECKOUT), ast.parse(path.read_text())


def bounds_in_code() -> Iterator[Bound]:
    """Every constant of a module that is named as a time: its name, its file and its value."""
    for path, tree in modules():
        names = [
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and TIMES.search(target.id) and target.id not in NO_TIMES
        ]
        if names:
            module = import_module(".".join(path.with_suffix("").parts))
            yield from ((name, str(path), float(getattr(module, name))) for name in names)


def rows() -> list[re.Match[str]]:
    """The rows of the table."""
    lines = (CHECKOUT / "docs" / "internals.md").read_text().splitlines()
    found = [ROW.fullmatch(line) for line in lines if line.startswith("| `")]
    assert all(found), "a row that cannot be read"
    return [row for row in found if row]


def test_every_bound_is_listed_once_with_its_file_and_value() -> None:
    listed = [(row[1], row[2], float(row[3])) for row in rows()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(bounds_in_code())


def test_every_bound_says_what_it_measures() -> None:
    assert {row[5] for row in rows()} == MEASURES


def unnamed(tree: ast.Module) -> Iterator[str]:
    """Calls that wait for a time that has no name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            waits = isinstance(node.func, ast.Attribute) and node.func.attr in WAITS
            given = [
                *(node.args if waits else []),
                *(one.value for one in node.keywords if "timeout" in (one.arg or "")),
            ]
            if any(isinstance(one, ast.Constant) and type(one.value) in (int, float) and one.value for one in given):
                yield ast.unparse(node)


def test_nothing_waits_for_a_time_that_has_no_name() -> None:
    assert [(str(path), call) for path, tree in modules() for call in unnamed(tree)] == []


def test_a_bound_that_is_new_or_has_no_name_would_be_seen() -> None:
    assert list(unnamed(ast.parse("thread.join(1.0)\nconnect(timeout=5)\nthread.join(SECONDS)")))
    assert all(map(TIMES.search, ("MOST_SECONDS", "GRACE", "LONGEST_WAIT", "ANSWER_TIMEOUT")))
