"""How the thread of a CPU lets others run: it yields its core, or it sleeps for a moment on a host that is crowded.

Beside busy threads of other programs a yield takes milliseconds: Linux charges it as a whole turn on the core, and
gives each of them one first. A thread that has slept for a moment comes next, since it has used less than its share.
Where nobody else wants the core, a yield is quicker by far.
"""

from collections.abc import Callable
from functools import partial

import attrs

from stress.host import clocks
from stress.machine.python_engine import sched_yield

NAP_SECONDS = 0.000001
"""As short as a sleep can be: Linux makes some 50 microseconds of it."""
nap: Callable[[], None] = partial(clocks.sleep, NAP_SECONDS)


@attrs.define(eq=False)
class CoreYield:
    """Lets other threads run, by `give`. The test's thread changes it between slices; one load sees the old or new."""

    give: Callable[[], None] = attrs.field(init=False, factory=lambda: sched_yield)

    @property
    def naps(self) -> bool:
        """Whether it sleeps."""
        return self.give is nap

    def adapt(self, is_crowded: bool) -> None:
        """Sleep from now on, if other programs want the core, or else yield it."""
        self.give = nap if is_crowded else sched_yield
