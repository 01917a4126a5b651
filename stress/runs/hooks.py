"""What the caller of a run takes part in while it runs."""

from collections.abc import Callable

import attrs

from stress.judge.tally import Tally
from stress.machine.machine import Machine
from stress.machine.watchdog import Watchdog
from stress.scenario import Scenario

Progress = Callable[[Scenario, Tally, float], None]
"""Called often with the scenario, its counts up to the last slice, and how many of its seconds have passed."""


@attrs.frozen
class Hooks:
    """Progress, an early end, a look at each machine, and a last chance before the process must exit.

    `before_exit` gets the reason. `watch` is called with the machine and its watchdog after each look at its CPUs,
    some fifty times a second.
    """

    progress: Progress = lambda scenario, tally, seconds: None
    interrupted: Callable[[], bool] = lambda: False
    before_exit: Callable[[str], None] = lambda why: None
    watch: Callable[[Machine, Watchdog], None] = lambda machine, watchdog: None


NO_HOOKS = Hooks()
