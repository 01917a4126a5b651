"""What `kstress explore` prints and writes: a progress line, what was found, the timeline of the first find, JSON."""

import json
import os
import shlex
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from stress.campaign.converter import to_json
from stress.campaign.held_file import HeldFile
from stress.corpus import Corpus
from stress.host.disk import telling, write_whole
from stress.host.interrupts import held_back
from stress.results.load.resumed import SEEN, Kept, Past
from stress.results.load.stored_explorations import StoredFind, exploration_of
from stress.results.report.explorations import heading, shows, size
from stress.results.terminal.consoles import console
from stress.results.terminal.places import check_json, make_folder, write_results
from stress.results.terminal.timeline import timeline_lines
from stress.runs.controlled.exploration import Exploration
from stress.runs.controlled.explored import Found
from stress.runs.controlled.replay import replay
from stress.runs.controlled.standing import Standing
from stress.runs.controlled.verdict import is_complete
from stress.runs.result import SCHEMA
from stress.runs.timeline import timeline
from stress.safe_text import on_one_line, shown
from stress.scenario import Scenario
from stress.units import counted, show_duration

KEEP_SECONDS = 60.0
"""How often results are written that can be gone on with."""


class Outputs:
    """Where the results of one `kstress explore` go.

    Raises:
        UserError: at once, for a place that cannot be written to.
    """

    def __init__(self, before: Kept, json_file: str | None, file: HeldFile | None = None) -> None:
        """Check all places before anything runs; `file` has what was explored `before`, if it is there."""
        self._known, self._json, self._file = before, json_file, file
        check_json(json_file)
        if file is not None:
            make_folder(file.path.parent, file.origin)
        self._kept = time.monotonic()
        self._errors = console(stderr=True)
        self._out = self._errors if json_file == "-" else console()

    def note(self, text: str) -> None:
        """One line for the person at the terminal, not part of the results."""
        self._errors.print(text, markup=False, style="dim", soft_wrap=True)

    def note_start(self, done: list[Exploration]) -> None:
        """Say what a signal has interrupted that came while no scenario was under way: `done` are explored."""
        left = self._known.plan.scenarios[len(done) :]
        self.note(f"interrupted before the first schedules of {shown(left[0])} were done" if left else "interrupted")

    @contextmanager
    def progress(self, scenario: Scenario) -> Iterator[Callable[[Exploration], None]]:
        """A progress line while a scenario is explored."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[state]}"))
        with Progress(*columns, console=self._errors, transient=True, disable=not self._errors.is_terminal) as bar:
            task = bar.add_task(escape(scenario.name), state="compiling, or loading what was compiled before")

            def update(exploration: Exploration) -> None:
                explored = exploration.explored
                shown = ", ".join(f"{count:,} {name}" for name, count in explored.shown.most_common()) or "none found"
                bar.update(
                    task, state=f"{counted(explored.count, 'schedule')}, {explored.distinct:,} distinct; {shown}"
                )

            yield update

    def show(self, exploration: Exploration, corpus: Corpus, standing: Standing | None) -> None:
        """Print one exploration, with the timeline of its first find; `standing` is what it went on from, if any."""
        if standing and standing.mine.schedules == exploration.explored.count:
            self.note("nothing was left to explore: --schedules and --duration say how much in all")
        for line in lines_of(exploration):
            self._out.print(line, markup=False, soft_wrap=True)
        for found in list(exploration.explored.found.values())[:1]:
            replayed = replay(exploration.schedule(found), corpus, exploration.engine)
            self._out.print()
            for line in timeline_lines(timeline(replayed.machine, replayed.shows), self._out.width):
                self._out.print(line, markup=False, soft_wrap=True)
            replayed.machine.finish()
        self._out.print()

    def keep(self, done: list[Exploration], now: Exploration) -> None:
        """Write what there is so far, if that was done long ago: the process may be killed."""
        if self._file and time.monotonic() - self._kept > KEEP_SECONDS:
            self._kept = time.monotonic()
            self._write([*done, now])

    def finish(self, done: list[Exploration]) -> None:
        """Write the JSON; nothing if no scenario is complete."""
        if not done:
            return
        if self._json == "-":
            print(_text(self._with(done)), end="")
        self.save(done)
        if self._file is not None:
            self.note(f"results: {on_one_line(str(self._file.path))}")
            if self._is_left:
                self.note(f"resume  kstress explore --resume {shlex.quote(str(self._file.path))}")

    def save(self, done: list[Exploration]) -> None:
        """Write all files with what was explored."""
        if self._json not in (None, "-"):
            write_results(Path(str(self._json)), _text(self._with(done)), "--json")
        if self._file is not None:
            self._write(done)

    @property
    def _is_left(self) -> bool:
        """Whether a scenario of what was written was not begun, or was interrupted."""
        known = self._known
        return len(known.listed) < len(known.plan.scenarios) or any(past.json["interrupted"] for past in known.listed)

    def _with(self, explored: list[Exploration]) -> Kept:
        """All that there is: the first ones as they are now, and what the file has of those that were not reached."""
        now = zip(self._known.plan.scenarios, explored, strict=False)
        pasts = {name: Past(as_json(one), one.standing) for name, one in now}
        return attrs.evolve(self._known, pasts={**self._known.pasts, **pasts})

    def _write(self, explored: list[Exploration]) -> None:
        """Write the file that can be gone on with, and the fingerprints beside it."""
        assert self._file
        known, where = self._with(explored), shown(repr(str(self._file.path)))
        seen = (array("Q", sorted(past.standing.seen)).tobytes() for past in known.listed)
        with telling(f"{self._file.origin}: cannot write {where}", "the results are above"), held_back():
            write_whole(self._file.path.with_suffix(SEEN), seen)
            self._file.write(_text(known).encode(errors="backslashreplace"))
        self._known = known


def _text(known: Kept) -> str:
    """The JSON of all."""
    explorations = [past.json for past in known.listed]
    document = {"schema": SCHEMA, "plan": to_json(known.plan), "explorations": explorations}
    return json.dumps(document, indent=2, default=sorted) + "\n"  # sets, in an order of their own


def results_file(results: Path) -> HeldFile:
    """The new file in the folder `results` in which an exploration is kept."""
    return HeldFile(results / f"explore-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.json", "--results")


def lines_of(exploration: Exploration) -> list[str]:
    """An exploration in some lines: those of a report, and what it took."""
    explored = exploration.explored
    stored = exploration_of(as_json(exploration), exploration.scenario.name)
    rate = explored.count / explored.seconds if explored.seconds else 0.0
    finds = zip(explored.found.values(), stored.found, strict=True)
    return [
        *heading(stored),
        f"  {counted(explored.count, 'schedule')}, {explored.distinct:,} distinct, {rate:,.0f} a second",
        *(line for found, find in finds for line in _lines_of(found, find)),
    ]


def _lines_of(found: Found, find: StoredFind) -> list[str]:
    """A find: when it came, what is left of it, how to run it again."""
    least = "" if found.shrunk.is_least else "; the search for a smaller one was cut"
    return [
        f"  {shows(find)}: first in schedule {find.schedule:,}, after {show_duration(found.seconds)}",
        f"    shrunk to {size(find)}, in {counted(found.shrunk.replays, 'replay')}{least}",
        f"    kstress replay {find.token}",
    ]


def as_json(exploration: Exploration) -> dict[str, Any]:
    """The object of one exploration."""
    explored, twin, world = exploration.explored, exploration.twin, exploration.world
    return {
        "scenario": exploration.scenario.name,
        "engine": exploration.engine,
        "cpus": world.cpus,
        "operations": world.operations,
        "modules": world.modules,
        "strategy": exploration.search.strategy,
        "seed": exploration.search.seed,
        "schedules": explored.count,
        "distinct": explored.distinct,
        "accesses": explored.steps,
        "seconds": round(explored.seconds, 6),
        "exhausted": is_complete(explored),
        "expect": exploration.scenario.expect,
        "verdict": exploration.verdict.name,
        "reason": exploration.verdict.reason,
        "as_expected": exploration.as_expected,
        "interrupted": exploration.interrupted,
        "standing": _standing_json(exploration),
        "shown": dict(explored.shown),
        "found": [_found_json(exploration, found) for found in explored.found.values()],
        "twin": twin
        and {"scenario": exploration.scenario.twin_label, "schedules": twin.count, "catches": twin.caught_count},
    }


def _standing_json(exploration: Exploration) -> dict[str, Any]:
    """From where another process can go on; the finds and the fingerprints stand elsewhere."""
    return attrs.asdict(exploration.standing, filter=lambda field, _: field.name not in ("finds", "seen", "where"))


def _found_json(exploration: Exploration, found: Found) -> dict[str, Any]:
    """The object of one find."""
    return {
        "shows": list(found.shows),
        "schedule": found.number,
        "seconds": round(found.seconds, 6),
        "preemptions": found.shrunk.preemptions,
        "accesses": sum(one.steps for one in found.shrunk.made),
        "replays": found.shrunk.replays,
        "is_least": found.shrunk.is_least,
        "token": exploration.schedule(found).token,
    }
