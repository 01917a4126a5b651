"""Tests of a share that may look after every run: a bet gains nothing on average from what is true, by exact sums."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.sweep.shares import Runs, bet_above, bet_below
from tests.support import bounded

SHARES = st.floats(0.01, 0.99)


def mean_of(bet: object, runs: int, truth: float, held_against: float) -> float:
    """What a bet comes to on average after so many runs, of which a share shows it in truth."""
    assert callable(bet)
    return math.fsum(
        math.comb(runs, shown) * truth**shown * (1 - truth) ** (runs - shown) * bet(shown, runs - shown, held_against)
        for shown in range(runs + 1)
    )


@bounded(200)
@given(st.integers(0, 60), SHARES, SHARES)
def test_a_bet_gains_nothing_on_average_if_it_is_wrong(runs: int, one: float, other: float) -> None:
    lesser, greater = sorted((one, other))
    assert mean_of(bet_below, runs, greater, lesser) <= 1 + 1e-9
    assert mean_of(bet_above, runs, lesser, greater) <= 1 + 1e-9


@bounded(200)
@given(st.integers(0, 60), SHARES)
def test_at_the_share_itself_a_bet_is_fair(runs: int, share: float) -> None:
    assert mean_of(bet_below, runs, share, share) == pytest.approx(1)
    assert mean_of(bet_above, runs, share, share) == pytest.approx(1)


@bounded(200)
@given(st.integers(1, 400), st.data(), SHARES)
def test_the_more_runs_show_it_the_more_the_bet_on_above_is_worth(total: int, data: st.DataObject, at: float) -> None:
    shown = data.draw(st.integers(1, total))
    fewer = (shown - 1, total - shown + 1)
    assert bet_above(shown, total - shown, at) >= bet_above(*fewer, at)
    assert bet_below(shown, total - shown, at) <= bet_below(*fewer, at)


@pytest.mark.parametrize(("worth", "above", "below"), [(20, 68, 2), (40, 82, 2), (280, 121, 3)])
def test_so_many_runs_of_one_kind_decide(worth: float, above: int, below: int) -> None:
    assert bet_above(above, 0, 0.95) >= worth > bet_above(above - 1, 0, 0.95)
    assert bet_below(0, below, 0.95) >= worth > bet_below(0, below - 1, 0.95)


@bounded(200)
@given(st.integers(0, 400), st.integers(0, 400), SHARES)
def test_bounds_are_the_shares_that_neither_bet_refutes(shown: int, missed: int, share: float) -> None:
    lower, upper = Runs(shown, missed).bounds(0.95)
    assert lower <= (shown + 0.5) / (shown + missed + 1) <= upper
    if abs(share - lower) > 1e-6 and abs(share - upper) > 1e-6:
        assert (bet_above(shown, missed, share) >= 40) == (share < lower)
        assert (bet_below(shown, missed, share) >= 40) == (share > upper)


def test_ten_thousand_runs_of_one_kind_are_not_too_many() -> None:
    lower, upper = Runs(10_000, 0).bounds(0.95)
    assert 0.999 < lower < upper == 1
    assert Runs(0, 10_000).bounds(0.95)[1] < 0.002
