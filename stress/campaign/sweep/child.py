"""The process of one cell: `python -m stress.campaign.sweep.child`, started by `stress.campaign.sweep.cell`.

It ends when the pipe that it got the job by is closed, as it is when the sweep's process dies.
"""

import errno
import faulthandler
import json
import sys
import traceback
from collections.abc import Callable

from stress.campaign.converter import from_json
from stress.campaign.parts import load_part
from stress.campaign.pipes import Failed, take_pipes
from stress.campaign.sweep.messages import Job, Message, NoMemory, Ran, Started
from stress.campaign.sweep.plan import config_of
from stress.errors import HarnessError, UserError
from stress.machine.machine import Machine
from stress.machine.watchdog import Watchdog
from stress.runner import Hooks, run_scenario, world_for

Speak = Callable[[Message], None]
MOST_REPORTS = 1
"""Violations of a cell that are kept in full: those that tell most; a sweep has many cells."""


class FirstLook:
    """Tells once when CPUs first ran, which is when they first looked something up, to some microseconds."""

    def __init__(self, speak: Speak, began_ns: int) -> None:
        """Not yet."""
        self._speak, self._began_ns, self._told = speak, began_ns, False

    def __call__(self, machine: Machine, watchdog: Watchdog) -> None:
        """Look at a machine."""
        if not self._told:
            self._told = True
            self._speak(Started((machine.started_ns - self._began_ns) / 1e9))


def work(job: Job, speak: Speak, interrupted: Callable[[], bool]) -> Ran:
    """Run the cell."""
    config = config_of(job.plan, 0, job.seed)
    scenario = load_part(job.plan.scenarios[0])
    hooks = Hooks(interrupted=interrupted, watch=FirstLook(speak, job.began_ns))
    run = run_scenario(scenario, world_for(config), config, hooks).as_json()
    return Ran({**run, "reports": run["reports"][:MOST_REPORTS]})


def main() -> int:
    """Do the job; the exit code."""
    faulthandler.enable(all_threads=False)  # the thread that crashed, not so many that it is lost among them
    line, speak, stop = take_pipes()
    job = from_json(json.loads(line), Job, "the job")
    try:
        speak(work(job, speak, stop.is_set))
    except Exception as error:
        speak(what_failed(error))
    return 0


def what_failed(error: Exception) -> NoMemory | Failed:
    """How an error is told to the sweep."""
    known = isinstance(error, UserError | HarnessError)
    text = str(error) if known else "".join(traceback.format_exception(error))
    if is_for_memory(error):
        return NoMemory(text)
    return Failed(isinstance(error, UserError), text)


def is_for_memory(error: BaseException | None) -> bool:
    """Whether an error came from a lack of memory: an object's, or a mapping's, as a machine's RAM is."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    sys.exit(main())
