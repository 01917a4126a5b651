"""The process of one cell: `python -m stress.campaign.sweep.child`, started by `stress.campaign.sweep.cell`."""

import sys
import threading
import time
from collections.abc import Callable

from stress.campaign.pipes import Lost, serve
from stress.campaign.records import load_recorded
from stress.campaign.sweep.messages import GoesOn, Job, Message, Ran, Started
from stress.campaign.sweep.plan import config_of
from stress.machine.machine import Machine
from stress.machine.watchdog import Watchdog
from stress.runs.hooks import Hooks
from stress.runs.runner import run_scenario, world_for

Speak = Callable[[Message], None]
BEAT_SECONDS = 1.0
MOST_REPORTS = 1
"""Violations of a cell that are kept in full: those that tell most; a sweep has many cells."""


class Looks:
    """Reports when CPUs first ran, which is when they first looked something up, and once a second that they run on."""

    def __init__(self, speak: Speak, began_ns: int) -> None:
        """Not yet."""
        self._speak, self._began_ns, self._spoke_at = speak, began_ns, 0.0

    def __call__(self, machine: Machine, watchdog: Watchdog) -> None:
        """Look at a machine."""
        if not self._spoke_at:
            self._speak(Started((machine.started_ns - self._began_ns) / 1e9))
        elif time.monotonic() < self._spoke_at + BEAT_SECONDS:
            return
        else:
            self._speak(GoesOn())
        self._spoke_at = time.monotonic()


def work(job: Job, speak: Speak, stop: threading.Event) -> None:
    """Run the cell."""
    config = config_of(job.plan, 0, job.seed)
    scenario = load_recorded(job.plan.scenarios[0])
    looks = Looks(speak, job.began_ns)
    hooks = Hooks(interrupted=stop.is_set, watch=looks, before_exit=lambda why: speak(Lost(why)))
    run = run_scenario(scenario, world_for(config), config, hooks).as_json()
    speak(Ran({**run, "reports": run["reports"][:MOST_REPORTS]}))


def main() -> int:
    """Do the job; the exit code."""
    return serve(Job, work)


if __name__ == "__main__":
    sys.exit(main())
