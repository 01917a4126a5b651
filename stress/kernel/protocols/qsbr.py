"""QSBR, quiescent-state-based reclamation: readers do nothing; each CPU says at its safepoints that it holds nothing.

Source: Hart, McKenney, Brown and Walpole, Performance of memory reclamation for lockless synchronization, Journal of
Parallel and Distributed Computing 67 (2007), 1270-1285; as in the classic RCU of Linux 2.6.11, where a context switch
is the quiescent state.
"""

from stress.kernel.grace import defer, grace_of, phase_word, run_callbacks, try_end_phase
from stress.kernel.protocol import Protocol, preempt
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu, static

# The phase in which a CPU last said that it held nothing.
QUIESCENT = percpu("qsbr_quiescent")
OFFLINE = -1

# The phase that has to come before what was retired last is free. CPUs that retire store it unordered: it tells others
# when to end phases, and those CPUs see for themselves that theirs end.
WANTED = static("qsbr_wanted")


@kernel
def quiescent_state(cpu: Cpu) -> None:
    """Say that this CPU holds nothing that it found before. Only this CPU stores its word."""
    # All that was read before was read before the word says so, and nothing of what comes is read sooner.
    cpu.barrier()
    cpu.store(cpu.area + QUIESCENT, cpu.load(QSBR_PHASE))
    cpu.barrier()


@kernel
def qsbr_settled(cpu: Cpu, phase: int) -> bool:
    """Whether every other CPU has said in the present phase that it holds nothing, or is offline. This one does not."""
    for number in range(cpu.peek(CPUS)):
        said = cpu.load(AREAS + number * AREA_BYTES + QUIESCENT)
        if number != cpu.number and said != phase and said != OFFLINE:
            return False
    return True


@kernel
def qsbr_settled_within(cpu: Cpu, phase: int) -> bool:
    """The same within an operation, where this CPU may hold something: it has to have said so too."""
    return qsbr_settled(cpu, phase) if cpu.peek(cpu.area + QUIESCENT) == phase else False


QSBR_PHASE = phase_word("qsbr")
QSBR_PERIODS = grace_of("qsbr", QSBR_PHASE, qsbr_settled)
WITHIN_OPERATION = QSBR_PERIODS.but(settled=qsbr_settled_within)
ONE_PHASE = QSBR_PERIODS.but(ends=1)


@kernel
def retire_later(cpu: Cpu, block: int) -> None:
    """Free `block` at a safepoint of this CPU, once every CPU has passed one since."""
    cpu.store(WANTED, cpu.load(QSBR_PHASE) + QSBR_PERIODS.ends)
    defer(cpu, WITHIN_OPERATION, block)


@kernel
def pass_phase(cpu: Cpu) -> None:
    """Say once in each phase that this CPU holds nothing; the last CPU ends the phase, if an end of it is wanted."""
    phase = cpu.load(QSBR_PHASE)
    if cpu.peek(cpu.area + QUIESCENT) != phase:
        quiescent_state(cpu)
        if phase < cpu.load(WANTED):
            try_end_phase(cpu, QSBR_PERIODS)


@kernel
def qsbr_safepoint(cpu: Cpu) -> None:
    """A safepoint: this CPU holds nothing, and says so, also in a phase that begins here."""
    run_callbacks(cpu, QSBR_PERIODS)
    pass_phase(cpu)


@kernel
def qsbr_safepoint_early(cpu: Cpu) -> None:
    """Broken: free after one phase, which CPUs may have passed before the retirement."""
    run_callbacks(cpu, ONE_PHASE)
    pass_phase(cpu)


@kernel
def go_offline(cpu: Cpu) -> None:
    """Say that this CPU reads nothing until it is online again, so that nobody waits for it."""
    cpu.store_release(cpu.area + QUIESCENT, OFFLINE)


@kernel
def go_online(cpu: Cpu) -> bool:
    """Say that this CPU reads again."""
    quiescent_state(cpu)
    return True


QSBR_FREED_AT_ONCE = Protocol(
    "qsbr_freed_at_once",
    safepoint=qsbr_safepoint,
    interrupt=preempt,
    claim="broken: an object is freed as soon as it is taken off, whatever CPUs have passed a safepoint",
    source="Hart et al., Performance of memory reclamation for lockless synchronization, 2007",
)
QSBR = QSBR_FREED_AT_ONCE.but(
    "qsbr",
    retire=retire_later,
    claim="an object is freed once every CPU has passed a safepoint since it was taken off",
    lacking=QSBR_FREED_AT_ONCE,
)
QSBR_BROKEN = (
    QSBR_FREED_AT_ONCE,
    QSBR.but(
        "qsbr_one_phase",
        safepoint=qsbr_safepoint_early,
        claim="broken: one phase is waited for, which CPUs may have passed before the retirement",
    ),
    QSBR.but(
        "qsbr_read_offline",
        read_begin=go_offline,
        read_end=go_online,
        claim="broken: readers read while their CPU is offline, as from an idle loop, and nobody waits for them",
    ),
)
