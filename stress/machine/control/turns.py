"""Turns: at a point before each access a CPU may have to hand over to the one that a strategy chooses.

A CPU goes on until the accesses of its run are used up, or it waits, yields or rests. `Chooser` says who is next; where
nobody can go on, all get a turn, one after the other, since a CPU at rest may end a wait at its safepoint, and the
machine is stalled if none of them does.
"""

from collections.abc import Callable

from stress.machine.control.runs import begin_run, end_run
from stress.machine.control.spins import REPEATED, grant, has_more, spins, steps_made
from stress.machine.control.words import (
    AT_REST,
    BUDGET,
    CUT,
    DONE,
    ENDED,
    EVENT,
    EVENTS,
    EXAMINED,
    EXPIRED,
    EXTENDED,
    EXTRA,
    INTERRUPT,
    IS_FORCED,
    LEFT,
    MAIN,
    NEXT_FORCED,
    NMI,
    PENDING,
    PENDING_ACCESS,
    QUIET,
    REGION,
    RELAXED_IN,
    RELAXED_ON,
    RESTS,
    SKIPPED,
    SLEPT,
    STALLED,
    STEPS,
    STRETCH,
    TURN_COUNT,
    VIOLATED,
    WAITED,
    WAITS,
    WAITS_ON,
    YIELDS,
    log_of,
    state,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS, LAST_OPERATION, LOW, OPERATIONS, VIOLATIONS

Choose = Callable[[Cpu, int], int]
"""The CPU that is next, one that can go on, after a run that ended for a reason. It calls `grant`."""
Handle = Callable[[Cpu, int], None]
"""Takes an interrupt or an NMI."""

MOST_FRUITLESS, FEWER_AGAIN = 128, 4
"""So many turns of each CPU, while none could go on, before the machine is called stalled, and a part of them once CPUs
at rest have run another operation. A grace period takes some safepoints of every CPU, and a wait may give up after some
turns of its loop."""
FRUITLESS_PART = 5
"""They are fewer where they would use more than this part of the budget of a schedule: that is cut once it is used up.
"""
WAIT_NS = 1000
MOST_DOUBLED = 26
"""Nanoseconds that pass in the first round of such turns. Each round takes twice as long as the one before, for so many
rounds, the last of which takes a minute: a wait may end at a time."""
EVENT_ROUNDS, INTERRUPT_ROUND, NMI_ROUND = 16, 4, 6
"""Of so many such rounds, one has an interrupt to each CPU and one an NMI, if there are any: a handler may end a wait.
"""

MOST_EXTENDED = 4
"""So often on end CPUs at rest run one operation more, for others that wait, before these count as stalled."""
MOST_EXTRA = 32
"""Operations beyond their own that CPUs run in all, before the schedule is cut."""


@kernel
def is_blocked(cpu: Cpu, number: int) -> bool:
    """Whether a CPU waits for a word that nobody has changed yet."""
    log = log_of(cpu, number)
    address = cpu.peek(log + WAITS_ON)
    if address == REPEATED:
        return spins(cpu, number)
    return address != 0 and cpu.peek(address) == cpu.peek(log + WAITED)


@kernel
def can_go_on(cpu: Cpu, number: int) -> bool:
    """Whether a CPU can go on with its operation."""
    log = log_of(cpu, number)
    return cpu.peek(log + AT_REST) == 0 and cpu.peek(SKIPPED) != number and not is_blocked(cpu, number)


@kernel
def may_end_wait(cpu: Cpu, number: int) -> bool:
    """Whether a CPU waits at a `relax` for a word that nobody has changed yet: real code looks again, or gives up."""
    log = log_of(cpu, number)
    waits_on = cpu.peek(log + WAITS_ON)
    if waits_on == 0 or waits_on == REPEATED or cpu.peek(log + AT_REST) != 0:
        return False
    return is_blocked(cpu, number)


@kernel
def end_wait(cpu: Cpu, number: int) -> None:
    """Let a CPU go on that waits at a `relax`, if it does."""
    if may_end_wait(cpu, number):
        cpu.poke(log_of(cpu, number) + WAITS_ON, 0)


@kernel
def count_ready(cpu: Cpu) -> int:
    """How many CPUs can go on."""
    ready = 0
    for number in range(cpu.peek(CPUS)):
        if can_go_on(cpu, number):
            ready += 1
    return ready


@kernel
def count_resting(cpu: Cpu) -> int:
    """How many CPUs have run all their operations."""
    resting = 0
    for number in range(cpu.peek(CPUS)):
        if cpu.peek(log_of(cpu, number) + AT_REST) != 0:
            resting += 1
    return resting


@kernel
def clock(cpu: Cpu) -> int:
    """The time of a machine under control, in nanoseconds: one for each access and each turn, and what was slept."""
    return steps_made(cpu) + cpu.peek(TURN_COUNT) + cpu.peek(SLEPT)


@kernel
def sleep(cpu: Cpu, nanoseconds: int, choose: Choose, handle: Handle) -> None:
    """Let others go first; the time passes at once, since nobody waits for it."""
    cpu.poke(SLEPT, cpu.peek(SLEPT) + nanoseconds)
    take_turn(cpu, YIELDS, choose, handle)


@kernel
def most_extra(cpu: Cpu) -> int:
    """The most operations that any CPU has had beyond its own."""
    most = 0
    for number in range(cpu.peek(CPUS)):
        extra = cpu.peek(log_of(cpu, number) + EXTRA)
        if extra > most:
            most = extra
    return most


@kernel
def extend(cpu: Cpu) -> bool:
    """Let the CPUs at rest run one operation more, if any rest and it has helped lately; whether they may.

    A CPU may wait for the next operation of another one, which has run all of its own.
    """
    if count_resting(cpu) == 0 or cpu.peek(EXTENDED) >= MOST_EXTENDED or most_extra(cpu) >= MOST_EXTRA:
        return False
    for number in range(cpu.peek(CPUS)):
        log = log_of(cpu, number)
        if cpu.peek(log + AT_REST) != 0:
            cpu.poke(log + EXTRA, cpu.peek(log + EXTRA) + 1)
    cpu.poke(EXTENDED, cpu.peek(EXTENDED) + 1)
    cpu.poke(QUIET, 0)
    return True


@kernel
def most_fruitless(cpu: Cpu) -> int:
    """How many turns on end may lead nowhere."""
    cpus = cpu.peek(CPUS)
    each = cpu.peek(BUDGET) // (FRUITLESS_PART * cpus)
    most = (each if each < MOST_FRUITLESS else MOST_FRUITLESS) * cpus
    return most if cpu.peek(EXTENDED) == 0 else most // FEWER_AGAIN


@kernel
def pass_round(cpu: Cpu, number: int) -> None:
    """Let time pass in a turn while no CPU can go on, and let an event come in some of the rounds."""
    cpu.poke(SLEPT, cpu.peek(SLEPT) + (WAIT_NS << (number if number < MOST_DOUBLED else MOST_DOUBLED)))
    event = 0
    if number % EVENT_ROUNDS == INTERRUPT_ROUND:
        event = INTERRUPT
    elif number % EVENT_ROUNDS == NMI_ROUND:
        event = NMI
    cpu.poke(EVENT, event if cpu.peek(state(cpu, EVENTS)) >> event & 1 != 0 else 0)


@kernel
def next_forced(cpu: Cpu) -> int:
    """The CPU whose turn it is while none can go on; MAIN once that has led nowhere for long.

    A CPU that spins gets no turn: its loop has led nowhere already.
    """
    number = cpu.peek(NEXT_FORCED)
    quiet = cpu.peek(QUIET) + 1
    most = most_fruitless(cpu)
    while spins(cpu, number) and quiet <= most:
        number = (number + 1) % cpu.peek(CPUS)
        quiet += 1
    cpu.poke(QUIET, quiet)
    if quiet > most and not extend(cpu):
        cpu.poke(ENDED, CUT if most_extra(cpu) >= MOST_EXTRA else STALLED)
        return MAIN
    cpu.poke(NEXT_FORCED, (number + 1) % cpu.peek(CPUS))
    cpu.poke(IS_FORCED, 1)
    pass_round(cpu, quiet // cpu.peek(CPUS))
    grant(cpu, cpu.peek(BUDGET))
    return number


@kernel
def next_cpu(cpu: Cpu, why: int, choose: Choose) -> int:
    """Who runs next after a run that ended for the reason `why`; MAIN at the end of the schedule."""
    # A loop that only yields makes no access: turns are bounded too.
    cpu.poke(TURN_COUNT, cpu.peek(TURN_COUNT) + 1)
    if cpu.peek(STEPS) >= cpu.peek(BUDGET) or cpu.peek(TURN_COUNT) > cpu.peek(BUDGET):
        cpu.poke(ENDED, CUT)
        return MAIN
    # A CPU that yields lets the others go first, if any can.
    cpu.poke(SKIPPED, cpu.number if why == YIELDS else MAIN)
    if why == YIELDS and count_ready(cpu) == 0:
        cpu.poke(SKIPPED, MAIN)
    if count_ready(cpu) != 0:
        cpu.poke(QUIET, 0)
        cpu.poke(IS_FORCED, 0)
        return choose(cpu, why)
    if count_resting(cpu) == cpu.peek(CPUS):
        cpu.poke(ENDED, DONE)
        return MAIN
    return next_forced(cpu)


@kernel
def take_turn(cpu: Cpu, why: int, choose: Choose, handle: Handle) -> None:
    """End this CPU's run, let who is next run, and go on once it is this CPU's turn again."""
    if why != EXPIRED:
        cpu.poke(cpu.log + PENDING_ACCESS, 0)
    cpu.poke(EXAMINED, 0)
    end_run(cpu, why)
    following = next_cpu(cpu, why, choose)
    if following == MAIN:
        cpu.hand_over(cpu.number, MAIN)
    begin_run(cpu, following)
    if following != cpu.number:
        cpu.poke(STRETCH, cpu.peek(STRETCH) + 1)
        cpu.hand_over(cpu.number, following)
    if cpu.peek(cpu.log + WAITS_ON) != 0 and not is_blocked(cpu, cpu.number):
        cpu.poke(EXTENDED, 0)
    cpu.poke(cpu.log + WAITS_ON, 0)
    cpu.poke(cpu.log + AT_REST, 0)
    event = cpu.peek(EVENT)
    if event != 0:
        cpu.poke(EVENT, 0)
        handle(cpu, event)


@kernel
def take_turn_at(cpu: Cpu, access: int, choose: Choose, handle: Handle) -> None:
    """Take a turn before an access, which is the first one of the run in which it is made."""
    cpu.poke(LEFT, cpu.peek(LEFT) + 1)
    cpu.poke(cpu.log + PENDING_ACCESS, access)
    if not has_more(cpu, access):
        take_turn(cpu, WAITS if cpu.peek(cpu.log + WAITS_ON) == REPEATED else EXPIRED, choose, handle)
    cpu.poke(LEFT, cpu.peek(LEFT) - 1)


@kernel
def relax(cpu: Cpu, address: int, choose: Choose, handle: Handle) -> None:
    """Wait until another CPU changes the word, if this CPU has seen its present value.

    It has if its last access was to that word, or if nobody else has run since it was here before: then a whole turn
    of its loop led back here.
    """
    came_back = cpu.peek(cpu.log + RELAXED_ON) == address and cpu.peek(cpu.log + RELAXED_IN) == cpu.peek(STRETCH)
    cpu.poke(cpu.log + RELAXED_ON, address)
    cpu.poke(cpu.log + RELAXED_IN, cpu.peek(STRETCH))
    if not came_back and cpu.peek(cpu.log + PENDING) != address:
        return
    # It may be a word of the harness, too; what is no word of RAM cannot be waited for.
    if LOW <= address < cpu.peek(REGION):
        cpu.poke(cpu.log + WAITS_ON, address)
        cpu.poke(cpu.log + WAITED, cpu.peek(address))
    take_turn(cpu, WAITS, choose, handle)


@kernel
def rest(cpu: Cpu, choose: Choose, handle: Handle) -> None:
    """Let the CPUs run that have operations left."""
    cpu.poke(cpu.log + AT_REST, 1)
    take_turn(cpu, RESTS, choose, handle)


@kernel
def end_if_violated(cpu: Cpu) -> None:
    """End the schedule if this CPU has counted a violation."""
    if cpu.peek(cpu.log + VIOLATIONS) != 0:
        cpu.poke(ENDED, VIOLATED)
        end_run(cpu, RESTS)
        cpu.hand_over(cpu.number, MAIN)


def safepoint_of(safepoint: Callable[[Cpu], None], choose: Choose, handle: Handle) -> Callable[[Cpu], None]:
    """A safepoint at which a schedule ends, and CPUs rest that have run LAST_OPERATION operations."""

    @kernel
    def safepoint_or_rest(cpu: Cpu) -> None:
        end_if_violated(cpu)
        safepoint(cpu)
        while cpu.peek(cpu.log + OPERATIONS) >= cpu.peek(LAST_OPERATION) + cpu.peek(cpu.log + EXTRA):
            rest(cpu, choose, handle)
            safepoint(cpu)

    return safepoint_or_rest


@kernel
def conduct(cpu: Cpu, begin: Callable[[Cpu], None], choose: Choose, end: Callable[[Cpu], None]) -> int:
    """Run one schedule, from the main program; why it ended."""
    begin(cpu)
    cpu.poke(SKIPPED, MAIN)
    following = next_cpu(cpu, RESTS, choose)
    begin_run(cpu, following)
    cpu.hand_over(MAIN, following)
    end(cpu)
    return cpu.peek(ENDED)
