"""Verdicts and their statistics, against exact Poisson probabilities."""

import math
from collections import Counter

import attrs
import pytest

from stress.judge.tally import Tally, Updates
from stress.judge.trials import Trials, bound_text, lower_bound, trials_of_slice, upper_bound, windows_as_trials
from stress.judge.verdict import TwinSide, judge, rate_upper_95, trials_needed

NOTHING = TwinSide(Tally(), "violated")


def tally(trials: int, catches: int, violations: int | None = None) -> Tally:
    """Counts with these; three windows overlap a change, and a catch is one violation unless there are more."""
    seen = catches if violations is None else violations
    outcomes = Counter(found=3 * trials - seen, wild=seen)
    return Tally(race_windows=3 * trials, violations=seen, outcomes=outcomes, caught=Trials(trials, catches))


def caught(trials: int, catches: int, violations: int | None = None) -> TwinSide:
    """A twin with these counts, which expects to be violated."""
    return TwinSide(tally(trials, catches, violations), "violated")


def at_most(events: int, mean: float) -> float:
    """The chance of `events` or fewer where `mean` are expected."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events + 1))


@pytest.mark.parametrize("events", [1, 2, 3, 5, 10, 30, 100, 1000])
def test_bounds_leave_five_percent_outside(events: int) -> None:
    assert 1 - at_most(events - 1, lower_bound(events)) == pytest.approx(0.05, abs=0.012)
    assert at_most(events, upper_bound(events)) == pytest.approx(0.05, abs=0.005)
    assert lower_bound(events) < events < upper_bound(events)


def test_no_bound_is_narrower_than_the_exact_one() -> None:
    for events in (*range(1, 101), 300, 1000, 3000):
        assert at_most(events, upper_bound(events)) <= 0.05
        assert 1 - at_most(events - 1, lower_bound(events)) <= 0.05
    assert at_most(0, upper_bound(0)) <= 0.05


def test_a_bound_is_told_rounded_up() -> None:
    assert bound_text(Trials(2890)) == "2,890 overlapped changes, 0 caught; at most 0.0011 per change (95 %)"
    assert bound_text(Trials(1000)) == "1,000 overlapped changes, 0 caught; at most 0.003 per change (95 %)"


def test_no_event_is_bounded_by_the_rule_of_three() -> None:
    assert Trials(1000).upper_95 == pytest.approx(0.003)
    assert Trials().upper_95 is None
    assert Trials(2).upper_95 == 1.0
    assert rate_upper_95(Tally(race_windows=1000)) == pytest.approx(0.003)


def test_a_forbidden_outcome_is_violated_even_if_it_stalled() -> None:
    assert judge(tally(10, 1), None, "CPU 0 spun").name == "violated"


def test_a_stall_is_stalled_and_says_who() -> None:
    verdict = judge(tally(10, 0), None, "CPU 0 spun")
    assert (verdict.name, verdict.reason) == ("stalled", "CPU 0 spun")


def test_held_takes_thirty_catches_of_the_twin() -> None:
    twin = caught(10_000, 100)
    needed = trials_needed(twin.tally)
    assert needed is not None
    assert needed > 30 * 10_000 / 100
    assert judge(tally(needed, 0), twin, None).name == "held"
    assert judge(tally(needed - 1, 0), twin, None).name == "inconclusive"


def test_windows_that_overlap_one_change_are_one_trial() -> None:
    clean = Tally(race_windows=10**9, caught=Trials(10))
    assert judge(clean, caught(10_000, 100), None).name == "inconclusive"


def test_violations_that_follow_from_one_piece_of_damage_are_one_catch() -> None:
    once, often = caught(128_351, 1), caught(128_351, 1, violations=809_340)
    assert trials_needed(once.tally) == trials_needed(often.tally)
    assert judge(tally(10**6, 0), often, None).name == "inconclusive"


def test_a_machine_is_in_trial_up_to_its_first_violation() -> None:
    assert trials_of_slice(500, 900, []) == Trials(500, 0)
    assert trials_of_slice(500, 900, [7, 3, 400]) == Trials(3, 1)


def test_several_writers_that_count_one_window_make_no_more_trials_than_windows() -> None:
    assert trials_of_slice(500, 90, []) == Trials(90, 0)
    assert trials_of_slice(500, 2, [4]) == Trials(2, 1)
    assert trials_of_slice(0, 0, [1]) == Trials(1, 1)


def test_against_a_twin_that_is_to_stall_and_stalled_held_takes_thirty_trials_without_a_stall() -> None:
    stalled = TwinSide(Tally(), "stalled", "CPU 0 spun")
    verdicts = [judge(tally(trials, 0), stalled, None) for trials in (0, 29, 30)]
    assert [verdict.name for verdict in verdicts] == ["inconclusive", "inconclusive", "held"]
    assert "the twin stalled: CPU 0 spun" in verdicts[-1].reason


def test_a_twin_that_stalled_excuses_no_violation_and_no_stall() -> None:
    stalled = TwinSide(Tally(), "stalled", "CPU 0 spun")
    assert judge(tally(100, 1), stalled, None).name == "violated"
    assert judge(tally(100, 0), stalled, "CPU 1 spun").reason == "CPU 1 spun"


@pytest.mark.parametrize("expect", ["violated", None])
def test_a_stall_of_a_twin_that_expects_something_else_proves_nothing(expect: str | None) -> None:
    verdict = judge(tally(31, 0), TwinSide(tally(100_000, 1), expect, "CPU 0 spun"), None)
    assert verdict.name == "inconclusive"
    assert "at the twin's rate it takes" in verdict.reason
    verdict = judge(tally(10**9, 0), TwinSide(tally(50, 0), expect, "CPU 0 spun"), None)
    assert verdict.name == "inconclusive"
    assert "a stall proves nothing of it: CPU 0 spun" in verdict.reason


def test_a_twin_that_is_to_stall_and_was_violated_counts_by_its_rate() -> None:
    both = TwinSide(tally(1000, 10), "stalled", "CPU 0 spun")
    assert judge(tally(31, 0), both, None).name == "inconclusive"
    assert judge(tally(10_000, 0), both, None).name == "held"


def test_where_writers_changed_nothing_that_counts_more_time_is_not_the_advice() -> None:
    busy, idle = Tally(updates=Updates(count=1000)), Tally()
    twins = (caught(10, 5), TwinSide(Tally(), "stalled", "CPU 0 spun"))
    for twin in twins:
        assert "put what writers change between p.write_lock and p.write_unlock" in judge(busy, twin, None).reason
        assert judge(idle, twin, None).reason.endswith(": run longer")
    assert judge(attrs.evolve(busy, race_windows=3), twins[0], None).reason.endswith(": run longer")


def test_without_a_program_that_writes_there_is_never_a_trial_and_more_time_is_not_the_advice() -> None:
    for twin in (caught(10, 5), NOTHING, TwinSide(Tally(), "stalled", "CPU 0 spun")):
        verdict = judge(Tally(), twin, None, has_writer=False)
        assert verdict.name == "inconclusive"
        assert verdict.reason.endswith("no program has writes=True: give it to those that change something")
    assert judge(tally(0, 1), NOTHING, None, has_writer=False).name == "violated"
    assert judge(Tally(), NOTHING, "CPU 1 spun", has_writer=False).name == "stalled"
    assert "no twin" in judge(Tally(), None, None, has_writer=False).reason


def test_held_says_not_reproduced_and_never_safe() -> None:
    reason = judge(tally(10**6, 0), caught(100, 90), None).reason
    assert "not reproduced" in reason
    assert "1,000,000 overlapped changes (3,000,000 race windows)" in reason
    assert "safe" not in reason


def test_counts_of_an_earlier_version_are_judged_as_they_were_and_say_so() -> None:
    clean = Tally(race_windows=10**6, caught=windows_as_trials(10**6, 0))
    twin = TwinSide(Tally(race_windows=100, violations=90, caught=windows_as_trials(100, 90)), "violated")
    verdict = judge(clean, twin, None)
    assert verdict.name == "held"
    assert "race windows, which an earlier version took for independent trials" in verdict.reason
    assert not (Trials(3) + windows_as_trials(4, 1)).independent


@pytest.mark.parametrize(
    ("twin", "why"),
    [
        (None, "no twin"),
        (NOTHING, "but the twin had no trial yet: run longer"),
        (caught(1000, 0), "the twin showed none either: this run could not have seen it"),
    ],
)
def test_without_a_twin_that_caught_something_nothing_can_be_said(twin: TwinSide | None, why: str) -> None:
    verdict = judge(tally(10**9, 0), twin, None)
    assert verdict.name == "inconclusive"
    assert why in verdict.reason
