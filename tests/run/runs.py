"""Whole runs on each engine: planted scenarios, short runs."""

from pathlib import Path

import attrs

from stress import Config, find_scenario, run
from stress.judge.verdict import INCONCLUSIVE
from stress.machine.seam import Cpu, kernel
from stress.runs.result import Result
from stress.scenario import Scenario

PLANTED = Path(__file__).parent / "planted"
SECONDS = 0.5


def run_one(name: str | Path | Scenario, engine: str, **more: object) -> Result:
    """Run one scenario for SECONDS, unless told otherwise."""
    [result] = run([name], Config(engine=engine, **{"duration_s": SECONDS, "seed": 1, **more}))  # type: ignore[arg-type]
    return result


def without_twin(name: str) -> Scenario:
    """A scenario of the catalogue as it is run where only its own counts are asked for: in half the time."""
    return attrs.evolve(find_scenario(name), twin=None)


def until_conclusive(name: str | Path, engine: str) -> Result:
    """Run one scenario for longer and longer, until its verdict says something; compiled code says it sooner."""
    for seconds in (*([0.3] if engine == "native" else []), 1.0, 4.0, 16.0):
        result = run_one(name, engine, duration_s=seconds)
        if result.verdict.name != INCONCLUSIVE:
            break
    return result


@kernel
def no_safepoint(cpu: Cpu) -> None:
    """Join no stop."""
