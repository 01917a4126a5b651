"""stop_machine: its protocol step by step on one thread, then its promise on real threads of both engines.

The promise: between `stop_machine` and `restart_machine` every other CPU has acknowledged DISABLE_IRQ, has
its interrupts off and finishes no operation; and two CPUs that both want to stop the machine take turns.
"""

from collections.abc import Sequence

import pytest

from stress.kernel.preempt import local_irq_disable, preempt_disable
from stress.kernel.stop_machine import (
    ACK,
    STATE_BITS,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_EXIT,
    STOPMACHINE_MUTEX,
    STOPMACHINE_PREPARE,
    STOPMACHINE_STATE,
    cond_resched,
    down,
    restart_machine,
    stop_machine,
)
from stress.machine.blocks import STOPS
from stress.machine.latency import BUCKETS, percentile
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.words import (
    AREA_BYTES,
    AREAS,
    COUNTERS,
    CPUS,
    IRQS_DISABLED,
    LATENCIES,
    LOG_BYTES,
    OPERATIONS,
    PREEMPT_COUNT,
    area_address,
)
from tests.support import ScriptedCpu, blank_ram, each_engine, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

INSIDE = AREAS - 192  # A word at the end of the statics, where nothing is declared: who is inside a stop.
ROUNDS = 30

# Counters in a CPU's log: stops made; other CPUs found not stopped; operations seen to end; overlapping stops.
STOPS_MADE = COUNTERS
NOT_STOPPED = COUNTERS + 8
MOVED = COUNTERS + 16
OVERLAPS = COUNTERS + 24


@kernel
def bump(cpu: Cpu, counter: int) -> None:
    """Add one to a counter of this CPU's log."""
    cpu.poke(cpu.log + counter, cpu.peek(cpu.log + counter) + 1)


@kernel
def operations_of_all(cpu: Cpu) -> int:
    """How many operations all CPUs have finished; each one's number only grows, so none moved if the sum did not."""
    logs = cpu.log - cpu.number * LOG_BYTES
    total = 0
    for other in range(cpu.peek(CPUS)):
        total += cpu.peek(logs + other * LOG_BYTES + OPERATIONS)
    return total


@kernel
def check_others(cpu: Cpu) -> None:
    """Count every other CPU that has not acknowledged DISABLE_IRQ of this stop or has its interrupts on."""
    word = cpu.peek(STOPMACHINE_STATE)
    for other in range(cpu.peek(CPUS)):
        area = AREAS + other * AREA_BYTES
        if word & 3 != STOPMACHINE_DISABLE_IRQ or cpu.peek(area + ACK) != word or cpu.peek(area + IRQS_DISABLED) != 1:
            bump(cpu, NOT_STOPPED)


@kernel
def section(cpu: Cpu) -> None:
    """What a coordinator checks inside of a stop, with time for others to break the promise."""
    if cpu.load(INSIDE) != 0:
        bump(cpu, OVERLAPS)
    cpu.store(INSIDE, cpu.number + 1)
    before = operations_of_all(cpu)
    check_others(cpu)
    cpu.sleep(50_000)
    check_others(cpu)
    if operations_of_all(cpu) != before:
        bump(cpu, MOVED)
    if cpu.load(INSIDE) != cpu.number + 1:
        bump(cpu, OVERLAPS)
    cpu.store(INSIDE, 0)
    bump(cpu, STOPS_MADE)


@kernel
def coordinate(cpu: Cpu) -> int:
    """Stop the machine ROUNDS times in all, one stop an operation; then just work."""
    if cpu.peek(cpu.log + STOPS_MADE) < ROUNDS:
        stop_machine(cpu)
        section(cpu)
        restart_machine(cpu)
    return 0


@kernel
def stop_without_waiting(cpu: Cpu) -> None:
    """A planted bug: a stop that does not wait for the other CPUs."""
    down(cpu, STOPMACHINE_MUTEX)
    preempt_disable(cpu)
    local_irq_disable(cpu)
    number = (cpu.load(STOPMACHINE_STATE) >> STATE_BITS) + 1
    cpu.store(cpu.area + ACK, number << STATE_BITS | STOPMACHINE_DISABLE_IRQ)
    cpu.store(STOPMACHINE_STATE, number << STATE_BITS | STOPMACHINE_DISABLE_IRQ)


@kernel
def coordinate_badly(cpu: Cpu) -> int:
    """As `coordinate`, with the planted bug."""
    if cpu.peek(cpu.log + STOPS_MADE) < ROUNDS:
        stop_without_waiting(cpu)
        section(cpu)
        restart_machine(cpu)
    return 0


@kernel
def work(cpu: Cpu) -> int:
    """An operation of a CPU that only works."""
    for word in range(16):
        cpu.load(AREAS + word * 8)
    return 0


def played(engine: str, operations: Sequence[Operation]) -> Ram:
    """RAM after the coordinators among `operations`, one a CPU, have made ROUNDS stops each."""
    ram = blank_ram(len(operations))
    coordinators = [operation is not work for operation in operations]
    expected = [[ROUNDS * is_coordinator] for is_coordinator in coordinators]
    programs = [program_of(engine, operation) for operation in operations]
    run_machine(ram, programs, lambda: ram.log_words(STOPS_MADE) == expected)
    return ram


def broken_promises(ram: Ram) -> int:
    """How often any coordinator found its promise broken."""
    return sum(sum(words) for words in ram.log_words(NOT_STOPPED, 3))


@pytest.mark.parametrize("cpus", [2, 3, 5, 8])
@each_engine
def test_nobody_else_moves_while_the_machine_is_stopped(engine: str, cpus: int) -> None:
    ram = played(engine, [coordinate, *[work] * (cpus - 1)])
    assert broken_promises(ram) == 0
    assert all(operations > 0 for [operations] in ram.log_words(OPERATIONS))


@pytest.mark.parametrize("cpus", [2, 4])
@each_engine
def test_two_coordinators_never_overlap_and_both_get_their_stops(engine: str, cpus: int) -> None:
    ram = played(engine, [coordinate, coordinate, *[work] * (cpus - 2)])
    assert broken_promises(ram) == 0


def test_a_stop_that_does_not_wait_is_caught_so_that_the_tests_above_can_fail() -> None:
    assert broken_promises(played("python", [coordinate_badly, work, work])) > 0


@each_engine
def test_every_stop_is_counted_and_timed_once(engine: str) -> None:
    ram = played(engine, [coordinate, coordinate, work])
    stops = ram.peek(STOPS)
    assert 2 * ROUNDS - 1 <= stops <= 2 * ROUNDS, "power-off may cut off the end of the last one"
    assert stops <= sum(map(sum, ram.log_words(LATENCIES, 640))) <= 2 * ROUNDS


def word_of(number: int, state: int) -> int:
    """The state word of a stop."""
    return number << STATE_BITS | state


def test_a_coordinator_publishes_each_state_after_all_have_acknowledged_the_one_before() -> None:
    ram = blank_ram(3)
    published: list[tuple[int, int]] = []

    def on_relax(address: int) -> None:
        """The other CPU acknowledges; until then the coordinator waits for its word."""
        other = (address - AREAS) // AREA_BYTES
        assert address == area_address(other) + ACK
        assert [ram.peek(cpu.area + word) for word in (IRQS_DISABLED, PREEMPT_COUNT)] == [1, 1]
        published.append((other, ram.peek(STOPMACHINE_STATE)))
        ram.poke(address, ram.peek(STOPMACHINE_STATE))

    cpu = ScriptedCpu(ram, on_relax)
    stop_machine(cpu)
    stopped_after = len(published)
    restart_machine(cpu)
    states = (STOPMACHINE_PREPARE, STOPMACHINE_DISABLE_IRQ, STOPMACHINE_EXIT)
    assert published == [(other, word_of(1, state)) for state in states for other in (1, 2)]
    assert stopped_after == 4
    assert [ram.peek(cpu.area + word) for word in (IRQS_DISABLED, PREEMPT_COUNT)] == [0, 0]
    assert (ram.peek(STOPMACHINE_MUTEX), ram.peek(STOPS)) == (0, 1)


def test_a_stopper_acknowledges_each_state_and_the_exit_before_it_lets_go() -> None:
    ram = blank_ram(2)
    seen: list[list[int]] = []
    states = [word_of(1, state) for state in (STOPMACHINE_PREPARE, STOPMACHINE_DISABLE_IRQ, STOPMACHINE_EXIT)]
    coming = iter(states[1:])

    def on_relax(address: int) -> None:
        assert address == STOPMACHINE_STATE
        seen.append([ram.peek(cpu.area + word) for word in (ACK, PREEMPT_COUNT, IRQS_DISABLED)])
        ram.poke(STOPMACHINE_STATE, next(coming))

    cpu = ScriptedCpu(ram, on_relax)
    ram.poke(STOPMACHINE_STATE, states[0])
    cond_resched(cpu)
    assert seen == [[states[0], 1, 0], [states[1], 1, 1]]
    assert [ram.peek(cpu.area + word) for word in (ACK, PREEMPT_COUNT, IRQS_DISABLED)] == [states[2], 0, 0]


def test_a_stopper_acknowledges_a_state_when_it_is_in_it_and_the_exit_while_it_still_is() -> None:
    ram = blank_ram(2)
    coming = iter([word_of(1, STOPMACHINE_DISABLE_IRQ), word_of(1, STOPMACHINE_EXIT)])
    cpu = ScriptedCpu(ram, lambda _: ram.poke(STOPMACHINE_STATE, next(coming)))
    acknowledged: list[tuple[int, int, int]] = []
    plain_store = cpu.store

    def store(address: int, value: int) -> None:
        assert address == cpu.area + ACK
        acknowledged.append((value, ram.peek(cpu.area + PREEMPT_COUNT), ram.peek(cpu.area + IRQS_DISABLED)))
        plain_store(address, value)

    cpu.store = store
    ram.poke(STOPMACHINE_STATE, word_of(1, STOPMACHINE_PREPARE))
    cond_resched(cpu)
    states = ((STOPMACHINE_PREPARE, 0), (STOPMACHINE_DISABLE_IRQ, 1), (STOPMACHINE_EXIT, 1))
    assert acknowledged == [(word_of(1, state), 1, irqs_disabled) for state, irqs_disabled in states]


def test_a_stopper_that_wakes_up_late_joins_the_stop_that_is_under_way_then() -> None:
    ram = blank_ram(2)
    cpu = ScriptedCpu(ram, lambda _: ram.poke(STOPMACHINE_STATE, word_of(7, STOPMACHINE_EXIT)))
    ram.poke(STOPMACHINE_STATE, word_of(7, STOPMACHINE_DISABLE_IRQ))
    ram.poke(cpu.area + ACK, word_of(6, STOPMACHINE_DISABLE_IRQ))
    cond_resched(cpu)
    assert cpu.spins_left == 999
    assert ram.peek(cpu.area + ACK) == word_of(7, STOPMACHINE_EXIT)


def test_a_safepoint_without_a_stop_does_nothing() -> None:
    ram = blank_ram(2)
    cpu = python_cpu(ram)
    ram.poke(STOPMACHINE_STATE, word_of(3, STOPMACHINE_EXIT))
    ram.poke(cpu.area + ACK, word_of(3, STOPMACHINE_EXIT))
    before = ram.image()
    cond_resched(cpu)
    assert ram.image() == before


def test_alone_on_the_machine_a_stop_needs_nobody() -> None:
    ram = blank_ram(1)
    cpu = python_cpu(ram)
    stop_machine(cpu)
    assert ram.peek(cpu.area + IRQS_DISABLED) == 1
    restart_machine(cpu)
    assert (ram.peek(cpu.area + IRQS_DISABLED), ram.peek(STOPS)) == (0, 1)


def test_a_stop_is_timed_from_its_begin_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ram = blank_ram(1)
    cpu = python_cpu(ram)
    clock = iter([1_000_000, 1_000_250])
    monkeypatch.setattr(cpu, "clock", lambda: next(clock))
    stop_machine(cpu)
    restart_machine(cpu)
    [latencies] = ram.log_words(LATENCIES, BUCKETS)
    told = percentile(latencies, 1.0)
    assert told is not None
    assert 250 <= told <= 250 * (1 + 1 / 16)
