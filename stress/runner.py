"""`stress.runs.runner`, by the name that scripts of 0.1.0 import it by."""

from stress.runs.runner import run, run_scenario, world_for

__all__ = ["run", "run_scenario", "world_for"]
