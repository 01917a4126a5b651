"""The switch interval of a run: short in some of its slices, and as it was afterwards, whatever code under test does.

Code that sets an interval for a while may save that of a short slice, and put it back once the slice is over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from sys import getswitchinterval, setswitchinterval  # bound here, so that no test patches them

import attrs

SHORT_INTERVAL = 1e-6


@attrs.define
class SwitchInterval:
    """The interval, in seconds, after which a thread asks for the GIL. `usual`: as it was when the run began."""

    usual: float = attrs.field(factory=getswitchinterval)

    @contextmanager
    def short(self) -> Iterator[bool]:
        """Make it short, unless the code under test has set one of its own; whether it is short now."""
        self.restore()
        is_usual = getswitchinterval() == self.usual
        if is_usual:
            setswitchinterval(SHORT_INTERVAL)
        try:
            yield is_usual
        finally:
            self.restore()

    def restore(self) -> None:
        """Make it what it was, if it is short. One that the code under test has set stays."""
        if getswitchinterval() == SHORT_INTERVAL:
            setswitchinterval(self.usual)
