"""Verdicts and their statistics, against exact Poisson probabilities."""

import math
from collections import Counter

import pytest

from stress.judge.tally import Tally
from stress.judge.verdict import judge, lower_bound, rate_upper_95, upper_bound, windows_needed


def tally(windows: int, violations: int) -> Tally:
    """Counts with these."""
    return Tally(race_windows=windows, violations=violations, outcomes=Counter(found=windows))


def at_most(events: int, mean: float) -> float:
    """The chance of `events` or fewer where `mean` are expected."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events + 1))


@pytest.mark.parametrize("events", [1, 2, 3, 5, 10, 30, 100, 1000])
def test_bounds_leave_five_percent_outside(events: int) -> None:
    assert 1 - at_most(events - 1, lower_bound(events)) == pytest.approx(0.05, abs=0.012)
    assert at_most(events, upper_bound(events)) == pytest.approx(0.05, abs=0.005)
    assert lower_bound(events) < events < upper_bound(events)


def test_no_event_is_bounded_by_the_rule_of_three() -> None:
    assert rate_upper_95(tally(1000, 0)) == pytest.approx(0.003)
    assert rate_upper_95(tally(0, 0)) is None
    assert rate_upper_95(tally(2, 0)) == 1.0


def test_a_forbidden_outcome_is_violated_even_if_it_stalled() -> None:
    assert judge(tally(10, 1), None, "CPU 0 spun").name == "violated"


def test_a_stall_is_stalled_and_says_who() -> None:
    verdict = judge(tally(10, 0), None, "CPU 0 spun")
    assert (verdict.name, verdict.reason) == ("stalled", "CPU 0 spun")


def test_held_takes_thirty_catches_of_the_twin() -> None:
    twin = tally(10_000, 100)
    needed = windows_needed(twin)
    assert needed is not None
    assert needed > 30 * 10_000 / 100
    assert judge(tally(needed, 0), twin, None).name == "held"
    assert judge(tally(needed - 1, 0), twin, None).name == "inconclusive"


def test_against_a_twin_that_stalled_held_takes_thirty_windows_without_a_stall() -> None:
    verdicts = [judge(tally(windows, 0), tally(0, 0), None, "CPU 0 spun") for windows in (0, 29, 30)]
    assert [verdict.name for verdict in verdicts] == ["inconclusive", "inconclusive", "held"]
    assert "the twin stalled: CPU 0 spun" in verdicts[-1].reason


def test_a_twin_that_stalled_excuses_no_violation_and_no_stall() -> None:
    assert judge(tally(100, 1), tally(0, 0), None, "CPU 0 spun").name == "violated"
    assert judge(tally(100, 0), tally(0, 0), "CPU 1 spun", "CPU 0 spun").reason == "CPU 1 spun"


def test_held_says_not_reproduced_and_never_safe() -> None:
    reason = judge(tally(10**6, 0), tally(100, 90), None).reason
    assert "not reproduced" in reason
    assert "safe" not in reason


@pytest.mark.parametrize(
    ("twin", "why"),
    [(None, "no twin"), (tally(0, 0), "the twin showed none"), (tally(1000, 0), "the twin showed none")],
)
def test_without_a_twin_that_caught_something_nothing_can_be_said(twin: Tally | None, why: str) -> None:
    verdict = judge(tally(10**9, 0), twin, None)
    assert verdict.name == "inconclusive"
    assert why in verdict.reason
