"""Whole runs on each engine: planted scenarios, short runs."""

from pathlib import Path

from stress import Config, run
from stress.judge.verdict import INCONCLUSIVE
from stress.machine.seam import Cpu, kernel
from stress.runs.result import Result

PLANTED = Path(__file__).parent / "planted"
SECONDS = 0.5


def run_one(name: str | Path, engine: str, **more: object) -> Result:
    """Run one scenario for SECONDS, unless told otherwise."""
    [result] = run([name], Config(engine=engine, **{"duration_s": SECONDS, "seed": 1, **more}))  # type: ignore[arg-type]
    return result


def until_conclusive(name: str | Path, engine: str) -> Result:
    """Run one scenario for longer and longer, until its verdict says something."""
    for seconds in (1.0, 4.0, 16.0):
        result = run_one(name, engine, duration_s=seconds)
        if result.verdict.name != INCONCLUSIVE:
            break
    return result


@kernel
def no_safepoint(cpu: Cpu) -> None:
    """Join no stop."""
