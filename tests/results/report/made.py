"""What the tests of pages share: run files, hostile names, pages taken apart."""

import contextlib
import io
import json
import random
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs

from benchmarks.made_sweep import cells, matrix, plan_of, run_json, violation, write_sweep
from stress.campaign.sweep.records import Values
from stress.cli import call
from stress.corpus import bundled
from stress.results.terminal.explore import as_json
from stress.runs.codec import violation_json
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</title>"
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "h1", "h2", "h3", "h4"),
    *("p", "div", "span", "a", "ul", "li", "dl", "dt", "dd", "strong", "br", "pre", "code", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    *("svg", "g", "defs", "path", "use", "text", "desc"),
}
"""The elements that a page of kstress may have."""
VOID = {"meta", "br", "link", "img", "input", "hr"}


def values(scenario: str = "stop_machine", **more: Any) -> Values:
    """The values of some run."""
    given: dict[str, Any] = {"engine": "python", "cpus": 4, "noise": Fraction(1, 64), "pace_s": 0.001, **more}
    return Values(scenario=scenario, **given)


def a_run(scenario: str = "modlist_spinlock", expect: str = "violated", twin: str | None = None, **more: Any) -> Any:
    """A run as JSON, with some of its keys changed."""
    return {**run_json(values(scenario), random.Random(7), expect, twin), **more}


def pair() -> list[Any]:
    """The pair before and after the patch."""
    return [a_run(), a_run("stop_machine", "held", "modlist_spinlock")]


@cache
def _explored(name: str) -> str:
    """An exploration of a scenario as JSON: the first schedules that show something."""
    search = Search(engine="python", schedules=60, seed=1)
    return json.dumps(as_json(explore(find_scenario(name), bundled(), search)))


def an_exploration(name: str = "linked_list:none", **more: Any) -> Any:
    """An exploration as JSON, with some of its keys changed; this one has three finds."""
    return {**json.loads(_explored(name)), **more}


def a_find(**more: Any) -> Any:
    """The first of its finds, with some of its keys changed."""
    return {**an_exploration()["found"][0], **more}


def write_explorations(path: Path, *explorations: Any, **more: Any) -> Path:
    """A file of explorations, with `more` keys."""
    path.write_text(json.dumps({"schema": 1, "explorations": list(explorations), **more}))
    return path


def write_runs(path: Path, *runs: Any, **more: Any) -> Path:
    """A file of runs, with `more` keys."""
    path.write_text(json.dumps({"schema": 1, "runs": list(runs), **more}))
    return path


def small_sweep(folder: Path, broken: dict[int, str] | None = None, status: str = "complete") -> Path:
    """The pair on both engines at three CPU counts, twice each."""
    plan = plan_of(matrix(["stop_machine", "modlist_spinlock"], (2, 4, 8)), repeat=2)
    return write_sweep(folder, plan, list(cells(plan, broken)), status)


def hostile_sweep(folder: Path) -> Path:
    """A sweep in which scenario, symbol, corpus, outcome and command are hostile: in text, attributes and SVG."""
    cell = values(HOSTILE)
    plan = plan_of([cell, attrs.evolve(cell, corpus=f"{HOSTILE}.json"), values(HOSTILE, engine="native")], repeat=2)
    ended = []
    for one in cells(plan, {2: "crashed"}):
        run = one.run and {
            **one.run,
            "reports": [violation_json(violation("wild", HOSTILE), HOSTILE)],
            "reason": HOSTILE,
        }
        ended.append(attrs.evolve(one, run=run))
    return write_sweep(folder, plan, ended)


def reported(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors of `kstress report`, called within this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call(["report", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


class Parsed(HTMLParser):
    """A page taken apart: its elements with their attributes, its text, and whether every element was closed."""

    def __init__(self, page: str) -> None:
        """Parse it."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", list[str]()
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an empty element."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Elements end in the order in which they began."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Add text."""
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements with this name."""
        return [attributes for name, attributes in self.elements if name == tag]
