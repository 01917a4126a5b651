"""Spinlocks. The word holds 0 or the holder's CPU number + 1, so that a stalled machine can name the holder."""

from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.stop_machine import is_stopped
from stress.machine.loop import warn
from stress.machine.seam import Cpu, kernel
from stress.machine.words import LOCKED_WHILE_STOPPED, OWNED_WHILE_STOPPED


@kernel
def spin_lock(cpu: Cpu, lock: int) -> None:
    """Take `lock`, spinning with preemption off. Not a safepoint: a stop waits until the lock is had.

    Warns when the machine is stopped: nobody else could hold the lock, or nobody could ever give it back.
    """
    if is_stopped(cpu):
        warn(cpu, LOCKED_WHILE_STOPPED, lock)
    preempt_disable(cpu)
    # The compare-exchange is a full barrier: no access of the section comes before the lock is had.
    while cpu.cmpxchg(lock, 0, cpu.number + 1) != 0:
        cpu.relax(lock)


@kernel
def warn_if_owned(cpu: Cpu, lock: int) -> None:
    """Warn if `lock` has an owner: for code that relies on nobody holding it."""
    if cpu.load(lock) != 0:
        warn(cpu, OWNED_WHILE_STOPPED, lock)


@kernel
def spin_unlock(cpu: Cpu, lock: int) -> None:
    """Release `lock`. The holder alone stores the word."""
    # Who takes the lock next sees all that this section stored.
    cpu.barrier()
    cpu.store(lock, 0)
    preempt_enable(cpu)
