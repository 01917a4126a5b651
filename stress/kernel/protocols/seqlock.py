"""A seqlock: a writer makes a number odd and even again; a reader who finds another number at its end reads again.

Readers may look at freed memory, and only then learn that it was: so objects must stay objects of their kind when they
are freed (SLAB_TYPESAFE_BY_RCU), and walks must end whatever they meet. Source: include/linux/seqlock.h of Linux.
"""

from stress.kernel.protocol import Protocol, always_valid, lock_updates, preempt, unlock_updates
from stress.machine.seam import Cpu, kernel
from stress.machine.words import percpu, static

# The number is stored by the holder of the writers' lock. What a reader saw at its beginning is its CPU's own.
SEQUENCE = static("seqlock_sequence")
SEEN = percpu("seqlock_seen")


@kernel
def read_seqbegin(cpu: Cpu) -> None:
    """Wait until the number is even, and remember it."""
    sequence = cpu.load_acquire(SEQUENCE)
    while sequence & 1 == 1:
        cpu.relax(SEQUENCE)
        sequence = cpu.load_acquire(SEQUENCE)
    cpu.poke(cpu.area + SEEN, sequence)


@kernel
def read_seqvalid(cpu: Cpu) -> bool:
    """Whether the number is what it was: then nothing changed meanwhile (the opposite of read_seqretry)."""
    cpu.rmb()  # all that was read was read before the number is read again
    return cpu.load(SEQUENCE) == cpu.peek(cpu.area + SEEN)


@kernel
def add_one(cpu: Cpu) -> None:
    """Add one to the number; the caller holds the writers' lock."""
    cpu.store(SEQUENCE, cpu.load(SEQUENCE) + 1)


@kernel
def write_seqlock(cpu: Cpu) -> None:
    """Keep other writers out, and let readers know that a change is under way."""
    lock_updates(cpu)
    add_one(cpu)
    cpu.wmb()  # the odd number is seen before any part of the change


@kernel
def write_sequnlock(cpu: Cpu) -> None:
    """Let readers know that the change is done, and other writers in."""
    cpu.wmb()  # the whole change is seen before the even number
    add_one(cpu)
    unlock_updates(cpu)


SEQLOCK_NO_RETRY = Protocol(
    "seqlock_no_retry",
    read_begin=read_seqbegin,
    read_end=always_valid,
    write_lock=write_seqlock,
    write_unlock=write_sequnlock,
    interrupt=preempt,
    fate="type-stable",
    claim="broken: readers do not look at the number again",
    source="include/linux/seqlock.h of Linux",
)
SEQLOCK = SEQLOCK_NO_RETRY.but(
    "seqlock",
    read_end=read_seqvalid,
    claim="what was read is used only if no change was under way meanwhile",
    lacking=SEQLOCK_NO_RETRY,
)
SEQLOCK_BROKEN = (
    SEQLOCK_NO_RETRY,
    SEQLOCK.but(
        "seqlock_writer_uncounted",
        write_lock=lock_updates,
        write_unlock=unlock_updates,
        claim="broken: a writer takes the lock and leaves the number as it is",
    ),
)
