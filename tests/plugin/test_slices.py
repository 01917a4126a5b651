"""Which noise comes when: every kind soon, what has found something more often, and no place again and again."""

from itertools import islice
from random import Random

from stress.marks.noise.slices import LONGEST_SECONDS, Slices
from stress.marks.noise.switches import CHOSEN, KINDS, Countdown, NoiseCounts, Yields


def test_every_kind_has_its_turn_in_the_first_tenth_of_a_second_or_two() -> None:
    first = list(islice(Slices(1.0), len(KINDS)))
    assert [kind for kind, _ in first] == list(KINDS)
    assert sum(seconds for _, seconds in first) < 0.2


def test_the_slices_of_each_kind_become_longer_from_cycle_to_cycle_up_to_the_longest() -> None:
    turns = list(islice(Slices(1.0), 6 * len(KINDS)))
    for kind in KINDS:
        lengths = [seconds for one, seconds in turns if one is kind]
        assert lengths == sorted(lengths)
        assert lengths[0] < lengths[1] <= lengths[-1] == Slices(1.0).longest


def test_no_slice_is_longer_than_its_part_of_the_time_or_the_longest() -> None:
    assert max(seconds for _, seconds in islice(Slices(1.0), 30)) == 1.0 / 20
    assert max(seconds for _, seconds in islice(Slices(3600.0), 30)) == LONGEST_SECONDS


def test_a_kind_that_has_found_something_has_two_turns_in_a_cycle() -> None:
    slices = Slices(1.0)
    turns = iter(slices)
    list(islice(turns, len(KINDS)))
    slices.found(KINDS[1])
    cycle = [kind for kind, _ in islice(turns, len(KINDS) + 1)]
    assert cycle.count(KINDS[1]) == 2
    assert set(cycle) == set(KINDS)


def test_a_place_that_is_rare_is_chosen_as_often_as_one_in_a_loop() -> None:
    code = test_no_slice_is_longer_than_its_part_of_the_time_or_the_longest.__code__
    places = [*([1, 2] * 30), *range(3, CHOSEN + 3)]

    def chosen(skips: bool) -> float:
        countdown = Countdown(Yields(2, 0, skips=skips), Random(1), counts := NoiseCounts())
        rare = 0
        for _ in range(300):
            for place in places:
                before = sum(counts.switches.values())
                countdown.event(code, place)
                rare += place == CHOSEN + 2 and sum(counts.switches.values()) > before
        return rare / sum(counts.switches.values())

    assert chosen(skips=True) > 3 * chosen(skips=False)
