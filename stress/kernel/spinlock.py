"""Spinlocks. The word holds 0 or the holder's CPU number + 1, so that the report of a stall can name the holder."""

from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.stop_machine import is_stopped
from stress.machine.loop import warn
from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import BAD_ARGUMENT, LOCKED_WHILE_STOPPED, OWNED_WHILE_STOPPED


@kernel
def spin_lock(cpu: Cpu, lock: int) -> None:
    """Take `lock`, spinning with preemption off. Not a safepoint: a stop waits until this CPU has the lock.

    Warns when the machine is stopped: then no other CPU runs, so the lock is useless, or its holder is stopped, and the
    lock is never released.
    """
    if is_stopped(cpu):
        warn(cpu, LOCKED_WHILE_STOPPED, lock)
    preempt_disable(cpu)
    # The compare-exchange is a full barrier: the section's accesses stay behind it.
    while cpu.cmpxchg(lock, 0, cpu.number + 1) != 0:
        cpu.relax(lock)


@kernel
def warn_if_owned(cpu: Cpu, lock: int) -> None:
    """Warn if `lock` has a holder: for code that relies on its being free."""
    if cpu.load(lock) != 0:
        warn(cpu, OWNED_WHILE_STOPPED, lock)


@kernel
def spin_unlock(cpu: Cpu, lock: int) -> None:
    """Release `lock`. The compare-exchange is a full barrier: the section's accesses stay before it.

    Raises Oops (CAUSE_WILD), and leaves the lock as it is, on a CPU that does not hold it.
    """
    if cpu.cmpxchg(lock, cpu.number + 1, 0) != cpu.number + 1:
        note_bad_call(cpu, lock, BAD_ARGUMENT)
        raise Oops
    preempt_enable(cpu)
