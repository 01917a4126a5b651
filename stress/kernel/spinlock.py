"""Spinlocks. The word holds 0 or the holder's CPU number + 1, so that a stalled machine can name the holder."""

from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.machine.seam import Cpu, kernel


@kernel
def spin_lock(cpu: Cpu, lock: int) -> None:
    """Take `lock`, spinning with preemption off. Not a safepoint: a stop waits until the lock is had."""
    preempt_disable(cpu)
    while cpu.cmpxchg(lock, 0, cpu.number + 1) != 0:
        cpu.relax(lock)


@kernel
def spin_unlock(cpu: Cpu, lock: int) -> None:
    """Release `lock`. The holder alone stores the word; the barrier keeps the section's accesses inside."""
    cpu.barrier()
    cpu.store(lock, 0)
    preempt_enable(cpu)
