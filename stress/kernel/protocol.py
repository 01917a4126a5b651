"""A protocol: how writers change what lockless readers walk, and how readers look at it, as one value.

Structures are written once, for every protocol: `p.read_begin(cpu)`, `p.retire(cpu, rule)`. What is made of a protocol
is compiled for it alone, since compiled code takes functions as constants only. A scenario names its protocol, and may
differ from its twin in nothing else.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Generic, TypeVar, cast

import attrs

from stress.kernel.module import UNLOADS, ListChange, count
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import cond_resched, preempt_schedule
from stress.machine.blocks import GENERATION, record_of
from stress.machine.loop import mark_edge
from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, KernelValue, Oops, kernel
from stress.machine.slab import forget_retirement, kfree, must_be_live, sign_retirement
from stress.machine.words import IN_HANDLER, RECLAIMED, UNBEGUN_SECTION, UNENDED_SECTION, lock

F = TypeVar("F", bound=Callable[..., Any])
Step = Callable[[Cpu], None]

UPDATE_LOCK = lock("update_lock")


@kernel
def lock_updates(cpu: Cpu) -> None:
    """Keep other writers out, and nobody else."""
    spin_lock(cpu, UPDATE_LOCK)


@kernel
def unlock_updates(cpu: Cpu) -> None:
    """Let other writers in."""
    spin_unlock(cpu, UPDATE_LOCK)


@kernel
def no_step(cpu: Cpu) -> None:
    """Do nothing."""


@kernel
def always_valid(cpu: Cpu) -> bool:
    """What was read is valid, whatever writers did meanwhile."""
    return True


@kernel
def load_pointer(cpu: Cpu, address: int, slot: int) -> int:
    """A pointer that readers follow: a plain load, since what is behind it depends on it (rcu_dereference)."""
    return cpu.load(address)


@kernel
def store_pointer(cpu: Cpu, address: int, pointer: int) -> None:
    """Store a pointer behind all that was written to its object (rcu_assign_pointer)."""
    cpu.store_release(address, pointer)


@kernel
def load_link(cpu: Cpu, link: int) -> int:
    """The link of an object that is being taken off: it stays as it is, for the readers who stand there."""
    return cpu.load(link)


@kernel
def no_section(cpu: Cpu) -> int:
    """No word: readers of this protocol leave nothing that others wait for."""
    return 0


@kernel
def must_be_ended(cpu: Cpu, word: int) -> None:
    """Raise Oops (CAUSE_WILD) at the end of an operation whose CPU is in a read section, as `word` shows; 0: in none.

    A handler runs in the middle of another operation, which may be in one.
    """
    if word != 0 and cpu.peek(cpu.log + IN_HANDLER) == 0:
        note_bad_call(cpu, word, UNENDED_SECTION)
        raise Oops


@kernel
def must_be_begun(cpu: Cpu, is_begun: bool) -> None:
    """Raise Oops (CAUSE_WILD) at the end of a read section that its CPU is not in."""
    if not is_begun:
        note_bad_call(cpu, 0, UNBEGUN_SECTION)
        raise Oops


@kernel
def preempt(cpu: Cpu) -> None:
    """The interrupt handler where being preempted says nothing of what an operation holds."""
    cpu.yield_core()


@attrs.frozen(kw_only=True)
class Protocol(KernelValue):
    """How a structure is read and changed. All functions are kernel functions; `cpu` is the first argument of each.

    Readers: `read_begin(cpu)` begins what `read_end(cpu)` ends, which says whether what was read is valid; if not, read
    again. `dereference(cpu, address, slot)` follows the pointer at an address; a reader holds at most as many objects
    at once as it uses slots, 0 to 3.

    Writers: `write_lock(cpu)`, `write_unlock(cpu)` around a change. `publish(cpu, address, pointer)` makes an object
    reachable. `mark_removed(cpu, link)` says that the object with this link is being taken off, and gives what the link
    points to. `retire(cpu, block)`, called without the lock, frees what no new reader can find: at once, later, or when
    nobody uses it any more; it may wait.

    safepoint: called between two operations of each CPU. interrupt: the interrupt handler. section: the address of a
    word that says that this CPU is in a read section, 0 if it is in none; asked at the end of an operation. oops: what
    ends with an operation that a fault ended. Both may only peek and poke the CPU's own words. link, unlink: how a
    module comes into the module list and goes, None for a change of the list under the lock. fate: that of freed memory
    where it matters.

    `name` ends the names of what is made of it, as in `rmmod_locked`. `claim` is what it promises in a line, `source`
    where it is published. `lacking` is the same without its protection: the twin of scenarios.
    """

    name: str = attrs.field(kw_only=False)
    read_begin: Step = no_step
    read_end: Callable[[Cpu], bool] = always_valid
    dereference: Callable[[Cpu, int, int], int] = load_pointer
    write_lock: Step = lock_updates
    write_unlock: Step = unlock_updates
    publish: Callable[[Cpu, int, int], None] = store_pointer
    mark_removed: Callable[[Cpu, int], int] = load_link
    retire: Callable[[Cpu, int], None] = kfree
    safepoint: Step = cond_resched
    interrupt: Step = preempt_schedule
    section: Callable[[Cpu], int] = no_section
    oops: Step = no_step
    link: ListChange | None = None
    unlink: ListChange | None = None
    fate: str | None = None
    claim: str = ""
    source: str = ""
    lacking: "Protocol | None" = None

    def but(self, name: str, **changes: Any) -> "Protocol":
        """The same with another name, and some other functions or words, given as retire=...; it has no twin yet."""
        return attrs.evolve(self, name=name, **{"lacking": None, **changes})


@attrs.frozen
class PerProtocol(Generic[F]):
    """A kernel function that differs by protocol: called with one, it gives the function for it, the same each time."""

    _make: Callable[[Protocol], F]

    def __call__(self, protocol: Protocol) -> F:
        """The function for `protocol`."""
        return self._make(protocol)


def per_protocol(name: str) -> Callable[[Callable[[Protocol], F]], PerProtocol[F]]:
    """Let a function that makes a kernel function of a protocol make it once for each.

    What is made is kernel code, and called `name` and the protocol's name, which stacks in reports show.
    """

    def decorate(make: Callable[[Protocol], F]) -> PerProtocol[F]:
        return PerProtocol(cache(lambda protocol: kernel(_named(make(protocol), f"{name}_{protocol.name}"))))

    return decorate


def _named(function: F, name: str) -> F:
    """`function` under another name, which its code has too: a stack knows nothing but code."""
    made = cast(FunctionType, function)
    made.__name__ = made.__qualname__ = name
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=name)
    return function


@cache
def watched(protocol: Protocol) -> Protocol:
    """The protocol that marks edges: an edge on either side of each change and each retirement, which is counted.

    A reader that overlaps any part of a step has seen one of its two edges pass: it is a race window.
    """
    lock_it, unlock_it, retire_it = protocol.write_lock, protocol.write_unlock, protocol.retire
    # What is freed at once is signed by who frees it.
    begin_retirement = must_be_live if retire_it is kfree else sign_retirement

    @kernel
    def write_lock(cpu: Cpu) -> None:
        mark_edge(cpu)
        lock_it(cpu)

    @kernel
    def write_unlock(cpu: Cpu) -> None:
        mark_edge(cpu)
        unlock_it(cpu)
        mark_edge(cpu)

    @kernel
    def retire(cpu: Cpu, block: int) -> None:
        mark_edge(cpu)
        begin_retirement(cpu, block)
        generation = cpu.peek(record_of(cpu, block) + GENERATION)
        reclaimed = cpu.peek(cpu.log + RECLAIMED)
        retire_it(cpu, block)
        # kfree counts what was signed before: not what is freed at once.
        if cpu.peek(record_of(cpu, block) + GENERATION) != generation and cpu.peek(cpu.log + RECLAIMED) == reclaimed:
            count(cpu, RECLAIMED)
        mark_edge(cpu)
        count(cpu, UNLOADS)

    return attrs.evolve(protocol, write_lock=write_lock, write_unlock=write_unlock, retire=retire)


@kernel
def reclaim(cpu: Cpu, block: int) -> None:
    """Free what was retired before, with an edge on either side, as a protocol does that frees later."""
    mark_edge(cpu)
    kfree(cpu, block)
    mark_edge(cpu)


@kernel
def reuse(cpu: Cpu, block: int) -> None:
    """Say that a retired block is in use again, with an edge on either side, as a pool does that frees nothing."""
    mark_edge(cpu)
    forget_retirement(cpu, block)
    mark_edge(cpu)


BOOT = Protocol("boot", write_lock=no_step, write_unlock=no_step)
"""What a structure is filled with at boot, before any CPU runs: nobody has to be kept out."""
