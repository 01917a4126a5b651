"""The order of accesses where other CPUs look on: what is seen first, and the barrier in between.

On x86 and under a GIL most of these orders keep themselves, so no run could tell; a CPU that records its steps can.
"""

from collections.abc import Callable
from typing import Any

from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import (
    ACK,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_MUTEX,
    STOPMACHINE_STATE,
    acknowledge,
    publish_state,
    stopmachine_set_state,
    up,
)
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.blocks import RETIRED_BY, RETIRED_IN, SLAB_LOCK, record_of
from stress.machine.loop import mark_edge
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.slab import kfree, kmalloc, lock_slab, sign_retirement, unlock_slab
from stress.machine.words import EDGES, PREEMPT_COUNT
from stress.programs.modprobe import SLOT_LISTED, turn_listed
from tests.support import PLAIN, ScriptedCpu, blank_ram, python_cpu

BARRIER = "barrier"


class SteppingCpu(PythonCpu):
    """A CPU that records, as words, barriers and writes; `names` says what the addresses of interest are called."""

    def __init__(self, ram: Ram, names: dict[int, str]) -> None:
        """Build CPU 0 of `ram`."""
        super().__init__(ram, 0, PLAIN)
        self.names = names
        self.steps: list[str] = []
        self.load, self.cmpxchg = self._noting(self.load), self._noting(self.cmpxchg)
        self.store, self.poke = self._noting(self.store), self._noting(self.poke)

    def _noting(self, access: Callable[..., Any]) -> Callable[..., Any]:
        """`access`, noted by the name of its address."""

        def noted(address: int, *values: int) -> Any:
            self.note(address)
            return access(address, *values)

        return noted

    def note(self, address: int) -> None:
        """Note an access if its address has a name."""
        if address in self.names:
            self.steps.append(self.names[address])

    def barrier(self) -> None:
        """Note it."""
        self.steps.append(BARRIER)

    def fill_unchecked(self, address: int, size: int, byte: int) -> None:
        """Note it."""
        self.note(address)
        super().fill_unchecked(address, size, byte)

    def fill_shadow(self, address: int, size: int, byte: int) -> None:
        """Note it; the shadow's granules are addresses too."""
        self.note(address >> 3)
        super().fill_shadow(address, size, byte)


def steps_of(names: dict[int, str], act: Callable[[SteppingCpu], object], ram: Ram | None = None) -> list[str]:
    """The steps of `act`."""
    cpu = SteppingCpu(ram or blank_ram(), names)
    act(cpu)
    return cpu.steps


def slab_cpu() -> tuple[SteppingCpu, int]:
    """A CPU that names the slab's lock and what lies where the first block of the heap will be; that block."""
    ram = blank_ram()
    block = ram.map.heap
    cpu = SteppingCpu(ram, {block: "memory", block >> 3: "shadow", SLAB_LOCK: "lock"})
    cpu.names[cpu.area + PREEMPT_COUNT] = "preemption"
    return cpu, block


def test_alloc_fills_then_clears_the_shadow_with_a_barrier_in_between_all_under_slab_lock() -> None:
    cpu, block = slab_cpu()
    assert kmalloc(cpu, 256) == block
    assert cpu.steps == ["preemption", "lock", "memory", BARRIER, "shadow", BARRIER, "lock", "preemption"]


def test_free_marks_the_shadow_then_poisons_with_a_barrier_in_between_all_under_slab_lock() -> None:
    cpu, block = slab_cpu()
    kmalloc(cpu, 256)
    cpu.steps.clear()
    kfree(cpu, block)
    assert cpu.steps == ["preemption", "lock", "shadow", BARRIER, "memory", BARRIER, "lock", "preemption"]


def test_slab_lock_is_held_by_its_holder_with_preemption_off() -> None:
    cpu = python_cpu(blank_ram(3), 2)
    lock_slab(cpu)
    assert [cpu.peek(SLAB_LOCK), cpu.peek(cpu.area + PREEMPT_COUNT)] == [3, 1]
    unlock_slab(cpu)
    assert [cpu.peek(SLAB_LOCK), cpu.peek(cpu.area + PREEMPT_COUNT)] == [0, 0]


def test_slab_lock_is_waited_for_with_preemption_off_and_not_at_a_safepoint() -> None:
    ram = blank_ram(2)
    spins: list[int] = []

    def on_relax(address: int) -> None:
        assert ram.peek(cpu.area + PREEMPT_COUNT) == 1
        spins.append(address)
        if len(spins) == 3:
            ram.poke(SLAB_LOCK, 0)

    cpu = ScriptedCpu(ram, on_relax)
    ram.poke(SLAB_LOCK, 2)
    assert kmalloc(cpu, 8) == ram.map.heap
    assert spins == [SLAB_LOCK] * 3


def test_an_edge_lies_between_two_barriers() -> None:
    cpu = SteppingCpu(blank_ram(), {})
    cpu.names[cpu.log + EDGES] = "edge"
    mark_edge(cpu)
    assert cpu.steps == [BARRIER, "edge", BARRIER]


def test_the_word_that_says_what_is_listed_lies_between_two_barriers() -> None:
    ram = blank_ram()
    steps = steps_of({ram.map.data + SLOT_LISTED: "listed"}, lambda cpu: turn_listed(cpu, ram.map.data), ram)
    assert steps == [BARRIER, "listed", BARRIER]


def test_a_spinlock_is_taken_and_given_back_in_steps_that_are_barriers() -> None:
    ram = blank_ram()
    cpu, exchange = SteppingCpu(ram, {MODLIST_LOCK: "plain"}), python_cpu(ram).cmpxchg

    def cmpxchg(address: int, old: int, new: int) -> int:
        cpu.steps.append("atomic")
        return exchange(address, old, new)

    cpu.cmpxchg = cmpxchg
    spin_lock(cpu, MODLIST_LOCK)
    spin_unlock(cpu, MODLIST_LOCK)
    assert cpu.steps == ["atomic", "atomic"]


def test_a_retirement_is_told_of_no_generation_while_it_is_written() -> None:
    cpu = SteppingCpu(blank_ram(), {})
    block = kmalloc(cpu, 64)
    record = record_of(cpu, block)
    cpu.names = {record + RETIRED_IN: "generation", record + RETIRED_BY: "signature"}
    cpu.wmb = cpu.barrier  # type: ignore[method-assign]
    cpu.steps.clear()
    sign_retirement(cpu, block)
    assert cpu.steps == ["generation", BARRIER, "signature", BARRIER, "generation"]


def test_a_semaphore_is_given_back_behind_a_barrier() -> None:
    assert steps_of({STOPMACHINE_MUTEX: "lock"}, lambda cpu: up(cpu, STOPMACHINE_MUTEX)) == [BARRIER, "lock"]


def test_an_acknowledgement_comes_behind_a_barrier() -> None:
    cpu = SteppingCpu(blank_ram(), {})
    cpu.names[cpu.area + ACK] = "ack"
    acknowledge(cpu, 5)
    assert cpu.steps == [BARRIER, "ack"]


def test_a_state_is_published_behind_the_own_acknowledgement_and_a_barrier() -> None:
    cpu = SteppingCpu(blank_ram(), {STOPMACHINE_STATE: "state"})
    cpu.names[cpu.area + ACK] = "ack"
    publish_state(cpu, STOPMACHINE_DISABLE_IRQ)
    assert cpu.steps == ["state", "ack", BARRIER, "state"]


def test_what_comes_behind_a_wait_for_acknowledgements_lies_behind_a_barrier() -> None:
    cpu = SteppingCpu(blank_ram(), {})
    cpu.names[cpu.area + ACK] = "ack"
    stopmachine_set_state(cpu, STOPMACHINE_DISABLE_IRQ)
    assert cpu.steps[-2:] == ["ack", BARRIER]
