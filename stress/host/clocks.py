"""The host's clock and its sleep, whatever a test makes of those in `time`, which it may patch, freeze or shift.

They are bound when this is imported, which the pytest plugin does before any test. Each is a partial: freezegun looks
through every module for the functions of `time` themselves. The clock is asked for by its number where it has one:
`time.monotonic` is among what others change in C.
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
