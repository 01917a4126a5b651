"""Spinlocks and semaphores: real threads on both engines lose no increment; only a semaphore's wait is a safepoint."""

import pytest

from stress.kernel.preempt import local_irq_disable, local_irq_enable, preempt_disable, preempt_enable
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import (
    ACK,
    STATE_BITS,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_EXIT,
    STOPMACHINE_PREPARE,
    STOPMACHINE_STATE,
    down,
    up,
)
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Oops, Operation, kernel
from stress.machine.words import (
    AREAS,
    BAD_ARGUMENT,
    COUNTERS,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    IRQS_DISABLED,
    PREEMPT_COUNT,
    name_of,
)
from tests.support import ScriptedCpu, blank_ram, each_engine, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

# Words of these tests at the end of the statics, where nothing is declared: a lock and what it guards.
LOCK = AREAS - 128
GUARDED = AREAS - 64
SECTIONS = 150
CPUS = 3

# Counters in a CPU's log: sections entered; what was wrong inside or after one.
ENTERED = COUNTERS
WRONG = COUNTERS + 8


@kernel
def bump(cpu: Cpu, counter: int) -> None:
    """Add one to a counter of this CPU's log."""
    cpu.poke(cpu.log + counter, cpu.peek(cpu.log + counter) + 1)


@kernel
def increment(cpu: Cpu) -> None:
    """Add one to the guarded word in two steps, with time for others in between."""
    value = cpu.load(GUARDED)
    cpu.sleep(50_000)
    cpu.store(GUARDED, value + 1)
    bump(cpu, ENTERED)


@kernel
def under_spinlock(cpu: Cpu) -> int:
    """Increment under a spinlock, SECTIONS times; preemption must be off inside and on again behind it."""
    if cpu.peek(cpu.log + ENTERED) == SECTIONS:
        cpu.sleep(50_000)
        return 0
    spin_lock(cpu, LOCK)
    if cpu.peek(cpu.area + PREEMPT_COUNT) != 1:
        bump(cpu, WRONG)
    increment(cpu)
    spin_unlock(cpu, LOCK)
    if cpu.peek(cpu.area + PREEMPT_COUNT) != 0:
        bump(cpu, WRONG)
    return 0


@kernel
def under_semaphore(cpu: Cpu) -> int:
    """Increment under a semaphore, SECTIONS times; preemption must stay on."""
    if cpu.peek(cpu.log + ENTERED) == SECTIONS:
        cpu.sleep(50_000)
        return 0
    down(cpu, LOCK)
    if cpu.peek(cpu.area + PREEMPT_COUNT) != 0:
        bump(cpu, WRONG)
    increment(cpu)
    up(cpu, LOCK)
    return 0


@kernel
def unprotected(cpu: Cpu) -> int:
    """Increment under nothing, SECTIONS times."""
    if cpu.peek(cpu.log + ENTERED) == SECTIONS:
        cpu.sleep(50_000)
        return 0
    increment(cpu)
    return 0


def counted(engine: str, operation: Operation) -> Ram:
    """RAM after CPUS CPUs of `engine` have run SECTIONS sections each."""
    ram = blank_ram(CPUS)
    program = program_of(engine, operation)
    run_machine(ram, [program] * CPUS, lambda: ram.log_words(ENTERED) == [[SECTIONS]] * CPUS)
    return ram


@each_engine
@pytest.mark.parametrize("operation", [under_spinlock, under_semaphore])
def test_no_increment_is_lost_under_a_lock(engine: str, operation: Operation) -> None:
    ram = counted(engine, operation)
    assert ram.peek(GUARDED) == CPUS * SECTIONS
    assert ram.log_words(WRONG) == [[0]] * CPUS
    assert ram.peek(LOCK) == 0


def test_increments_are_lost_without_a_lock_so_that_the_test_above_can_fail() -> None:
    assert counted("python", unprotected).peek(GUARDED) < CPUS * SECTIONS


def test_the_words_of_these_tests_are_declared_by_nobody() -> None:
    assert [name_of(word) for word in (LOCK, GUARDED)] == [hex(LOCK), hex(GUARDED)]


def test_a_spinlock_holds_its_holders_number_plus_one() -> None:
    ram = blank_ram(3)
    spin_lock(python_cpu(ram, 2), LOCK)
    assert ram.peek(LOCK) == 3


@pytest.mark.parametrize("holder", [0, 1, 3])
def test_a_spinlock_is_given_back_by_its_holder_alone(holder: int) -> None:
    ram = blank_ram(3)
    ram.poke(LOCK, holder)
    cpu = python_cpu(ram, 1)
    with pytest.raises(Oops):
        spin_unlock(cpu, LOCK)
    assert ram.peek(LOCK) == holder
    assert [cpu.peek(cpu.log + word) for word in (FAULT_ADDRESS, FAULT_ACCESS)] == [LOCK, BAD_ARGUMENT]


def test_preemption_nests_and_interrupts_do_not() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    seen = []
    off = [preempt_disable, preempt_disable, local_irq_disable, local_irq_disable]
    for change in [*off, preempt_enable, local_irq_enable, preempt_enable]:
        change(cpu)
        seen.append((ram.peek(cpu.area + PREEMPT_COUNT), ram.peek(cpu.area + IRQS_DISABLED)))
    assert seen == [(1, 0), (2, 0), (2, 1), (2, 1), (1, 1), (1, 0), (0, 0)]


def state_word(state: int) -> int:
    """The state word of stop number 1."""
    return 1 << STATE_BITS | state


def test_waiting_for_a_spinlock_is_no_safepoint() -> None:
    ram = blank_ram(2)
    spins: list[int] = []

    def on_relax(address: int) -> None:
        spins.append(address)
        assert ram.peek(cpu.area + PREEMPT_COUNT) == 1
        if len(spins) == 5:
            ram.poke(LOCK, 0)

    cpu = ScriptedCpu(ram, on_relax)
    ram.poke(LOCK, 2)
    ram.poke(STOPMACHINE_STATE, state_word(STOPMACHINE_PREPARE))
    spin_lock(cpu, LOCK)
    assert spins == [LOCK] * 5
    assert ram.peek(cpu.area + ACK) == 0


def test_waiting_for_a_semaphore_joins_a_stop_and_then_waits_on() -> None:
    ram = blank_ram(2)
    spins: list[int] = []
    following = {STOPMACHINE_PREPARE: STOPMACHINE_DISABLE_IRQ, STOPMACHINE_DISABLE_IRQ: STOPMACHINE_EXIT}

    def on_relax(address: int) -> None:
        spins.append(address)
        if address == LOCK:
            ram.poke(LOCK, 0)
            return
        state = ram.peek(STOPMACHINE_STATE)
        assert ram.peek(cpu.area + ACK) == state
        ram.poke(STOPMACHINE_STATE, state_word(following[state & 3]))

    cpu = ScriptedCpu(ram, on_relax)
    ram.poke(LOCK, 2)
    ram.poke(STOPMACHINE_STATE, state_word(STOPMACHINE_PREPARE))
    down(cpu, LOCK)
    assert spins == [STOPMACHINE_STATE, STOPMACHINE_STATE, LOCK]
    assert ram.peek(cpu.area + ACK) == state_word(STOPMACHINE_EXIT)
    assert ram.peek(LOCK) == 1
