"""What the kernel warns of around a stop: a lock taken inside of it, a lock that has an owner, a CPU that runs."""

import pytest

from stress.kernel.held import is_held, warn_if_running
from stress.kernel.spinlock import spin_lock, warn_if_owned
from stress.kernel.stop_machine import (
    ACK,
    STATE_BITS,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_EXIT,
    STOPMACHINE_PREPARE,
    STOPMACHINE_STATE,
    is_stopped,
)
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.ram import Ram
from stress.machine.words import (
    CPU_RUNS,
    IRQS_DISABLED,
    LOCKED_WHILE_STOPPED,
    OWNED_WHILE_STOPPED,
    WARNING,
    WARNING_ADDRESS,
    area_address,
)
from tests.support import blank_ram, python_cpu

CPUS = 4


def word_of(number: int, state: int) -> int:
    """The state word of a stop."""
    return number << STATE_BITS | state


STOPPED = word_of(7, STOPMACHINE_DISABLE_IRQ)


def stopped_machine() -> Ram:
    """A machine in the last step of a stop, every CPU held."""
    ram = blank_ram(CPUS)
    ram.poke(STOPMACHINE_STATE, STOPPED)
    for number in range(CPUS):
        ram.poke(area_address(number) + ACK, STOPPED)
        ram.poke(area_address(number) + IRQS_DISABLED, 1)
    return ram


def warning_of(ram: Ram) -> tuple[int, int]:
    """CPU 0's warning and its address."""
    return ram.peek(ram.map.log(0) + WARNING), ram.peek(ram.map.log(0) + WARNING_ADDRESS)


def test_a_lock_taken_while_the_machine_is_stopped_is_warned_of() -> None:
    ram = stopped_machine()
    spin_lock(python_cpu(ram), MODLIST_LOCK)
    assert warning_of(ram) == (LOCKED_WHILE_STOPPED, MODLIST_LOCK)


def test_a_lock_taken_while_the_machine_runs_is_not() -> None:
    ram = blank_ram(CPUS)
    spin_lock(python_cpu(ram), MODLIST_LOCK)
    assert warning_of(ram) == (0, 0)


@pytest.mark.parametrize(
    ("state", "ack", "stopped"),
    [
        (STOPPED, STOPPED, True),
        (STOPPED, word_of(7, STOPMACHINE_PREPARE), False),
        (STOPPED, word_of(6, STOPMACHINE_DISABLE_IRQ), False),
        (word_of(7, STOPMACHINE_PREPARE), word_of(7, STOPMACHINE_PREPARE), False),
        (word_of(7, STOPMACHINE_EXIT), word_of(7, STOPMACHINE_EXIT), False),
        (word_of(7, STOPMACHINE_EXIT), STOPPED, False),
    ],
)
def test_a_cpu_is_stopped_from_its_acknowledgement_of_the_last_step_to_the_end(
    state: int, ack: int, stopped: bool
) -> None:
    ram = stopped_machine()
    cpu = python_cpu(ram, 1)
    ram.poke(STOPMACHINE_STATE, state)
    ram.poke(cpu.area + ACK, ack)
    assert is_stopped(cpu) == stopped
    assert is_held(python_cpu(ram), 1) == stopped


def test_only_a_lock_that_has_an_owner_is_warned_of() -> None:
    ram = stopped_machine()
    warn_if_owned(python_cpu(ram), MODLIST_LOCK)
    assert warning_of(ram) == (0, 0)
    ram.poke(MODLIST_LOCK, 3)
    warn_if_owned(python_cpu(ram), MODLIST_LOCK)
    assert warning_of(ram) == (OWNED_WHILE_STOPPED, MODLIST_LOCK)


def test_while_every_cpu_is_held_nobody_is_warned_of() -> None:
    ram = stopped_machine()
    warn_if_running(python_cpu(ram))
    assert warning_of(ram) == (0, 0)


@pytest.mark.parametrize("number", range(CPUS))
@pytest.mark.parametrize(("word", "value"), [(ACK, STOPPED - 4), (ACK, STOPPED - 1), (IRQS_DISABLED, 0)])
def test_any_cpu_that_has_not_acknowledged_or_takes_interrupts_is_warned_of(number: int, word: int, value: int) -> None:
    ram = stopped_machine()
    ram.poke(area_address(number) + word, value)
    warn_if_running(python_cpu(ram))
    assert warning_of(ram) == (CPU_RUNS, area_address(number) + ACK)


@pytest.mark.parametrize("state", [STOPMACHINE_PREPARE, STOPMACHINE_EXIT])
def test_before_and_after_the_last_step_nobody_is_held(state: int) -> None:
    ram = stopped_machine()
    ram.poke(STOPMACHINE_STATE, word_of(7, state))
    for number in range(CPUS):
        ram.poke(area_address(number) + ACK, word_of(7, state))
    warn_if_running(python_cpu(ram))
    assert warning_of(ram) == (CPU_RUNS, area_address(0) + ACK)
