"""Grace periods: what was retired is freed once every reader has ended who may have found it before.

RCU, SRCU, QSBR and epochs count *phases*, and each reader works in one. A phase ends when no reader of an earlier one
is left; so two ends after a retirement, nobody is left who may hold what was retired. (One end is not enough: readers
of the present phase, who may hold it too, are only those of an earlier one when the next phase has begun.)

A CPU's grace period begins with the retirement itself, if none of its own is under way; what it retires meanwhile waits
for the next. So it may be over soon after the call, and what is retired must be off the structure by then.

What each word relies on: `phase` is stored by the holder of its lock, which is taken by compare-exchange and never
waited for. The lists of callbacks are each CPU's own: only that CPU touches them, outside of handlers.
"""

from collections.abc import Callable
from typing import Any

import attrs

from stress.kernel.protocol import reclaim
from stress.kernel.stop_machine import cond_resched
from stress.machine.blocks import NEXT_FREE, record_of
from stress.machine.loop import take_noise
from stress.machine.seam import Cpu, KernelValue, kernel
from stress.machine.slab import must_be_live
from stress.machine.words import lock, percpu, static

# The words of a CPU's callbacks: those that wait, the phase in which they began to, and those that were retired since.
WAITING, SINCE, NEW = 0, 8, 16
MOST_ENDS = 2
"""How many phases a CPU tries to end at one safepoint: a grace period has two."""


@attrs.frozen(eq=False)
class Grace(KernelValue):
    """The grace periods of one kind: how they are told.

    `settled(cpu, phase)` says whether no reader of an earlier phase than the present one is left. `ends` is how many
    phases must end after a retirement: two, or the protocol is broken.
    """

    phase: int
    phase_lock: int
    callbacks: int
    settled: Callable[[Cpu, int], bool]
    ends: int = 2

    def but(self, **changes: Any) -> "Grace":
        """The same in another way, for broken variants."""
        return attrs.evolve(self, **changes)


def grace_of(name: str, phase: int, settled: Callable[[Cpu, int], bool]) -> Grace:
    """The grace periods of a protocol, whose readers look at the word `phase`."""
    return Grace(phase, lock(f"{name}_phase_lock"), percpu(f"{name}_callbacks", 3), settled)


def phase_word(name: str) -> int:
    """The word of the present phase of a protocol."""
    return static(f"{name}_phase")


@kernel
def try_end_phase(cpu: Cpu, grace: Grace) -> None:
    """End the present phase, if no reader of an earlier one is left and no other CPU is at it."""
    if cpu.cmpxchg(grace.phase_lock, 0, cpu.number + 1) != 0:
        return
    phase = cpu.load(grace.phase)
    # What was taken off before is taken off for every reader who begins in the next phase.
    cpu.barrier()
    if grace.settled(cpu, phase):
        cpu.barrier()
        cpu.store(grace.phase, phase + 1)
    cpu.store_release(grace.phase_lock, 0)


@kernel
def beginning(cpu: Cpu, grace: Grace) -> int:
    """The phase in which a grace period begins now: the present one, or the next where a CPU may be ending it.

    That CPU may have looked at the readers before; a reader who came since may be told from no later one by then.
    """
    # A full barrier: what was retired was taken off before the lock is looked at, and that before the phase.
    cpu.barrier()
    ending = cpu.load_acquire(grace.phase_lock) != 0
    return cpu.load(grace.phase) + ending


@kernel
def synchronize(cpu: Cpu, grace: Grace) -> None:
    """Wait until every reader has ended who may have begun before. The caller is no reader."""
    wanted = beginning(cpu, grace) + grace.ends
    while cpu.load(grace.phase) < wanted:
        try_end_phase(cpu, grace)
        cpu.relax(grace.phase)
    cpu.barrier()


@kernel
def begin_waiting(cpu: Cpu, grace: Grace, callbacks: int) -> None:
    """Let what was retired since wait for a grace period that begins now. Nothing else waits."""
    cpu.poke(callbacks + WAITING, cpu.peek(callbacks + NEW))
    cpu.poke(callbacks + NEW, 0)
    cpu.poke(callbacks + SINCE, beginning(cpu, grace))


@kernel
def defer(cpu: Cpu, grace: Grace, block: int) -> None:
    """Free `block` after a grace period, which may begin at once, at a safepoint of this CPU (call_rcu).

    Raises Oops, as kfree does, for what is no block, or was freed.
    """
    must_be_live(cpu, block)
    callbacks = cpu.area + grace.callbacks
    new = callbacks + NEW
    # The list goes through the slab's records: an object that readers may still look at is left as it is.
    cpu.poke(record_of(cpu, block) + NEXT_FREE, cpu.peek(new))
    cpu.poke(new, block)
    if cpu.peek(callbacks + WAITING) == 0:
        begin_waiting(cpu, grace, callbacks)
        try_end_phase(cpu, grace)
        # Readers of the next phase begin here, and find what the caller has not taken off yet.
        take_noise(cpu)


@kernel
def free_waiting(cpu: Cpu, waiting: int) -> None:
    """Free the blocks whose grace period has ended."""
    while cpu.peek(waiting) != 0:
        block = cpu.peek(waiting)
        cpu.poke(waiting, cpu.peek(record_of(cpu, block) + NEXT_FREE))
        reclaim(cpu, block)


@kernel
def run_callbacks(cpu: Cpu, grace: Grace) -> None:
    """A safepoint: join a stop, then free what this CPU retired and nobody can hold any more. Waits for no reader."""
    cond_resched(cpu)
    callbacks = cpu.area + grace.callbacks
    if cpu.peek(callbacks + WAITING) == 0:
        if cpu.peek(callbacks + NEW) == 0:
            return
        begin_waiting(cpu, grace, callbacks)
    until = cpu.peek(callbacks + SINCE) + grace.ends
    for _ in range(MOST_ENDS):
        if cpu.load(grace.phase) < until:
            try_end_phase(cpu, grace)
    if cpu.load(grace.phase) >= until:
        free_waiting(cpu, callbacks + WAITING)
