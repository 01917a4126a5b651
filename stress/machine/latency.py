"""A histogram of latencies in a CPU's log: 16 buckets for each power of two, so 6 % wide, from 1 ns to two hours."""

from collections.abc import Sequence

from stress.machine.seam import Cpu, kernel
from stress.machine.words import LATENCIES

BUCKETS = 640
"""One for each of the first 32 ns, then 16 for each of 38 powers of two; the last one begins at 2.3 hours."""


@kernel
def record_latency(cpu: Cpu, nanoseconds: int) -> None:
    """Count one latency in this CPU's log; what is longer than the last bucket counts there."""
    exponent = 0
    mantissa = max(nanoseconds, 0)
    while mantissa >= 32:
        mantissa >>= 1
        exponent += 1
    bucket = cpu.log + LATENCIES + min(exponent * 16 + mantissa, BUCKETS - 1) * 8
    cpu.poke(bucket, cpu.peek(bucket) + 1)


def upper_edge(bucket: int) -> int:
    """The largest latency in nanoseconds that falls into `bucket`."""
    exponent = max(bucket // 16 - 1, 0)
    return (bucket - exponent * 16 + 1 << exponent) - 1


def percentile(counts: Sequence[int], share: float) -> int | None:
    """The latency in nanoseconds that `share` (0 to 1) of all counted ones do not exceed; None without any.

    It is the upper edge of a bucket: up to 6 % more than the latency was, the longest one's too.
    """
    total = sum(counts)
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= share * total:
            return upper_edge(bucket)
    return None
