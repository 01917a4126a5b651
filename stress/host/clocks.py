"""The host's clock and sleep, even where a test patches, freezes or shifts those of `time`.

They are bound when this module is imported, which the pytest plugin does before any test. Each is a partial, because
freezegun replaces the functions of `time` in every module that has them. The clock is read by its number where it has
one, because other tools change `time.monotonic` in C.
"""

import time
from collections.abc import Callable
from functools import partial

if hasattr(time, "CLOCK_MONOTONIC"):
    monotonic: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    monotonic_ns: Callable[[], int] = partial(time.clock_gettime_ns, time.CLOCK_MONOTONIC)
else:
    monotonic, monotonic_ns = partial(time.monotonic), partial(time.monotonic_ns)
sleep: Callable[[float], None] = partial(time.sleep)
