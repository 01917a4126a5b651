"""Counts of a run: the sums over all CPUs and all slices, and the time of the first violation among them."""

import attrs

from stress.judge.outcomes import OUTCOMES as GRADED
from stress.judge.outcomes import Code
from stress.judge.tally import Tally
from stress.judge.trials import Trials
from stress.kernel.module import LOADS, UNLOADS
from stress.machine.ram import Ram
from stress.machine.words import (
    DISAGREEMENTS,
    FIRST_TRIAL,
    FIRST_VIOLATION,
    LATENCIES,
    OUTCOMES,
    OVERLAPPED,
    VIOLATIONS,
    WINDOWS,
)
from tests.support import blank_ram

COUNTERS = {"loads": LOADS, "unloads": UNLOADS, "race_windows": WINDOWS, "violations": VIOLATIONS}
COUNTERS |= {"disagreements": DISAGREEMENTS, "lookups": OUTCOMES + 8 * Code.FOUND, "stops": LATENCIES + 8 * 40}
STARTED_NS = 5_000_000_000


def harvested(*firsts: int) -> Ram:
    """RAM of a machine that is off: each CPU has other counts; its first violation came so many seconds after start."""
    ram = blank_ram(len(firsts))
    for cpu, first in enumerate(firsts):
        for number, offset in enumerate(COUNTERS.values()):
            ram.poke(ram.map.log(cpu) + offset, (number + 1) * 10 ** (cpu + 1))
        ram.poke(ram.map.log(cpu) + FIRST_VIOLATION, STARTED_NS + first * 10**9 if first else 0)
    return ram


def tally_of(*slices: Ram) -> Tally:
    """The counts of these slices, each of which took 100 seconds."""
    tally = Tally()
    for ram in slices:
        tally.add(ram, GRADED, STARTED_NS, 100.0)
    return tally


def test_every_counter_is_the_sum_over_all_cpus_and_slices() -> None:
    one, two = tally_of(harvested(0, 0, 0)), tally_of(harvested(0, 0, 0), harvested(0, 0))
    for number, name in enumerate(COUNTERS, start=1):
        assert getattr(one, name) == number * 1110
        assert getattr(two, name) == number * 1220
    assert two.outcomes == {"found": two.lookups}
    assert two.seconds == 200.0


def test_the_first_violation_is_the_first_of_any_cpu_in_the_first_slice_that_has_one() -> None:
    assert tally_of(harvested(0, 7, 3, 5)).first_violation_s == 3.0
    assert tally_of(harvested(0, 0), harvested(9, 4), harvested(1, 1)).first_violation_s == 104.0
    assert tally_of(harvested(0, 0)).first_violation_s is None


def test_each_slice_is_a_machine_of_its_own_in_trial_up_to_its_first_violation() -> None:
    clean, caught = blank_ram(3), blank_ram(3)
    for ram in (clean, caught):
        ram.poke(ram.map.log(0) + OVERLAPPED, 40)
        ram.poke(ram.map.log(1) + OVERLAPPED, 2)
        ram.poke(ram.map.log(2) + WINDOWS, 90)
    for cpu, trial in ((1, 9), (2, 7)):
        caught.poke(caught.map.log(cpu) + FIRST_TRIAL, trial)
        caught.poke(caught.map.log(cpu) + VIOLATIONS, 1000)
    assert tally_of(clean, caught, clean).caught == Trials(42 + 7 + 42, 1)
    assert tally_of(clean).joined(tally_of(caught)).caught == Trials(42 + 7, 1)


def test_the_time_to_a_catch_is_that_of_machines_in_trial_and_leaves_out_what_comes_after_it() -> None:
    clean, soon, late, off = harvested(0, 0), harvested(7, 3), harvested(0, 13), harvested(120, 0)
    for ram in (soon, late, off):
        ram.poke(ram.map.log(0) + FIRST_TRIAL, 1)
    tally = tally_of(clean, soon, late)
    assert (tally.trial_seconds, tally.mean_to_catch_s) == (100 + 3 + 13, 58.0)
    assert tally.joined(tally_of(off)).trial_seconds == 116 + 100
    assert tally_of(clean).mean_to_catch_s is None
    earlier = attrs.evolve(tally, trial_seconds=None)
    assert (
        earlier.mean_to_catch_s
        is earlier.joined(tally).mean_to_catch_s
        is tally.joined(earlier).mean_to_catch_s
        is None
    )


def test_an_outcome_that_nobody_grades_is_told_by_its_number() -> None:
    ram = blank_ram()
    ram.poke(ram.map.log(0) + OUTCOMES + 8 * 29, 2)
    assert tally_of(ram).outcomes == {"outcome 29": 2}
