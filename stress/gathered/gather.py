"""Finds out what each path is that `kstress report` was given, and reads it whole; nothing in it is trusted."""

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from stress.campaign.reading import MANIFEST, kind_of, parse, read_file
from stress.campaign.runs import Run, run_of
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.records import SOAK as SOAK_KIND
from stress.campaign.soak.rundir import read_run
from stress.campaign.sweep.find_summary import answer
from stress.campaign.sweep.finding import quests_of
from stress.campaign.sweep.plan import config_of
from stress.campaign.sweep.records import DONE, FAILED, Ended, Plan
from stress.campaign.sweep.records import SWEEP as SWEEP_KIND
from stress.campaign.sweep.sweepdir import CELLS, Swept, read_sweep
from stress.corpus.untrusted import shown
from stress.disk import telling
from stress.errors import UserError
from stress.gathered.entries import COMPLETE, RUNS, SOAK, SWEEP, Entry, Source
from stress.report.result import SCHEMA, command_of, rerun_command
from stress.units import write_duration

SWITCH_INTERVAL_S = 0.005
RUN_FILES = "run-*.json"
GIVE = f"give a run directory, a {RUN_FILES} file, or a folder of either"


def gather(paths: Sequence[Path]) -> tuple[Source, ...]:
    """All that is in some paths, each file or directory once: the run files first, then soaks and sweeps.

    A folder that is no run directory itself stands for the run files and run directories in it.

    Raises:
        UserError: for the first path that is none of these, is damaged, or was written by a newer kstress.
    """
    folders = _once(folder for path in paths for folder in run_directories(path))
    files = _once(file for path in paths if not os.path.lexists(path / MANIFEST) for file in _run_files(path))
    runs = [entry for file in files for entry in read_run_file(file)]
    alone = Source(name=_name(files), kind=RUNS, entries=_numbered(runs), planned=len(runs))
    return (*([alone] if files else []), *(read_folder(folder) for folder in folders))


def _once(paths: Iterable[Path]) -> list[Path]:
    """Each path once, however it is spelled."""
    return list({os.path.realpath(path): path for path in paths}.values())


def _name(files: Sequence[Path]) -> str:
    """What to call some run files together."""
    return shown(files[0]) if len(files) == 1 else f"{len(files)} run files"


def _run_files(path: Path) -> list[Path]:
    """The run files that a path stands for: itself, or those in it, which may be none beside run directories."""
    if not os.path.isdir(path):
        return [path]
    with telling(f"cannot read {shown(path)}", GIVE):
        found = sorted(file for file in path.iterdir() if file.match(RUN_FILES))
    if not found and not run_directories(path):
        raise UserError(f"{shown(path)} holds neither {MANIFEST} nor {RUN_FILES}, nor run directories; {GIVE}")
    return found


def run_directories(path: Path) -> list[Path]:
    """The run directories that a path stands for: itself, or those in it."""
    if os.path.lexists(path / MANIFEST):
        return [path]
    return sorted(one for one in path.iterdir() if os.path.lexists(one / MANIFEST)) if path.is_dir() else []


def _numbered(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Runs with the same values on every axis are repeats of each other."""
    seen: dict[object, int] = {}
    numbered = []
    for entry in entries:
        key = attrs.astuple(entry.values)
        seen[key] = seen.get(key, 0) + 1
        numbered.append(attrs.evolve(entry, repeat=seen[key]))
    return tuple(numbered)


def read_run_file(path: Path) -> list[Entry]:
    """The runs in a file that `--results` or `--json` wrote.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    where = shown(path)
    document = parse(read_file(path), where)
    schema, runs = document.get("schema"), document.get("runs")
    if type(schema) is not int or schema < 1 or not isinstance(runs, list):
        raise UserError(f"{where} is no file of runs: it has no schema and runs; {GIVE}")
    if schema > SCHEMA:
        raise UserError(f"{where} has schema {shown(schema)}, this kstress knows up to {SCHEMA}; use a newer kstress")
    return [_run_entry(value, f"{where}, run {number}") for number, value in enumerate(runs, 1)]


def _run_entry(value: object, where: str) -> Entry:
    """One run of a file."""
    if not isinstance(value, dict):
        raise UserError(f"{where} is no JSON object: it is damaged, or no file of kstress")
    run = run_of(value, where)
    again = _again(run)
    return Entry(values=run.values(), repeat=1, seed=run.seed, where=where, again=again, run=run, json=value)


def _again(run: Run) -> str:
    """The command that runs it again: what a report of it says or, without one, what its figures were."""
    known = [report["again"] for report in run.reports if isinstance(report.get("again"), str)]
    if known:
        return str(known[0])
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
        return sweep_source(read_sweep(folder))
    raise UserError(f"{where} is not the manifest of a soak or a sweep: its kind is {shown(repr(kind))}; {GIVE}")


def soak_source(ending: Ending) -> Source:
    """A soak: an entry for each of its scenarios."""
    where = shown(ending.folder)
    entries = []
    for value, result in zip(ending.as_json(), ending.results, strict=True):
        run = run_of(value, where)
        standing = ending.standings[run.scenario]
        entry = Entry(
            values=attrs.evolve(run.values(), corpus=ending.manifest.plan.corpus),
            repeat=1,
            seed=run.seed,
            where=where,
            again=rerun_command(result),
            end=FAILED if standing.failure else DONE,
            run=run,
            json=value,
            trouble=standing.failure,
            findings=tuple(ending.reports(run.scenario)),
            stalled=standing.stall,
            soak=ending,
        )
        entries.append(entry)
    status = ending.manifest.status
    resume = None if status == COMPLETE else f"kstress soak --resume {shlex.quote(str(ending.folder))}"
    return Source(
        name=where, kind=SOAK, entries=tuple(entries), status=status, planned=len(entries), resume=resume
    )  # fmt: skip


def sweep_source(swept: Swept) -> Source:
    """A sweep: an entry for each cell that has ended, in the order of the matrix, not in that of time."""
    plan, status = swept.manifest.plan, swept.manifest.status
    ended = sorted(swept.ended, key=lambda one: (one.number, one.repeat))
    return Source(
        name=shown(swept.folder),
        kind=SWEEP,
        entries=tuple(_cell(swept, one) for one in ended),
        status=status,
        planned=len(ended) if plan.find else len(plan.cells) * plan.repeat,
        answers=tuple(answer(quest) for quest in quests_of(plan, swept.ended)),
        resume=None if status == COMPLETE else f"kstress sweep --resume {shlex.quote(str(swept.folder))}",
    )


def _cell(swept: Swept, ended: Ended) -> Entry:
    """One cell; UserError for a run that is not of its values."""
    values = swept.values_of(ended)
    where = f"{shown(swept.folder / CELLS)}, cell {ended.number}, repeat {ended.repeat}"
    run = None if ended.run is None else run_of(ended.run, where)
    if run and (run.scenario, run.cpus) != (values.scenario, values.cpus):
        raise UserError(f"{where} has a run of {shown(run.scenario)} on {run.cpus} CPUs, which is not what it is to be")
    return Entry(
        values=values,
        repeat=ended.repeat,
        seed=ended.seed,
        where=where,
        again=_cell_again(swept.manifest.plan, ended, where),
        end=ended.end,
        run=run,
        json=ended.run,
        trouble=ended.trouble,
        sought=swept.manifest.plan.find is not None,
        worker=ended.worker,
    )


def _cell_again(plan: Plan, ended: Ended, where: str) -> str:
    """The command that runs a cell again by itself; UserError for values that none can have."""
    origins = {part.name: part.origin for part in plan.scenarios}
    values = plan.cells[ended.number]
    interval = values.switch_interval_s
    if interval:  # a reader without a GIL could not make a config with one
        values = attrs.evolve(values, switch_interval_s=None)
    try:
        config = config_of(attrs.evolve(plan, cells=(values,)), 0, ended.seed)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    more = f" --switch-interval {write_duration(interval)}" if interval else ""
    return f"{command_of('run', origins[values.scenario], config)}{more}"
