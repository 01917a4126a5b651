"""The decision as a whole, on dice: how often it calls equal things different, how often it finds what is slower."""

import random

import pytest

from stress.results.compare.decision import decide
from stress.results.compare.ranks import smallest_chance
from stress.results.compare.tested import test_ranks as ranked
from tests.results.compare.made import drawn

FIGURES = 5


def called(dice: random.Random, repeats: int, spread: float, off: float, tolerance: float, *, alike: bool) -> bool:
    """Whether anything is called different: five figures, the first of them off; or five times the same one."""
    tests = []
    for figure in range(FIGURES):
        if figure == 0 or not alike:
            a, b = drawn(dice, repeats, spread), drawn(dice, repeats, spread, off if figure == 0 else 1.0)
        tests.append((ranked(a, b, True, tolerance)[0], smallest_chance(repeats, repeats)))
    return any(p is not None and p <= 0.05 for p in decide(tests, 0.05))


def count(times: int, **given: float) -> int:
    """How often of so many times."""
    dice = random.Random(2005)
    settings = {"repeats": 8, "spread": 0.1, "off": 1.0, "tolerance": 0.0, "alike": False, **given}
    return sum(called(dice, **settings) for _ in range(times))  # type: ignore[arg-type]


@pytest.mark.parametrize("repeats", [5, 6, 8, 12])
@pytest.mark.parametrize("alike", [False, True])
def test_without_a_tolerance_equal_things_are_called_different_at_most_as_often_as_the_level_says(
    repeats: int, alike: bool
) -> None:
    assert count(1000, repeats=repeats, alike=alike) <= 50 + 3 * 7


def test_with_the_tolerance_hardly_ever() -> None:
    assert count(400, tolerance=0.05) <= 4
    assert count(400, tolerance=0.05, off=0.97, spread=0.01) <= 4


@pytest.mark.parametrize(("repeats", "spread"), [(6, 0.03), (8, 0.05), (12, 0.08)])
def test_what_is_a_fifth_slower_is_found(repeats: int, spread: float) -> None:
    assert count(100, repeats=repeats, spread=spread, off=0.8, tolerance=0.05) >= 90


def test_what_is_a_fifth_faster_too() -> None:
    assert count(100, spread=0.05, off=1.25, tolerance=0.05) >= 90


def test_one_repeat_in_which_the_host_was_busy_hides_nothing_and_shows_nothing() -> None:
    dice = random.Random(7)
    found = wrong = 0
    for _ in range(100):
        a, same, slower = drawn(dice, 10, 0.03), drawn(dice, 10, 0.03), drawn(dice, 10, 0.03, 0.8)
        a[0] = same[1] = slower[2] = 0.1
        wrong += ranked(a, same, True, 0.05)[0] <= 0.01
        found += ranked(a, slower, True, 0.05)[0] <= 0.01
    assert (wrong, found >= 90) == (0, True)


def test_it_does_not_matter_which_side_is_called_a() -> None:
    dice = random.Random(5)
    for _ in range(50):
        a, b = drawn(dice, 6, 0.1), drawn(dice, 7, 0.1, 0.85)
        (p, worse), (q, better) = ranked(a, b, True, 0.05), ranked(b, a, True, 0.05)
        assert p == q
        assert worse != better or p == 1.0
