"""Links that are marked when their object is taken off: for protocols that protect objects, and not what they point to.

A reader who stands on an object that was taken off would follow its link to an object that may be freed since. So the
link's lowest bit is set first, and a reader who finds it set gives up, and reads again. Source: Michael, High
Performance Dynamic Lock-Free Hash Tables and List-Based Sets, SPAA 2002; the mark is that of Harris (2001).
"""

from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import BAD_ARGUMENT, percpu

REMOVED = 1
SLOTS = 4
"""How many objects a reader may use at once."""

# Whether this CPU has found a marked link in the read that is under way.
STALE = percpu("found_marked_link")


@kernel
def must_be_slot(cpu: Cpu, slot: int) -> None:
    """Raise Oops (CAUSE_WILD) for a slot that a reader does not have: its word would be another one of the CPU's."""
    if slot < 0 or slot >= SLOTS:
        note_bad_call(cpu, slot, BAD_ARGUMENT)
        raise Oops


@kernel
def begin_walk(cpu: Cpu) -> None:
    """Begin to read: no marked link has been found."""
    cpu.poke(cpu.area + STALE, 0)


@kernel
def give_up(cpu: Cpu) -> int:
    """A marked link was found: the walk is not valid. 0, for no object."""
    cpu.poke(cpu.area + STALE, 1)
    return 0


@kernel
def is_valid(cpu: Cpu) -> bool:
    """Whether no marked link was found in this read."""
    return cpu.peek(cpu.area + STALE) == 0


@kernel
def mark_removed(cpu: Cpu, link: int) -> int:
    """Mark the link of an object that is being taken off; what it points to. The caller holds the writers' lock."""
    following = cpu.load(link)
    cpu.store(link, following | REMOVED)
    return following
