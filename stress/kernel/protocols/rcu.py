"""RCU with read sections that nest, after the general-purpose flavour of the userspace RCU library.

A reader stores the present phase and a count in a word of its own, behind which stands a full barrier: a writer who
does not see the word has taken its object off before the reader looks for it. Source: Desnoyers, McKenney, Stern,
Dagenais and Walpole, User-Level Implementations of Read-Copy Update, IEEE Transactions on Parallel and Distributed
Systems 23 (2012), 375-382.
"""

from stress.kernel.grace import defer, grace_of, phase_word, run_callbacks, synchronize
from stress.kernel.protocol import Protocol, always_valid, must_be_begun, no_step, preempt
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu

# A CPU's word: 0 outside of all sections; else the parity of the phase in which the outermost began, and the nesting.
RCU_READER = percpu("rcu_reader")
NESTING = (1 << 16) - 1
PARITY = 1 << 16


@kernel
def rcu_read_lock(cpu: Cpu) -> None:
    """Begin a read section; it nests. Only this CPU stores its word."""
    word = cpu.area + RCU_READER
    reader = cpu.load(word)
    if reader & NESTING == 0:
        cpu.store(word, (cpu.load(RCU_PHASE) & 1) * PARITY + 1)
        # The word is seen before anything is read: a store followed by loads needs a full barrier, on x86 too.
        cpu.barrier()
    else:
        cpu.store(word, reader + 1)


@kernel
def rcu_read_unlock(cpu: Cpu) -> None:
    """End a read section."""
    word = cpu.area + RCU_READER
    reader = cpu.load(word)
    must_be_begun(cpu, reader & NESTING != 0)
    # All that was read in the section was read before the word says that it has ended.
    cpu.store_release(word, reader - 1)


@kernel
def end_section(cpu: Cpu) -> bool:
    """End a read section of a protocol's reader: what was read is valid."""
    rcu_read_unlock(cpu)
    return True


@kernel
def rcu_settled(cpu: Cpu, phase: int) -> bool:
    """Whether every CPU is outside of all sections, or began in the present phase."""
    for number in range(cpu.peek(CPUS)):
        reader = cpu.load(AREAS + number * AREA_BYTES + RCU_READER)
        if reader & NESTING != 0 and (reader // PARITY & 1) != phase & 1:
            return False
    return True


RCU_PHASE = phase_word("rcu")
RCU_PERIODS = grace_of("rcu", RCU_PHASE, rcu_settled)
ONE_PHASE = RCU_PERIODS.but(ends=1)


@kernel
def synchronize_rcu(cpu: Cpu) -> None:
    """Wait until every section has ended that may have begun before. The caller is in none."""
    synchronize(cpu, RCU_PERIODS)


@kernel
def call_rcu(cpu: Cpu, block: int) -> None:
    """Free `block` at a safepoint of this CPU, once every section has ended that may have begun before."""
    defer(cpu, RCU_PERIODS, block)


@kernel
def rcu_callbacks(cpu: Cpu) -> None:
    """The safepoint: free what nobody can hold any more."""
    run_callbacks(cpu, RCU_PERIODS)


@kernel
def rcu_section(cpu: Cpu) -> int:
    """The word of a section that this CPU is in, or 0."""
    word = cpu.area + RCU_READER
    return word if cpu.peek(word) & NESTING != 0 else 0


@kernel
def rcu_oops(cpu: Cpu) -> None:
    """An oops leaves all sections."""
    cpu.poke(cpu.area + RCU_READER, 0)


@kernel
def wait_before_removal(cpu: Cpu, link: int) -> int:
    """Broken: wait for the readers before the object is taken off, when new ones can still find it."""
    synchronize_rcu(cpu)
    return cpu.load(link)


@kernel
def rcu_callbacks_early(cpu: Cpu) -> None:
    """Broken: free after one phase, when readers of the phase of the retirement may be left."""
    run_callbacks(cpu, ONE_PHASE)


@kernel
def load_outside(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: the section covers the load of the pointer, and not the use of what is behind it."""
    rcu_read_lock(cpu)
    pointer = cpu.load(address)
    rcu_read_unlock(cpu)
    return pointer


RCU_FREED_AT_ONCE = Protocol(
    "rcu_freed_at_once",
    read_begin=rcu_read_lock,
    read_end=end_section,
    safepoint=rcu_callbacks,
    interrupt=preempt,
    section=rcu_section,
    oops=rcu_oops,
    claim="broken: an object is freed as soon as it is taken off, whatever read sections are under way",
    source="Documentation/RCU/checklist.rst of Linux: a grace period between removal and free",
)
RCU = RCU_FREED_AT_ONCE.but(
    "rcu",
    retire=call_rcu,
    claim="an object is freed once every read section has ended that may have found it",
    source="Desnoyers et al., User-Level Implementations of Read-Copy Update, 2012",
    lacking=RCU_FREED_AT_ONCE,
)
RCU_BROKEN = (
    RCU_FREED_AT_ONCE,
    RCU.but(
        "rcu_one_phase",
        safepoint=rcu_callbacks_early,
        claim="broken: one phase is waited for, and readers of the present one may be left",
    ),
    RCU.but(
        "rcu_waits_before_removal",
        mark_removed=wait_before_removal,
        retire=kfree,
        claim="broken: the grace period ends before the object is taken off",
    ),
    RCU.but(
        "rcu_section_too_short",
        read_begin=no_step,
        read_end=always_valid,
        dereference=load_outside,
        claim="broken: the read section covers the load of a pointer, and not its use",
    ),
    RCU.but(
        "rcu_wrong_flavour",
        read_begin=no_step,
        read_end=always_valid,
        claim="broken: readers rely on another flavour, for which this grace period does not wait",
    ),
)
