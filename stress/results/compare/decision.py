"""Which differences are real: all tests of a comparison are held at one level together.

Where nothing differs, anything at all is called different with at most that chance, however the figures hang together.

Sources: Holm, "A simple sequentially rejective multiple test procedure" (1979); Tarone, "A modified Bonferroni method
for discrete data" (1990).
"""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, count

from stress.results.compare.ranks import smallest_chance


def limit_of(least: Sequence[float], level: float) -> float:
    """The greatest `least_p` with which a test is worth doing.

    A test that could not come out even if everything were different only weakens the others. Which these are depends on
    how many repeats there are, and not on what came of them, so that leaving them out gives nothing away.
    """
    return next(level / k for k in count(1) if sum(one <= level / k for one in least) <= k)


def holm(chances: Sequence[float]) -> list[float]:
    """Each p as it is if all are to be held at one level together: to be compared with the level itself."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    scaled = [min((len(chances) - at) * chances[one], 1.0) for at, one in enumerate(order)]
    adjusted = dict(zip(order, accumulate(scaled, max), strict=True))
    return [adjusted[one] for one in range(len(chances))]


def decide(chances: Sequence[tuple[float, float]], level: float) -> list[float | None]:
    """The p of each test over all of them, None for one that could not tell anything.

    Each is given as its own p and the least that it could have been.
    """
    limit = limit_of([least for _, least in chances], level)
    able = [at for at, (_, least) in enumerate(chances) if least <= limit]
    adjusted = dict(zip(able, holm([chances[at][0] for at in able]), strict=True))
    return [adjusted.get(at) for at in range(len(chances))]


@cache
def repeats_needed(tests: int, level: float) -> int:
    """How many repeats on each side can tell, in so many tests at once."""
    return next(n for n in count(1) if smallest_chance(n, n) <= level / max(tests, 1))
