"""Whole runs on each engine: planted scenarios, short runs."""

from pathlib import Path

from stress import Config, run
from stress.runs.result import Result

PLANTED = Path(__file__).parent / "planted"
SECONDS = 2.0


def run_one(name: str | Path, engine: str, **more: object) -> Result:
    """Run one scenario for SECONDS, unless told otherwise."""
    [result] = run([name], Config(engine=engine, **{"duration_s": SECONDS, "seed": 1, **more}))  # type: ignore[arg-type]
    return result
