"""kstress: a real-threads stress harness for lockless readers against writers that free memory.

Whatever the command `kstress` can do, a Python caller can do with the names below. They are imported when
they are first used, so that `kstress --help` starts at once.
"""

TYPE_CHECKING = False
"""As type checkers know it; the module that has it takes longer to import than all else here."""

if TYPE_CHECKING:
    from stress.campaign.soak.soak import resume, soak
    from stress.campaign.sweep.matrix import Matrix
    from stress.campaign.sweep.sweep import resume_sweep, sweep
    from stress.campaign.workers.cluster import on_cluster
    from stress.campaign.workers.executor import on_executor
    from stress.config import Config
    from stress.errors import HarnessError, UserError
    from stress.judge.outcomes import Outcome
    from stress.kernel.protocol import Protocol
    from stress.kernel.struct import Struct
    from stress.results.compare.comparison import compare
    from stress.results.compare.terms import Terms
    from stress.runs.runner import run
    from stress.scenario import Hardware, Program, Scenario
    from stress.scenario_files import catalogue, find_scenario
    from stress.structure import Structure
    from stress.studies import study

_HOMES = {
    "Config": "stress.config",
    "Hardware": "stress.scenario",
    "HarnessError": "stress.errors",
    "Matrix": "stress.campaign.sweep.matrix",
    "Outcome": "stress.judge.outcomes",
    "Program": "stress.scenario",
    "Protocol": "stress.kernel.protocol",
    "Scenario": "stress.scenario",
    "Struct": "stress.kernel.struct",
    "Structure": "stress.structure",
    "Terms": "stress.results.compare.terms",
    "UserError": "stress.errors",
    "catalogue": "stress.scenario_files",
    "compare": "stress.results.compare.comparison",
    "find_scenario": "stress.scenario_files",
    "on_cluster": "stress.campaign.workers.cluster",
    "on_executor": "stress.campaign.workers.executor",
    "resume": "stress.campaign.soak.soak",
    "resume_sweep": "stress.campaign.sweep.sweep",
    "run": "stress.runs.runner",
    "soak": "stress.campaign.soak.soak",
    "study": "stress.studies",
    "sweep": "stress.campaign.sweep.sweep",
}

__all__ = [
    "Config",
    "Hardware",
    "HarnessError",
    "Matrix",
    "Outcome",
    "Program",
    "Protocol",
    "Scenario",
    "Struct",
    "Structure",
    "Terms",
    "UserError",
    "catalogue",
    "compare",
    "find_scenario",
    "on_cluster",
    "on_executor",
    "resume",
    "resume_sweep",
    "run",
    "soak",
    "study",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import a public name from where it lives, the first time it is asked for."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'stress' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
