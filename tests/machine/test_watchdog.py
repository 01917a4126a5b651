"""The watchdog on RAM whose words a test writes by hand, with a clock of its own: no CPU runs here."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.kernel.stop_machine import ACK, STOPMACHINE_MUTEX, STOPMACHINE_STATE
from stress.kernel.struct_module import MODLIST_LOCK, MODULE_MUTEX
from stress.machine import words
from stress.machine.waits import Link, Stall, Wait, follow
from stress.machine.watchdog import Watchdog
from stress.machine.words import area_address
from tests.support import blank_ram, bounded

STALL_SECONDS = 10.0
STEP = 0.25
NOWHERE = 0x6B6B_6B6B_6B6B_6B6B


class Paper:
    """A machine on paper: CPU i runs the program `prog<i>`; the test says what each CPU does as time goes by."""

    def __init__(self, cpus: int) -> None:
        """Nobody has done anything yet."""
        self.ram = blank_ram(cpus)
        self.now = 0.0
        self.dead: set[int] = set()
        self.used: dict[int, float] = {}
        self.watchdog = Watchdog(
            self.ram,
            [f"prog{number}" for number in range(cpus)],
            STALL_SECONDS,
            lambda number: number not in self.dead,
            lambda: self.now,
            lambda number: self.used.get(number),
        )

    def bump(self, cpu: int, offset: int) -> None:
        """Add one to a word of a CPU's log."""
        self.ram.poke(self.ram.map.log(cpu) + offset, self.ram.peek(self.ram.map.log(cpu) + offset) + 1)

    def spin(self, cpu: int, address: int) -> None:
        """A CPU spins once on the word at `address`."""
        self.ram.poke(self.ram.map.log(cpu) + words.SPINNING_ON, address)
        self.bump(cpu, words.SPINS)

    def take(self, cpu: int, lock: int) -> None:
        """A CPU takes a lock."""
        self.ram.poke(lock, cpu + 1)

    def sample(self, seconds: float = STEP) -> Stall | None:
        """Let time pass and sample."""
        self.now += seconds
        return self.watchdog.sample()

    def run(self, spins: Mapping[int, int], counts: Mapping[int, int] | None = None, steps: int = 60) -> Stall | None:
        """Let CPUs spin on words, and count up words of others' logs, until it stalls or `steps` samples passed."""
        for _ in range(steps):
            for cpu, address in spins.items():
                self.spin(cpu, address)
            for cpu, offset in (counts or {}).items():
                self.bump(cpu, offset)
            if stall := self.sample():
                return stall
        return None

    def stall(self, spins: Mapping[int, int], counts: Mapping[int, int] | None = None) -> Stall:
        """The stall that this ends in."""
        stall = self.run(spins, counts)
        assert stall is not None
        assert stall.seconds >= STALL_SECONDS
        return stall


def cpus_of(stall: Stall) -> list[int]:
    """The CPUs of the chain."""
    return [link.cpu for link in stall.links]


def test_opposite_orders_are_a_cycle_of_two() -> None:
    paper = Paper(2)
    paper.take(0, MODULE_MUTEX)
    paper.take(1, MODLIST_LOCK)
    stall = paper.stall({0: MODLIST_LOCK, 1: MODULE_MUTEX})
    assert stall.cycle == (0, 1)
    assert stall.text == (
        "CPU 0 (prog0, operation 0) has spun for 10.0 s on modlist_lock, held by CPU 1 -> "
        "CPU 1 (prog1, operation 0) has spun for 10.0 s on module_mutex, held by CPU 0 -> CPU 0, a cycle"
    )


def test_a_lock_taken_twice_is_held_by_itself() -> None:
    paper = Paper(1)
    paper.take(0, MODLIST_LOCK)
    stall = paper.stall({0: MODLIST_LOCK})
    assert stall.cycle == (0,)
    assert stall.text == "CPU 0 (prog0, operation 0) has spun for 10.0 s on modlist_lock, held by itself"


def test_a_chain_may_lead_into_a_cycle_that_the_first_cpu_is_not_in() -> None:
    paper = Paper(3)
    paper.take(1, MODULE_MUTEX)
    paper.take(2, MODLIST_LOCK)
    paper.run({0: MODULE_MUTEX}, steps=4)
    stall = paper.stall({0: MODULE_MUTEX, 1: MODLIST_LOCK, 2: MODULE_MUTEX})
    assert cpus_of(stall) == [0, 1, 2]
    assert stall.cycle == (1, 2)
    assert stall.text.endswith("module_mutex, held by CPU 1 -> CPU 1, a cycle")


def test_a_cpu_that_has_not_spun_long_enough_is_part_of_the_chain() -> None:
    paper = Paper(2)
    paper.take(1, MODULE_MUTEX)
    paper.run({0: MODULE_MUTEX}, {1: words.OPERATIONS}, steps=30)
    paper.take(0, MODLIST_LOCK)
    stall = paper.stall({0: MODULE_MUTEX, 1: MODLIST_LOCK})
    assert stall.cycle == (0, 1)
    assert (stall.links[1].seconds or 0.0) < STALL_SECONDS


@pytest.mark.parametrize(
    ("word", "activity", "says"),
    [
        (words.OPERATIONS, "goes on", "goes on with other operations"),
        (words.SLEEPS, "sleeps", "sleeps within that operation"),
        (words.RANDOM, "runs on", "runs on within that operation"),
    ],
)
def test_a_holder_that_waits_for_nobody_ends_the_chain(word: int, activity: str, says: str) -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    stall = paper.stall({0: MODLIST_LOCK}, {1: word})
    assert stall.cycle == ()
    assert cpus_of(stall) == [0, 1]
    assert stall.links[1].activity == activity
    assert stall.links[1].spins_on is None
    assert "modlist_lock, held by CPU 1 -> CPU 1 (prog1, operation " in stall.text
    assert says in stall.text


def test_a_holder_whose_thread_has_ended_ends_the_chain() -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    paper.dead.add(1)
    stall = paper.stall({0: MODLIST_LOCK})
    assert stall.text.endswith("CPU 1 (prog1, operation 0) has ended: its thread is gone")


def test_a_lock_that_is_free_is_waited_for_in_vain() -> None:
    stall = Paper(2).stall({0: MODLIST_LOCK})
    assert cpus_of(stall) == [0]
    assert stall.cycle == ()
    assert stall.text.endswith("modlist_lock, which is free just now")


def test_a_holder_that_does_not_exist_is_told_and_not_followed() -> None:
    paper = Paper(2)
    paper.take(40, MODLIST_LOCK)
    stall = paper.stall({0: MODLIST_LOCK})
    assert cpus_of(stall) == [0]
    assert "held by CPU 40" in stall.text


@pytest.mark.parametrize("address", [NOWHERE, -8, words.BOUND, words.LOW + 0x9000])
def test_a_word_that_nobody_in_particular_stores_ends_the_chain(address: int) -> None:
    stall = Paper(1).stall({0: address})
    assert cpus_of(stall) == [0]
    assert stall.text.endswith(f"{words.name_of(address)}, which no CPU in particular stores")


def test_a_per_cpu_word_is_waited_for_from_its_cpu() -> None:
    paper = Paper(3)
    paper.take(0, MODLIST_LOCK)
    stall = paper.stall({0: area_address(2) + ACK, 2: MODLIST_LOCK})
    assert stall.cycle == (0, 2)
    assert "on stopmachine_ack of CPU 2 -> CPU 2 (prog2, " in stall.text


def test_who_spins_on_a_per_cpu_word_of_its_own_waits_for_any_other_cpu() -> None:
    paper = Paper(2)
    paper.used[1] = 5.0
    mine = {0: area_address(0) + ACK}
    assert paper.run(mine, steps=400) is None
    paper.used[1] = 6.0
    stall = paper.stall(mine)
    assert (cpus_of(stall), stall.cycle) == ([0], ())
    assert stall.text.endswith("on stopmachine_ack of CPU 0, which no CPU in particular stores")


def test_what_lies_behind_the_last_area_is_no_per_cpu_word() -> None:
    paper = Paper(2)
    stall = paper.stall({0: area_address(2) + ACK})
    assert cpus_of(stall) == [0]
    assert f"on {area_address(2) + ACK:#x}, which no CPU in particular stores" in stall.text


def test_a_word_stored_only_by_a_locks_holder_is_waited_for_from_that() -> None:
    paper = Paper(2)
    paper.take(1, STOPMACHINE_MUTEX)
    stall = paper.stall({0: STOPMACHINE_STATE, 1: area_address(0) + ACK})
    assert stall.cycle == (0, 1)
    assert "on stopmachine_state, stored only by the holder of stopmachine_mutex: CPU 1 -> CPU 1" in stall.text


def test_a_word_stored_only_by_a_locks_holder_may_be_left_by_all() -> None:
    stall = Paper(1).stall({0: STOPMACHINE_STATE})
    assert cpus_of(stall) == [0]
    assert stall.text.endswith("stored only by the holder of stopmachine_mutex: nobody")


def test_only_a_lock_can_be_named_as_what_decides_who_stores_a_word() -> None:
    with pytest.raises(ValueError, match="bound, which is not a lock"):
        words.static("never_declared", stored_by=words.BOUND)


def test_a_spin_that_has_ended_is_no_wait() -> None:
    paper = Paper(2)
    paper.take(0, MODULE_MUTEX)
    paper.take(1, MODLIST_LOCK)
    paper.run({1: MODULE_MUTEX}, steps=20)
    stall = paper.stall({0: MODLIST_LOCK})
    assert stall.cycle == ()
    assert stall.links[1].activity == "runs on"


def test_a_lock_had_after_a_spin_is_not_taken_twice() -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    assert paper.run({0: MODLIST_LOCK}, {1: words.OPERATIONS}, steps=38) is None
    paper.spin(0, MODLIST_LOCK)
    paper.take(0, MODLIST_LOCK)
    assert paper.run({}, steps=4) is None
    assert not paper.watchdog.suspects(STEP)
    assert paper.watchdog.links()[0].activity == "runs on"


def test_a_cpu_that_got_no_core_for_some_samples_still_spins() -> None:
    paper = Paper(2)
    paper.take(0, MODULE_MUTEX)
    paper.take(1, MODLIST_LOCK)
    stall = None
    for _ in range(20):
        stall = stall or paper.run({0: MODLIST_LOCK, 1: MODULE_MUTEX}, steps=1) or paper.run({0: MODLIST_LOCK}, steps=3)
    assert stall is not None
    assert stall.cycle == (0, 1)
    assert (stall.links[1].seconds or 0.0) < stall.seconds


def starved(paper: Paper, share: float, steps: int = 400) -> Stall | None:
    """CPU 0 spins on a lock of CPU 1, which has a `share` of a core."""
    paper.used.setdefault(1, 5.0)
    for _ in range(steps):
        paper.used[1] += share * STEP
        if stall := paper.run({0: MODLIST_LOCK}, steps=1):
            return stall
    return None


def test_a_holder_that_gets_no_core_is_no_stall_and_one_that_had_one_is() -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    assert starved(paper, 0.0, steps=200) is None
    assert paper.watchdog.suspects(STALL_SECONDS)
    stall = starved(paper, 0.05)
    assert stall is not None
    assert cpus_of(stall) == [0, 1]
    assert stall.links[1].activity == "runs on"


def test_a_holder_that_sleeps_again_and_again_has_had_a_core() -> None:
    paper = Paper(2)
    paper.used[1] = 5.0
    paper.take(1, MODLIST_LOCK)
    assert paper.stall({0: MODLIST_LOCK}, {1: words.SLEEPS}).links[1].activity == "sleeps"


def test_a_word_that_anybody_may_store_is_waited_for_from_all_that_have_had_no_core() -> None:
    paper = Paper(3)
    paper.used.update({1: 5.0, 2: 5.0})
    assert paper.run({0: words.BOUND}) is None
    paper.used[1] += 1.0
    assert paper.run({0: words.BOUND}, steps=1) is None
    paper.used[2] += 1.0
    assert paper.run({0: words.BOUND}, steps=1) is None  # it may have spun before CPU 2 had its core
    assert paper.run({0: words.BOUND}, steps=1) is not None


def test_who_waits_has_to_look_again_once_the_holder_has_had_a_core() -> None:
    paper = Paper(2)
    paper.used[1] = 5.0
    paper.take(1, MODLIST_LOCK)
    assert paper.run({0: MODLIST_LOCK}) is None
    paper.used[1] += 10.0
    assert paper.run({}, steps=4) is None
    assert paper.run({0: MODLIST_LOCK}, steps=1) is not None


def late(paper: Paper) -> None:
    """CPU 0 stops the machine and waits for CPU 2, which had no core; then that acknowledges, and waits for CPU 0."""
    paper.used[2] = 5.0
    paper.take(0, STOPMACHINE_MUTEX)
    assert paper.run({0: area_address(2) + ACK}) is None
    assert paper.run({2: STOPMACHINE_STATE}, steps=6) is None
    assert paper.watchdog.links()[2].activity == "spins"


def test_a_cpu_that_comes_late_and_waits_then_is_in_no_cycle_before_the_other_has_looked_again() -> None:
    paper = Paper(3)
    late(paper)
    assert paper.run({0: area_address(1) + ACK, 2: STOPMACHINE_STATE}, steps=4) is None


def test_a_cpu_that_comes_late_and_ends_no_wait_is_in_a_cycle() -> None:
    paper = Paper(3)
    late(paper)
    stall = paper.run({0: area_address(2) + ACK, 2: STOPMACHINE_STATE}, steps=4)
    assert stall is not None
    assert stall.cycle == (0, 2)


def test_a_wait_that_ends_is_forgotten_with_what_its_holder_has_used() -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    assert starved(paper, 0.0, steps=60) is None
    paper.bump(0, words.OPERATIONS)
    paper.used[1] += 10.0
    assert starved(paper, 0.0, steps=60) is None


def test_a_stall_is_not_doubted_for_ever_but_never_told_either() -> None:
    paper = Paper(2)
    paper.take(1, MODLIST_LOCK)
    assert starved(paper, 0.0) is None
    assert not paper.watchdog.suspects(STEP)


def test_a_lock_that_changes_hands_is_no_stall_of_who_waits_longest() -> None:
    paper = Paper(3)
    for holder in (1, 2) * 10:
        paper.take(holder, MODLIST_LOCK)
        assert paper.run({0: MODLIST_LOCK}, steps=20) is None


def test_a_cpu_that_finishes_operations_has_not_stalled_however_much_it_spins() -> None:
    paper = Paper(1)
    assert paper.run({0: MODLIST_LOCK}, {0: words.OPERATIONS}, steps=200) is None


def test_a_cpu_that_spins_on_one_word_after_the_other_has_not_stalled() -> None:
    paper = Paper(1)
    for _ in range(100):
        assert paper.run({0: MODLIST_LOCK}, steps=2) is None
        assert paper.run({0: MODULE_MUTEX}, steps=2) is None


def test_spins_in_operations_before_do_not_count() -> None:
    paper = Paper(1)
    assert paper.run({0: MODLIST_LOCK}, {0: words.OPERATIONS}, steps=100) is None
    assert paper.run({0: MODLIST_LOCK}, steps=8) is None
    assert not paper.watchdog.suspects(9 * STEP)


def test_a_stall_is_told_from_the_cpu_that_has_spun_longest() -> None:
    paper = Paper(2)
    paper.run({0: MODLIST_LOCK}, steps=1)
    paper.spin(0, MODLIST_LOCK)
    paper.spin(1, MODLIST_LOCK)
    paper.sample(0.2)
    stall = None
    while stall is None:
        paper.spin(0, MODLIST_LOCK)
        paper.spin(1, MODLIST_LOCK)
        stall = paper.sample(0.5)
    assert cpus_of(stall) == [0]
    assert stall.others == (1,)


def test_a_cpu_that_does_not_run_has_not_stalled() -> None:
    paper = Paper(1)
    paper.run({0: MODLIST_LOCK}, steps=8)
    assert paper.run({}, steps=200) is None
    assert not paper.watchdog.suspects(STEP)


def test_a_process_that_was_suspended_has_not_stalled() -> None:
    paper = Paper(1)
    paper.run({0: MODLIST_LOCK}, steps=2)
    paper.spin(0, MODLIST_LOCK)
    assert paper.sample(3600.0) is None


def test_who_spins_beside_the_chain_is_counted() -> None:
    paper = Paper(4)
    paper.take(0, MODLIST_LOCK)
    stall = paper.stall(dict.fromkeys(range(4), MODLIST_LOCK))
    assert cpus_of(stall) == [0]
    assert stall.others == (1, 2, 3)
    assert stall.text.endswith("held by itself; 3 more spin")


def test_stacks_are_those_of_the_cpus_in_the_chain() -> None:
    paper = Paper(3)
    paper.take(2, MODLIST_LOCK)
    stall = paper.stall({0: MODLIST_LOCK}).with_stacks([("a",), ("b",), ("c",)])
    assert [link.stack for link in stall.links] == [("a",), ("c",)]


@bounded(200)
@given(st.lists(st.integers(0, 7) | st.none(), min_size=8, max_size=8), st.integers(0, 7))
def test_every_chain_ends_at_a_cpu_that_waits_for_nobody_or_in_a_cycle(targets: list[int | None], first: int) -> None:
    def link_of(number: int) -> Link:
        target = targets[number]
        return Link(number, "any", 0, "spins").spinning(1.0, Wait(0, 8, 0, target))

    stall = Stall(follow(first, link_of))
    numbers = cpus_of(stall)
    assert numbers[0] == first
    assert len(set(numbers)) == len(numbers)
    assert [targets[number] for number in numbers[:-1]] == numbers[1:]
    last = targets[numbers[-1]]
    assert stall.cycle == (() if last is None else tuple(numbers[numbers.index(last) :]))
