"""Finds out what each path is that `kstress report` was given, and reads it whole; nothing in it is trusted."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import INTERRUPTED, UNFINISHED, Life
from stress.campaign.reading import MANIFEST, kind_of, parse, read_file
from stress.campaign.runs import Run
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.records import SOAK as SOAK_KIND
from stress.campaign.soak.rundir import read_run
from stress.campaign.sweep.finding import quests_of
from stress.campaign.sweep.plan import config_of
from stress.campaign.sweep.records import DONE, FAILED, CellResult, Plan, Values
from stress.campaign.sweep.records import SWEEP as SWEEP_KIND
from stress.campaign.sweep.sweepdir import CELLS, StoredSweep, read_sweep
from stress.config import Config
from stress.errors import UserError
from stress.host.disk import telling
from stress.results.load.asked import ASKED, Request, asked_of
from stress.results.load.entries import EXPLORATIONS, RUNS, SOAK, SWEEP, Entry, Source
from stress.results.load.knees import answer
from stress.results.load.stored_explorations import StoredExploration, exploration_of
from stress.runs.result import SCHEMA, Result, command_of, rerun_command
from stress.safe_text import listed, shown
from stress.units import write_duration

T = TypeVar("T")
SWITCH_INTERVAL_S = 0.005
RUN_FILES, EXPLORE_FILES = "run-*.json", "explore-*.json"
GIVE = f"give a run directory, a {RUN_FILES} or {EXPLORE_FILES} file, or a folder of these"


@attrs.frozen
class ResultsFile:
    """A file that was read: its runs, and its explorations; None for what it has no list of.

    `scenarios` are those that were to be explored; None where the file does not say, and cannot be gone on with.
    `asked` is what the runs were asked for; None where the file does not say.
    """

    path: Path
    runs: Sequence[Entry] | None
    explorations: Sequence[StoredExploration] | None
    scenarios: Sequence[str] | None
    asked: Request | None = None

    @property
    def planned(self) -> int:
        """How many explorations it has when complete."""
        return max(len(self.scenarios or ()), len(self.explorations or ()))

    @property
    def not_run(self) -> tuple[str, ...]:
        """The scenarios that were to be run, and were not."""
        return self.asked.not_run(len(self.runs or ())) if self.asked else ()

    @property
    def may_be_resumed(self) -> bool:
        """Whether explorations are left that can be gone on with."""
        there = self.explorations or ()
        return self.scenarios is not None and (len(there) < self.planned or any(one.interrupted for one in there))


def gather(paths: Sequence[Path]) -> tuple[Source, ...]:
    """All that is in some paths, each once: the runs in files first, then explorations, then soaks and sweeps.

    A folder that is no run directory itself stands for the files of results and run directories in it.

    Raises:
        UserError: for the first path that is none of these, is damaged, or was written by a newer kstress.
    """
    folders = _once(folder for path in paths for folder in run_directories(path))
    files = _once(file for path in paths if not os.path.lexists(path / MANIFEST) for file in _results_files(path))
    read = [read_results_file(file) for file in files]
    return (*_runs(read), *_explorations(read), *(read_folder(folder) for folder in folders))


def _once(paths: Iterable[Path]) -> list[Path]:
    """Each path once, however it is spelled."""
    return list({os.path.realpath(path): path for path in paths}.values())


def _runs(read: Sequence[ResultsFile]) -> list[Source]:
    """The runs of all files as one source; none if no file has a list of them."""
    files = [one.path for one in read if one.runs is not None]
    runs = [entry for one in read for entry in one.runs or ()]
    name = _name(files, "run files")
    one = Source(name=name, kind=RUNS, entries=_numbered(runs), planned=len(runs) + len(_not_run(read)))
    return [attrs.evolve(one, **_left_to_run(one, read))] if files else []


def _not_run(read: Sequence[ResultsFile]) -> list[str]:
    """The scenarios that the calls of all files were asked for, and did not run."""
    return [name for one in read for name in one.not_run]


def _left_to_run(source: Source, read: Sequence[ResultsFile]) -> dict[str, Any]:
    """What a source says of its runs if some were interrupted, or not run."""
    early = _interrupted(
        [entry.run is not None and entry.run.interrupted for entry in source.entries], "runs", source.planned
    )
    left = _not_run(read)
    if not left:
        return early
    signals = early or any(one.not_run and one.asked and one.asked.ended == INTERRUPTED for one in read)
    status = INTERRUPTED if signals else FAILED
    how_far = early.get("unfinished", f"{status} after {source.ended:,} of {source.planned:,} runs")
    return {"status": status, "unfinished": f"{how_far}, not run: {listed(left)}"}


def _explorations(read: Sequence[ResultsFile]) -> list[Source]:
    """The explorations of all files as one source; none if no file has a list of them."""
    files = [one for one in read if one.explorations is not None]
    found = tuple(exploration for one in files for exploration in one.explorations or ())
    planned = sum(one.planned for one in files)
    name = _name([one.path for one in files], "files")
    one = Source(name=name, kind=EXPLORATIONS, entries=(), planned=planned, explorations=found)
    return [attrs.evolve(one, **_left_to_explore(one), resume=_resume(files))] if files else []


def _left_to_explore(source: Source) -> dict[str, Any]:
    """What a source says of its explorations if some were interrupted, or not begun."""
    early = _interrupted([one.interrupted for one in source.explorations], "explorations", source.planned)
    left = source.planned - source.ended
    if left and early:
        return {**early, "unfinished": f"{early['unfinished']}, {left:,} not begun"}
    how_far = f"{source.ended:,} of {source.planned:,} explorations"
    return {"status": UNFINISHED, "unfinished": f"{UNFINISHED}: {how_far} so far"} if left else early


def _resume(files: Sequence[ResultsFile]) -> str | None:
    """The command that goes on with the one file that is not complete; None if there is no such file, or several."""
    left = [one.path for one in files if one.may_be_resumed]
    return f"kstress explore --resume {shlex.quote(str(left[0]))}" if len(left) == 1 else None


def _interrupted(ended_early: Sequence[bool], what: str, of: int) -> dict[str, Any]:
    """What a source says of its runs or explorations, `of` in all, if signals have ended some of them early."""
    count = sum(ended_early)
    return {"status": INTERRUPTED, "unfinished": f"interrupted in {count:,} of {of:,} {what}"} if count else {}


def _name(files: Sequence[Path], what: str) -> str:
    """What to call some files together."""
    return shown(files[0]) if len(files) == 1 else f"{len(files)} {what}"


def _results_files(path: Path) -> list[Path]:
    """The files that a path stands for: itself, or those in it, which may be none beside run directories."""
    if not os.path.isdir(path):
        return [path]
    with telling(f"cannot read {shown(path)}", GIVE):
        found = sorted(file for file in path.iterdir() if file.match(RUN_FILES) or file.match(EXPLORE_FILES))
    if not found and not run_directories(path):
        what = f"{MANIFEST}, {RUN_FILES} nor {EXPLORE_FILES}, nor run directories"
        raise UserError(f"{shown(path)} holds neither {what}; {GIVE}")
    return found


def run_directories(path: Path) -> list[Path]:
    """The run directories that a path stands for: itself, or those in it."""
    if os.path.lexists(path / MANIFEST):
        return [path]
    return sorted(one for one in path.iterdir() if os.path.lexists(one / MANIFEST)) if path.is_dir() else []


def _numbered(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Runs with the same values on every axis are repeats of each other."""
    seen: dict[Values, int] = {}
    numbered = []
    for entry in entries:
        seen[entry.values] = seen.get(entry.values, 0) + 1
        numbered.append(attrs.evolve(entry, repeat=seen[entry.values]))
    return tuple(numbered)


def read_results_file(path: Path) -> ResultsFile:
    """The runs and explorations in a file that `--results` or `--json` wrote.

    Raises:
        UserError: when it has neither, is damaged, or was written by a newer kstress.
    """
    where = shown(path)
    document = parse(read_file(path), where)
    schema, lists = document.get("schema"), [document.get(name) for name in ("runs", "explorations")]
    if type(schema) is not int or schema < 1 or not any(isinstance(one, list) for one in lists):
        raise UserError(f"{where} is not a file of runs or explorations: it has no schema with either; {GIVE}")
    if schema > SCHEMA:
        raise UserError(f"{where} has schema {shown(schema)}, this kstress knows up to {SCHEMA}; use a newer kstress")
    runs, explorations = lists
    entries = _listed(runs, f"{where}, run", _run_entry)
    return ResultsFile(
        path,
        entries,
        _listed(explorations, f"{where}, exploration", exploration_of),
        _scenarios(document.get("plan"), where),
        asked_of(document.get(ASKED), [entry.values.scenario for entry in entries or ()], where),
    )


def _scenarios(plan: object, where: str) -> tuple[str, ...] | None:
    """The scenarios of the plan of an exploration; None if there is no plan. UserError for one that is damaged."""
    if plan is None:
        return None
    scenarios = plan.get("scenarios") if isinstance(plan, dict) else None
    return from_json(scenarios, tuple[str, ...], f"{where}, what its plan has to explore,")


def _listed(values: object, where: str, read: Callable[[dict[str, Any], str], T]) -> list[T] | None:
    """Each object of a list, read; None where there is no list. UserError for what is none or cannot be read."""
    if values is None:
        return None
    if not isinstance(values, list):
        raise UserError(f"{where}s are not a list: the file is damaged, or not a file of kstress")
    return [read(_object(value, f"{where} {number}"), f"{where} {number}") for number, value in enumerate(values, 1)]


def _object(value: object, where: str) -> dict[str, Any]:
    """A JSON object that can be written again."""
    if not isinstance(value, dict):
        raise UserError(f"{where} is not a JSON object: it is damaged, or not a file of kstress")
    return from_json(value, dict[str, Any], where)


def _run_entry(value: dict[str, Any], where: str) -> Entry:
    """One run of a file."""
    run = from_json(value, Run, where)
    again = _again(run, value["reports"])
    return Entry(values=run.values(), repeat=1, seed=run.seed, where=where, rerun=lambda _: again, run=run, json=value)


def _again(run: Run, reports: Sequence[Mapping[str, Any]]) -> str:
    """The command that runs it again: what a report of it says or, without one, what its figures were."""
    known = [report["again"] for report in reports if isinstance(report.get("again"), str)]
    if run.again or known:
        return str(run.again or known[0])
    interval = run.conditions.switch_interval_s
    more = f" --switch-interval {write_duration(interval)}" if interval not in (None, SWITCH_INTERVAL_S) else ""
    return f"{command_of('run', run.scenario, run.config())}{more}"


def read_folder(folder: Path) -> Source:
    """What a run directory holds, by the kind that its manifest says.

    Raises:
        UserError: for any other kind, and for what is damaged.
    """
    where = shown(folder / MANIFEST)
    kind = parse(read_file(folder / MANIFEST), where).get("kind")
    if kind == kind_of(SOAK_KIND):
        return soak_source(ending_of(read_run(folder)))
    if kind == kind_of(SWEEP_KIND):
        return sweep_source(read_sweep(folder, stored=True))
    raise UserError(f"{where} is not the manifest of a soak or a sweep: its kind is {shown(repr(kind))}; {GIVE}")


def soak_source(ending: Ending) -> Source:
    """A soak: an entry for each of its scenarios."""
    where = shown(ending.folder)
    entries = []
    for value, result in zip(ending.as_json(), ending.results, strict=True):
        run = from_json(value, Run, where)
        standing = ending.standings[run.scenario]
        entry = Entry(
            values=attrs.evolve(run.values(), corpus=ending.manifest.plan.corpus),
            repeat=1,
            seed=run.seed,
            where=where,
            rerun=partial(_soak_again, result),
            end=FAILED if standing.failure else DONE,
            run=run,
            json=value,
            trouble=standing.failure,
            findings=tuple(ending.reports(run.scenario)),
            stalled=standing.stall,
            soak=ending,
        )
        entries.append(entry)
    return Source(
        name=where,
        kind=SOAK,
        entries=tuple(entries),
        planned=len(entries),
        parts=ending.manifest.plan.scenarios,
        **_what_became_of(ending.life),
    )


def _soak_again(result: Result, _: int) -> str:
    """The command that runs a scenario of a soak again."""
    return rerun_command(result)


def _what_became_of(life: Life) -> dict[str, Any]:
    """What a source says of its campaign."""
    return {"status": life.state, "unfinished": life.unfinished, "resume": life.resume}


def sweep_source(swept: StoredSweep) -> Source:
    """A sweep: an entry for each cell that has ended, in the order of the matrix, not in that of time."""
    plan = swept.manifest.plan
    places, quests = _places(swept), quests_of(plan, swept.ended)
    planned = len(swept.ended) if plan.find else len(plan.cells) * plan.repeat
    left = sum(quest.left for quest in quests) if plan.find else planned - len(swept.ended)
    ended = sorted(zip(swept.ended, swept.runs, strict=True), key=lambda one: (one[0].number, one[0].repeat))
    return Source(
        name=shown(swept.folder),
        kind=SWEEP,
        entries=tuple(_cell(swept, *one, places[one[0].number]) for one in ended),
        planned=planned,
        answers=tuple(map(answer, quests)),
        parts=plan.scenarios,
        **_what_became_of(swept.with_left(left).life),
    )


@attrs.frozen
class Place:
    """What all repeats of a cell have alike: its values, where it is, for errors, and how it is run again."""

    values: Values
    where: str
    rerun: Callable[[int], str]


def _places(swept: StoredSweep) -> dict[int, Place]:
    """The place of each cell that has ended, by its number; UserError for values that none can have."""
    plan, places = swept.manifest.plan, {}
    for number in {one.number for one in swept.ended}:
        values, where = plan.cells[number], f"{shown(swept.folder / CELLS)}, cell {number}"
        # a reader without a GIL could not make a config with an interval
        alone = attrs.evolve(plan, cells=(attrs.evolve(values, switch_interval_s=None),))
        try:
            config = config_of(alone, 0, plan.seed)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        places[number] = Place(values, where, partial(_cell_again, plan, values, config))
    return places


def _cell(swept: StoredSweep, ended: CellResult, run: Run | None, place: Place) -> Entry:
    """One cell; UserError for a run that is not of its values."""
    values = place.values
    if run and (run.scenario, run.cpus) != (values.scenario, values.cpus):
        what = f"a run of {shown(run.scenario)} on {run.cpus} CPUs"
        raise UserError(f"{place.where}, repeat {ended.repeat} has {what}, which does not belong to this cell")
    return Entry(
        values=values,
        repeat=ended.repeat,
        seed=ended.seed,
        where=place.where,
        rerun=place.rerun,
        end=ended.end,
        run=run,
        json=ended.run,
        trouble=ended.trouble,
        sought=swept.manifest.plan.find is not None,
        worker=ended.worker,
    )


def _cell_again(plan: Plan, values: Values, config: Config, seed: int) -> str:
    """The command that runs a cell again by itself."""
    origins = {part.name: part.origin for part in plan.scenarios}
    interval = values.switch_interval_s
    more = f" --switch-interval {write_duration(interval)}" if interval else ""
    return f"{command_of('run', origins[values.scenario], attrs.evolve(config, seed=seed))}{more}"
