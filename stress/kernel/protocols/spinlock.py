"""A spinlock that readers take as well: they wait for writers, and for each other."""

from stress.kernel.protocol import Protocol, lock_updates, unlock_updates
from stress.machine.seam import Cpu, kernel


@kernel
def unlock_reads(cpu: Cpu) -> bool:
    """End a read: what was read under the lock is valid."""
    unlock_updates(cpu)
    return True


@kernel
def unlock_before_use(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: take the lock for the pointer alone, and use what is behind it without the lock."""
    lock_updates(cpu)
    pointer = cpu.load(address)
    unlock_updates(cpu)
    return pointer


SPINLOCK_DROPPED = Protocol(
    "spinlock_dropped",
    dereference=unlock_before_use,
    claim="broken: readers release the lock before they use what they found",
    source="the kernel's rule that a lock covers the use of a pointer, not the load of it alone",
)
SPINLOCK = Protocol(
    "spinlock",
    read_begin=lock_updates,
    read_end=unlock_reads,
    claim="readers and writers take one lock, so that no object is freed while a reader uses it",
    source="Documentation/locking/spinlocks.rst of Linux",
    lacking=SPINLOCK_DROPPED,
)
