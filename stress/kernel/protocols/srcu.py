"""SRCU, sleepable RCU: readers count their entries and exits for one of two phases, and may sleep in between.

Sums over all CPUs tell whether readers of a phase are left, so a reader may end on another CPU than it began on.
Source: McKenney, Sleepable RCU, LWN, October 2006; the two pairs of counters as in kernel/rcu/srcutree.c of Linux.
"""

from stress.kernel.grace import defer, grace_of, phase_word, run_callbacks
from stress.kernel.protocol import Protocol, must_be_begun, preempt
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu

# Words of a CPU: entries and exits for each of the two phases; the phase that the section under way belongs to.
ENTRIES = percpu("srcu_entries", 2)
EXITS = percpu("srcu_exits", 2)
SECTION = percpu("srcu_section")
OTHER_DOMAIN = percpu("srcu_other_domain")


@kernel
def srcu_read_lock(cpu: Cpu) -> None:
    """Begin a read section. Only this CPU stores its words."""
    index = cpu.load(SRCU_PHASE) & 1
    entries = cpu.area + ENTRIES + index * 8
    cpu.store(entries, cpu.load(entries) + 1)
    # The entry is seen before anything is read in the section.
    cpu.barrier()
    cpu.store(cpu.area + SECTION, index)


@kernel
def count_exit(cpu: Cpu, index: int) -> bool:
    """Count the exit of a section of the phase with this index."""
    exits = cpu.area + EXITS + index * 8
    # All that was read in the section was read before the exit is seen.
    cpu.store_release(exits, cpu.load(exits) + 1)
    return True


@kernel
def srcu_read_unlock(cpu: Cpu) -> bool:
    """End the read section: the exit counts for the phase of its entry."""
    index = cpu.load(cpu.area + SECTION)
    must_be_begun(cpu, cpu.peek(cpu.area + ENTRIES + index * 8) != cpu.peek(cpu.area + EXITS + index * 8))
    return count_exit(cpu, index)


@kernel
def sum_of(cpu: Cpu, word: int) -> int:
    """The sum of a word over all CPUs."""
    total = 0
    for number in range(cpu.peek(CPUS)):
        total += cpu.load(AREAS + number * AREA_BYTES + word)
    return total


@kernel
def srcu_settled(cpu: Cpu, phase: int) -> bool:
    """Whether every section of the other phase has ended."""
    earlier = (phase + 1 & 1) * 8
    exits = sum_of(cpu, EXITS + earlier)
    # The exits are summed first: an entry between the two sums can only make a reader seem left who is gone.
    cpu.barrier()
    return sum_of(cpu, ENTRIES + earlier) == exits


SRCU_PHASE = phase_word("srcu")
SRCU_PERIODS = grace_of("srcu", SRCU_PHASE, srcu_settled)
ONE_PHASE = SRCU_PERIODS.but(ends=1)


@kernel
def call_srcu(cpu: Cpu, block: int) -> None:
    """Free `block` at a safepoint of this CPU, once every section has ended that may have begun before."""
    defer(cpu, SRCU_PERIODS, block)


@kernel
def srcu_callbacks(cpu: Cpu) -> None:
    """The safepoint: free what nobody can hold any more."""
    run_callbacks(cpu, SRCU_PERIODS)


@kernel
def srcu_section(cpu: Cpu) -> int:
    """The word of this CPU's entries of a phase that are more than its exits, or 0."""
    for index in range(2):
        entries = cpu.area + ENTRIES + index * 8
        if cpu.peek(entries) != cpu.peek(cpu.area + EXITS + index * 8):
            return entries
    return 0


@kernel
def srcu_oops(cpu: Cpu) -> None:
    """An oops ends the section, if one is under way: entries and exits of both phases are made equal on this CPU."""
    for index in range(2):
        cpu.poke(cpu.area + EXITS + index * 8, cpu.peek(cpu.area + ENTRIES + index * 8))


@kernel
def srcu_callbacks_early(cpu: Cpu) -> None:
    """Broken: free after one phase, when sections of the phase of the retirement may be left."""
    run_callbacks(cpu, ONE_PHASE)


@kernel
def enter_other_domain(cpu: Cpu) -> None:
    """Broken: count the entry in another domain, for which nobody waits."""
    cpu.store(cpu.area + OTHER_DOMAIN, cpu.load(cpu.area + OTHER_DOMAIN) + 1)
    cpu.barrier()


@kernel
def leave_other_domain(cpu: Cpu) -> bool:
    """Broken: count the exit there."""
    cpu.store_release(cpu.area + OTHER_DOMAIN, cpu.load(cpu.area + OTHER_DOMAIN) - 1)
    return True


SRCU_FREED_AT_ONCE = Protocol(
    "srcu_freed_at_once",
    read_begin=srcu_read_lock,
    read_end=srcu_read_unlock,
    safepoint=srcu_callbacks,
    interrupt=preempt,
    section=srcu_section,
    oops=srcu_oops,
    claim="broken: an object is freed as soon as it is taken off, whatever sections are under way",
    source="McKenney, Sleepable RCU, LWN 2006",
)
SRCU = SRCU_FREED_AT_ONCE.but(
    "srcu",
    retire=call_srcu,
    claim="an object is freed once entries and exits of both phases have been equal since it was taken off",
    lacking=SRCU_FREED_AT_ONCE,
)
SRCU_BROKEN = (
    SRCU_FREED_AT_ONCE,
    SRCU.but(
        "srcu_one_phase",
        safepoint=srcu_callbacks_early,
        claim="broken: one phase is waited for, and readers of the present one may be left",
    ),
    SRCU.but(
        "srcu_other_domain",
        read_begin=enter_other_domain,
        read_end=leave_other_domain,
        claim="broken: readers count in one domain, and the writer waits for those of another",
    ),
)
