"""Sweeps made of dice, in the form of real ones, as large as one likes: for the benchmark of reports, and for tests.

No figure in them means anything.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import to_json
from stress.campaign.folder import encode
from stress.campaign.reading import MANIFEST, kind_of
from stress.campaign.records import ScenarioRecord, Session
from stress.campaign.sweep.records import SCHEMA, SWEEP, CellResult, Manifest, Plan, Values
from stress.campaign.sweep.sweepdir import CELLS
from stress.judge.outcomes import OUTCOMES
from stress.judge.sources import POISON, WHOLE
from stress.judge.tally import Tally
from stress.judge.trials import Trials
from stress.judge.verdict import TwinSide, judge, rate_upper_95
from stress.judge.violation import FREED, LIVE, Access, Block, ByteRun, Copied, Deed, Node, Row, Subject, Violation
from stress.machine.stacks import Frame
from stress.runs.codec import violation_json
from stress.runs.conditions import Conditions
from stress.runs.report import Report
from stress.runs.result import trials_json
from stress.scenario_files import catalogue

CPUS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
ENGINES = ("python", "native")
SECONDS = 10.0
SEED = 2005
STACK = (
    Frame("strncpy", "stress/kernel/string.py", 11),
    Frame("kallsyms_lookup", "stress/kernel/kallsyms.py", 237),
    Frame("read_symbol", "stress/programs/read_symbol.py", 56),
)
FORBIDDEN_SEEN = ("wild", "poisoned", "torn", "freed")


def pairs(most: int) -> list[str]:
    """At most so many scenarios of the catalogue: each that expects HELD, then its twin."""
    held = [scenario for scenario in catalogue() if scenario.expect == "held" and scenario.twin]
    by_twin = {scenario.twin: scenario.name for scenario in reversed(held)}
    return [name for twin, held_name in by_twin.items() for name in (held_name, str(twin))][:most]


def part(name: str) -> ScenarioRecord:
    """A scenario of the catalogue, or one of that name that expects VIOLATED."""
    known = {scenario.name: scenario for scenario in catalogue()}
    scenario = known.get(name, attrs.evolve(known["modlist_spinlock"], name=name, origin=name))
    return ScenarioRecord(
        name, name, scenario.claim, scenario.source, scenario.expect, scenario.twin, dict(scenario.outcomes), "0" * 16
    )


def matrix(names: Sequence[str], cpus: Sequence[int] = CPUS, engines: Sequence[str] = ENGINES) -> list[Values]:
    """Every scenario on every engine and CPU count."""
    return [
        Values(scenario=name, engine=engine, cpus=count, noise=Fraction(1, 64), pace_s=0.001)
        for name in names
        for engine in engines
        for count in cpus
    ]


def conditions(**more: Any) -> Conditions:
    """The conditions of some host."""
    values: dict[str, Any] = {
        "python": "3.13.1", "gil": True, "numba": "0.61.0", "cores": 2, "affinity": [0, 1], "switch_interval_s": 0.005,
        "steal_percent": 0.4, "kasan": True, "noise": 1 / 64, "pace_s": 0.001, "stall_after_s": 5.0,
    }  # fmt: skip
    return Conditions(**{**values, **more})


def violation(outcome: str, symbol: str = "llc_remove_pack") -> Violation:
    """A violation that has something in every section of its report."""
    deed = Deed(0, "modprobe", 71, 74, 0.00069, "llc", STACK)
    data = bytes([0x6B]) * 16
    return Violation(
        outcome=outcome, cpu=1, program="kallsyms", operation=149, in_handler=False, stop=74, seconds=0.258514,
        hit=Access(0x407B088, 1, False, 0xFB, STACK), fault=None, warning=None,
        asked=Subject(0x3FFFFFFFA0041240, symbol.encode(), "llc"),
        copied=Copied(
            b"llc_kkkk", symbol.encode(),
            (ByteRun(b"llc_", WHOLE, symbol.encode(), ("llc",)), ByteRun(b"kkkk", POISON)),
        ),
        answer=None, steps=18,
        walk=tuple(Node(0x4042000 + 0x1000 * at, f"mod{at}", FREED if at == 15 else LIVE) for at in range(16)),
        focus=0x407B088, block=Block(0x407A000, 8192, 4480, False, True, deed, deed),
        memory=tuple(Row(0x407B060 + 16 * at, data, b"\xfb\xfb") for at in range(5)),
    )  # fmt: skip


def _caught(windows: int, rate: float, violations: int) -> Trials:
    """Trials of 40 machines, each caught if any was; a change is overlapped by three lookups."""
    return Trials(round(40 / min(3 * rate, 1.0)), 40) if violations else Trials(windows // 3)


def run_json(values: Values, dice: random.Random, expect: str, twin: str | None, seed: int = SEED) -> dict[str, Any]:
    """What `kstress run --json` could have said of a run with these values."""
    native = values.engine == "native"
    spread = dice.lognormvariate(0.0, 0.25)
    lookups = int((9e5 if native else 2.5e3) * SECONDS * min(values.cpus, 4) ** 0.3 * spread)
    unloads = int((5e3 if native else 3e2) * SECONDS / math.sqrt(values.cpus) * spread)
    windows = 0 if values.cpus == 1 else int(min(lookups * 0.3, unloads * values.cpus * 0.8))
    rate = (0.03 if native else 0.2) / values.cpus * dice.lognormvariate(0.0, 0.4)
    violations = int(windows * rate) if expect == "violated" else 0
    seen = dict.fromkeys(OUTCOMES, 0) | {"found": lookups - violations, "wild": violations}
    tally = Tally(SECONDS, lookups, unloads, unloads, windows, violations, 0, 0.004 * spread if violations else None)
    beside = Tally(SECONDS / 8, race_windows=windows // 7, violations=int(windows // 7 * rate)) if twin else None
    tally.caught = _caught(windows, rate, violations)
    if beside:
        beside.caught = _caught(windows // 7, rate, beside.violations)
    verdict = judge(tally, TwinSide(beside, "violated") if beside else None, None)
    p50 = (3e-5 if native else 8e-4) * values.cpus**0.8 * spread * 1e6
    again = f"kstress run {values.scenario} --engine {values.engine} --cpus {values.cpus} --duration 10s --seed {seed}"
    return {
        "scenario": values.scenario, "engine": values.engine, "cpus": values.cpus, "seed": seed, "duration_s": SECONDS,
        "expect": expect, "verdict": verdict.name, "reason": verdict.reason, "as_expected": verdict.name == expect,
        "interrupted": False, "lookups": lookups, "loads": unloads, "unloads": unloads, "race_windows": windows,
        "violations": violations, **trials_json(tally.caught),
        "first_violation_s": tally.first_violation_s, "rate_upper_95": rate_upper_95(tally),
        "outcomes": seen, "stall": None,
        "stop_machine": {"count": unloads, "p50_us": round(p50, 3), "p99_us": round(p50 * 4, 3), "max_us": p50 * 90},
        "reports": [violation_json(violation(name), again) for name in FORBIDDEN_SEEN] if violations else [],
        "twin": {"scenario": twin, "race_windows": beside.race_windows, "violations": beside.violations,
                 **{name: trials_json(beside.caught)[name] for name in ("trials", "catches")}}
        if beside else None,
        "conditions": attrs.asdict(conditions(noise=float(values.noise), pace_s=values.pace_s)),
    }  # fmt: skip


def cells(plan: Plan, broken: Mapping[int, str] | None = None) -> Iterator[CellResult]:
    """Every cell and repeat of a plan; `broken` says how the first repeat of some cells ended instead."""
    dice, parts = random.Random(plan.seed), {part.name: part for part in plan.scenarios}
    for number, values in enumerate(plan.cells):
        of = parts[values.scenario]
        for repeat in range(1, plan.repeat + 1):
            end = (broken or {}).get(number, "done") if repeat == 1 else "done"
            trouble = (
                None if end == "done" else Report((f"the cell's process {end}", "its last words"), {"reason": end})
            )
            yield CellResult(
                at="2026-01-01T00:00:00Z", session=0, number=number, repeat=repeat, seed=SEED + repeat, end=end,
                seconds=SECONDS + 1, first_lookup_s=0.4,
                run=None if trouble else run_json(values, dice, of.expect, of.twin, SEED + repeat), trouble=trouble,
            )  # fmt: skip


def plan_of(values: Sequence[Values], repeat: int = 5) -> Plan:
    """A plan of these cells."""
    names = dict.fromkeys(one.scenario for one in values)
    return Plan(
        scenarios=tuple(map(part, names)), cells=tuple(values), repeat=repeat, seed=SEED, duration_s=SECONDS,
        kasan=True, stall_after_s=None, stop_on_violation=False, corpus_digests={}, sources_digest="0" * 16,
    )  # fmt: skip


def write_sweep(
    folder: Path, plan: Plan, ended: Iterator[CellResult] | Sequence[CellResult], status: str = "complete"
) -> Path:
    """The run directory of a sweep."""
    folder.mkdir(parents=True)
    head = Manifest(SCHEMA, "kstress 0.1.0", status, plan, (Session("2026-01-01T00:00:00Z", conditions()),))
    (folder / MANIFEST).write_text(json.dumps({"kind": kind_of(SWEEP), **to_json(head)}, indent=1))
    (folder / CELLS).write_bytes(b"".join(map(encode, ended)))
    return folder
