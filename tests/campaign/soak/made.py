"""Soaks made for the tests of `stress.campaign`: plans, samples and run directories, without starting a process."""

import functools
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console, RenderableType

from stress.campaign.reading import MANIFEST
from stress.campaign.records import ScenarioRecord, Session
from stress.campaign.soak.ending import Ending
from stress.campaign.soak.journal import SoakJournal
from stress.campaign.soak.messages import CpuGlance, Glance
from stress.campaign.soak.plan import new_plan, session
from stress.campaign.soak.records import Finding, Manifest, Plan, Sample, Standing
from stress.campaign.soak.rundir import FINDINGS, KIND, SAMPLES, StoredSoak, read_run
from stress.campaign.soak.view import Span, View, span
from stress.config import Config
from stress.judge.tally import Tally
from stress.judge.trials import Trials
from stress.machine.latency import BUCKETS
from stress.runs.report import Report

PAIR = ("stop_machine", "modlist_spinlock")
FILES = (MANIFEST, SAMPLES, FINDINGS)
SINCE = {"switch_interval_s", "readers_per_writer", "gap_s", "fate"}
"""Keys of plans and conditions that run directories written before there were variations do not have."""
TORN = Report(("=" * 20, "torn in kallsyms", "read half a name"), {"outcome": "torn", "cpu": 1})


@functools.cache
def plan_of(*scenarios: str, interval_s: float = 1.0) -> Plan:
    """A plan of a minute on the python engine."""
    config = Config(
        engine="python", duration_s=60.0, cpus=3, seed=7, noise=Fraction(1, 64), pace_s=0.001, stall_after_s=5.0
    )
    return new_plan(scenarios or PAIR, config, interval_s)


@functools.cache
def session_of(plan: Plan | None = None) -> Session:
    """A session of it that begins now."""
    return session(plan_of())


def tally_at(second: int) -> Tally:
    """What was counted up to this second: other counts in each."""
    latencies = [0] * BUCKETS
    latencies[100], latencies[200] = 3 * second, second
    return Tally(
        seconds=float(second),
        lookups=1000 * second + second % 7,
        loads=31 * second,
        unloads=30 * second,
        race_windows=100 * second,
        outcomes=Counter({"found": 900 * second, "absent": 100 * second + second % 7}),
        latencies=latencies,
        caught=Trials(50 * second),
    )


def twin_at(second: int) -> Tally:
    """What a twin has counted: a violation in two windows, and a catch in two trials."""
    caught = Trials(20 * second, 10 * second)
    return Tally(float(second), 500 * second, race_windows=40 * second, violations=20 * second, caught=caught)


def standing_at(second: int, scenario: str = PAIR[0], **more: Any) -> Standing:
    """A standing after so many seconds; only `stop_machine` has a twin."""
    twin = twin_at(second) if scenario == PAIR[0] else None
    values: dict[str, Any] = {"tally": tally_at(second), "twin": twin, "slices": second, "elapsed_s": float(second)}
    return Standing(scenario=scenario, **{**values, **more})


def sample_at(second: int, scenario: str = PAIR[0], **more: Any) -> Sample:
    """The sample that is written then."""
    at = f"2026-01-01T00:{second // 60 % 60:02}:{second % 60:02}Z"
    standing = standing_at(second, scenario, **more)
    return Sample(at=at, session=0, memory_bytes=(50 + second) << 20, steal_percent=0.5, standing=standing)


SAMPLED = tuple(sample_at(second, PAIR[second % 2]) for second in range(1, 9))
FOUND = (Finding(PAIR[1], "torn", "2026-01-01T00:00:01Z", TORN), Finding(PAIR[1], "wild", "2026-01-01T00:00:02Z", TORN))


def open_journal(
    results: Path, samples: Iterable[Sample] = SAMPLED, findings: Iterable[Finding] = FOUND
) -> SoakJournal:
    """A journal in a new run directory in `results`, with these lines in it."""
    journal = SoakJournal.create(KIND, results, plan_of(), session_of())
    for finding in findings:
        journal.keep(finding)
    for sample in samples:
        journal.append(sample)
    return journal


def make_run(results: Path, samples: Iterable[Sample] = SAMPLED, findings: Iterable[Finding] = FOUND) -> Path:
    """A run directory of a soak whose process is gone."""
    journal = open_journal(results, samples, findings)
    journal.close()
    return journal.folder


def run_of(plan: Plan, folder: Path = Path("somewhere")) -> StoredSoak:
    """A run of this plan in which nothing was learnt yet."""
    return StoredSoak(folder=folder, manifest=Manifest(1, "a test", "running", plan, (session_of(),)))


def ending_with(
    standings: Iterable[Standing], status: str = "complete", samples: tuple[Sample, ...] = (), plan: Plan | None = None
) -> Ending:
    """An ending with these standings."""
    manifest = Manifest(1, "a test", status, plan or plan_of(), (session_of(),))
    return Ending(Path("results/soak-1"), manifest, {one.scenario: one for one in standings}, FOUND, samples=samples)


def view_of(cpus: int = 3, plan: Plan | None = None, **more: Any) -> View:
    """What somebody sees who watches the pair after 20 and 21 seconds, in a turn of `stop_machine`."""
    current = standing_at(20, PAIR[0])
    seen = tuple(CpuGlance(cpu, "kallsyms", cpu % 2, "runs", 1234 + cpu) for cpu in range(cpus))
    glance = Glance(PAIR[0], 0.5, 20_500, 605, 2_345, 0, seen)
    spans: tuple[Span, ...] = tuple(span(standing_at(at), standing_at(at + 1)) for at in range(10, 20))
    values: dict[str, Any] = {"elapsed_s": 21.0, "current": current, "glance": glance, "spans": spans}
    values |= {"standings": (current, standing_at(21, PAIR[1])), "sample": sample_at(20)}
    return View(plan=plan or plan_of(), **{"folder": Path("results/soak-1"), **values, **more})


def renamed(plan: Plan, **names: str) -> Plan:
    """The plan with other names for some of its scenarios; where they come from is called so too."""

    def other(part: ScenarioRecord) -> ScenarioRecord:
        name = names.get(part.name, part.name)
        return attrs.evolve(part, name=name, origin=name)

    return attrs.evolve(plan, scenarios=tuple(map(other, plan.scenarios)))


def printed(shown: RenderableType, width: int = 100) -> str:
    """What a console of that width shows."""
    console = Console(file=StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def samples_in(folder: Path) -> tuple[Sample, ...]:
    """The samples that are read back."""
    return read_run(folder).samples
