"""Fisher's exact test, for how many repeats on each side had the expected verdict.

Source: R. A. Fisher, "Statistical Methods for Research Workers" (5th edition, 1934), section 21.02.
"""

import math
from itertools import count


def _chances(good: int, n: int, m: int) -> dict[int, float]:
    """How likely it is that just so many of `good` fall on the second side, of n and m repeats, if nothing differs."""
    ways = math.comb(n + m, good)
    return {
        k: math.comb(m, k) * math.comb(n, good - k) / ways for k in range(max(good - n, 0), min(good, m) + 1)
    }  # fmt: skip


def chances(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """One-sided p of "fewer on the second side" and of "more there"; each side as how many of how many."""
    known = _chances(a[0] + b[0], a[1], b[1])
    fewer = sum(chance for k, chance in known.items() if k <= b[0])
    more = sum(chance for k, chance in known.items() if k >= b[0])
    return min(fewer, 1.0), min(more, 1.0)


def smallest_chance(a: tuple[int, int], b: tuple[int, int]) -> float:
    """The least two-sided p that so many of so many can have, however they are dealt out."""
    known = _chances(a[0] + b[0], a[1], b[1])
    return min(2 * min(known[min(known)], known[max(known)]), 1.0)


def repeats_needed(good: int, of: int, chance: float) -> int:
    """How many repeats on each side may come out at `chance`, if on the whole as large a share of them is `good`.

    What decides is how many there are of the rarer kind, `good` or not, since these can at most all fall on one side.
    Neither kind may be missing.
    """
    rare = min(good, of - good)
    sizes = ((found, math.ceil(found * of / (2 * rare))) for found in count(1))
    return next(n for found, n in sizes if smallest_chance((found, n), (0, n)) <= chance)
