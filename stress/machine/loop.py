"""The loop of a CPU: one operation after the other until power-off, each with its faults, outcome and window.

This is kernel code too, so that both engines count in the same way.
"""

from collections.abc import Callable
from functools import cache

from stress.machine.blocks import SHADOW_REDZONE
from stress.machine.evidence import capture, capture_overwritten
from stress.machine.random import draw
from stress.machine.seam import BrokenKernelCodeError, Cpu, Operation, harness, kernel
from stress.machine.words import (
    AFTER_FREE,
    BOUND,
    CAUSE_POWER_OFF,
    CHANGED_IN,
    COPIED,
    CPUS,
    DISAGREEMENTS,
    EDGES,
    EDGES_BEFORE,
    EVENT_RANDOM,
    FAULT_CAUSE,
    FIRST_TRIAL,
    FIRST_VIOLATION,
    FORBIDDEN,
    HIT_ADDRESS,
    HIT_SHADOW,
    IRQS_DISABLED,
    LAST_OPERATION,
    LOG_BYTES,
    NOISE_PERIOD,
    NOTED,
    ONLINE,
    OPERATIONS,
    OUT_OF_BOUNDS,
    OUTCOMES,
    OVERLAPPED,
    OVERWRITTEN,
    PREEMPT_COUNT,
    STARTED,
    SUBJECT,
    VIOLATIONS,
    WALKED,
    WARNING,
    WARNING_ADDRESS,
    WARNING_STACK,
    WINDOWS,
    WINDOWS_THEN,
    WRITERS,
    WRONG_OUTCOME,
    YIELD_MASK,
)

UNJUDGED = 0
BROKEN = -1
DENSER, LEAST_ODDS = 64, 16
"""Where code asks for noise it comes so much oftener than at an access, but at most one time in LEAST_ODDS: if it came
always, readers would be through before a writer frees, and other windows would close."""


@kernel
def total_of(cpu: Cpu, cpus: int, word: int) -> int:
    """The sum of a word over the logs of the first `cpus` CPUs."""
    log = cpu.log - cpu.number * LOG_BYTES
    total = 0
    for number in range(cpus):
        total += cpu.peek(log + number * LOG_BYTES + word)
    return total


@kernel
def windows_ended(cpu: Cpu) -> int:
    """How many race windows all CPUs have ended; it only grows."""
    return total_of(cpu, cpu.peek(CPUS), WINDOWS)


@kernel
def begin_change(cpu: Cpu) -> None:
    """A writer's operation passes its first edge: the change before it was overlapped if a window has ended since.

    Many windows may overlap one change, on as many CPUs, and see what it did together: they are one trial. The writer
    counts them, once a change, so that readers do nothing for it and each word has one writer.
    """
    windows = windows_ended(cpu)
    if windows != cpu.peek(cpu.log + WINDOWS_THEN):
        cpu.poke(cpu.log + OVERLAPPED, cpu.peek(cpu.log + OVERLAPPED) + 1)
    cpu.poke(cpu.log + WINDOWS_THEN, windows)
    cpu.poke(cpu.log + CHANGED_IN, cpu.peek(cpu.log + OPERATIONS) + 1)


@kernel
def mark_edge(cpu: Cpu) -> None:
    """A writer passes an edge: change requested, entry linked or unlinked, free begun, free ended.

    Only this CPU stores the word.
    """
    if cpu.peek(cpu.log + CHANGED_IN) != cpu.peek(cpu.log + OPERATIONS) + 1:
        begin_change(cpu)
    # Who sees the edge sees the step before it, and nobody sees any of the step behind it sooner. So a reader that
    # overlaps either step finds another count at its end than at its beginning.
    cpu.barrier()
    cpu.poke(cpu.log + EDGES, cpu.peek(cpu.log + EDGES) + 1)
    cpu.barrier()


@kernel
def edges_passed(cpu: Cpu) -> int:
    """How many edges all writers (the CPUs with the lowest numbers) have passed; it only grows."""
    return total_of(cpu, cpu.peek(WRITERS), EDGES)


@kernel
def is_window(cpu: Cpu) -> bool:
    """Whether any writer passed an edge since this CPU's operation began."""
    return edges_passed(cpu) != cpu.peek(cpu.log + EDGES_BEFORE)


@kernel
def begin_operation(cpu: Cpu) -> None:
    """Forget the last operation's notes and remember where the writers stand."""
    cpu.poke(cpu.log + FAULT_CAUSE, 0)
    cpu.poke(cpu.log + HIT_ADDRESS, 0)
    cpu.poke(cpu.log + WARNING, 0)
    cpu.poke(cpu.log + SUBJECT, 0)
    cpu.poke(cpu.log + COPIED, 0)
    cpu.poke(cpu.log + WALKED, 0)
    cpu.poke(cpu.log + NOTED, 0)
    cpu.poke(cpu.log + EDGES_BEFORE, edges_passed(cpu))


@kernel
def faulted(cpu: Cpu) -> int:
    """Put the CPU back to where its operation began and return the outcome; locks stay held, as after an oops."""
    cpu.poke(cpu.area + PREEMPT_COUNT, 0)
    cpu.poke(cpu.area + IRQS_DISABLED, 0)
    cause = cpu.peek(cpu.log + FAULT_CAUSE)
    if cause != 0:
        return cause
    cpu.unexplained()
    return BROKEN


@kernel
def trial_of(cpu: Cpu) -> int:
    """The number of the trial under way, counted from 1: a change that readers overlap, of whichever writer."""
    return 1 + total_of(cpu, cpu.peek(WRITERS), OVERLAPPED)


@kernel
def count_violation(cpu: Cpu) -> None:
    """Count one violation more, and note when and in which trial the first one was seen."""
    if cpu.peek(cpu.log + VIOLATIONS) == 0:
        cpu.poke(cpu.log + FIRST_VIOLATION, cpu.clock())
        cpu.poke(cpu.log + FIRST_TRIAL, trial_of(cpu))
    cpu.poke(cpu.log + VIOLATIONS, cpu.peek(cpu.log + VIOLATIONS) + 1)


@kernel
def count_one(cpu: Cpu, outcome: int) -> None:
    """Count one of an outcome."""
    slot = cpu.log + OUTCOMES + outcome * 8
    cpu.poke(slot, cpu.peek(slot) + 1)


@kernel
def is_forbidden(cpu: Cpu, outcome: int) -> bool:
    """Whether an outcome is a violation."""
    return cpu.peek(FORBIDDEN) >> outcome & 1 != 0


@kernel
def count_outcome(cpu: Cpu, outcome: int) -> None:
    """Count what an operation ended in, whether it was a race window, and keep the first violation of its kind."""
    count_one(cpu, outcome)
    if is_window(cpu):
        cpu.poke(cpu.log + WINDOWS, cpu.peek(cpu.log + WINDOWS) + 1)
    if is_forbidden(cpu, outcome):
        count_violation(cpu)
        capture(cpu, outcome)


@kernel
def count_overwritten(cpu: Cpu, address: int) -> None:
    """Count a freed block that was written to at `address`, apart from the operation under way, which only found it."""
    count_one(cpu, OVERWRITTEN)
    count_violation(cpu)
    capture_overwritten(cpu, address)


@kernel
def touched(cpu: Cpu) -> int:
    """What the first access to memory that was not allocated makes of an operation; UNJUDGED if there was none."""
    if cpu.peek(cpu.log + HIT_ADDRESS) == 0:
        return UNJUDGED
    return OUT_OF_BOUNDS if cpu.peek(cpu.log + HIT_SHADOW) == SHADOW_REDZONE else AFTER_FREE


@kernel
def judge_operation(cpu: Cpu, outcome: int) -> None:
    """Count the outcome of an operation of any kind.

    One that is forbidden is counted as what it is, and may tell more than a bad access of its own. Any other that had
    such an access is counted as that, even one that has nothing to judge or that power-off cut short.
    """
    found = touched(cpu)
    if outcome == CAUSE_POWER_OFF or (found != UNJUDGED and not is_forbidden(cpu, outcome)):
        outcome = found
    if outcome != UNJUDGED:
        count_outcome(cpu, outcome)


@kernel
def finish_operation(cpu: Cpu, outcome: int) -> None:
    """Count an operation that power-off did not cut short."""
    judge_operation(cpu, outcome)
    cpu.poke(cpu.log + OPERATIONS, cpu.peek(cpu.log + OPERATIONS) + 1)


@kernel
def wait_for_start(cpu: Cpu) -> None:
    """Report this CPU online and wait until the main thread starts all of them at once, or gives up."""
    cpu.poke(cpu.log + ONLINE, 1)
    # Power-off ends this wait too: where one CPU does not come up, the start is given up.
    while cpu.peek(STARTED) == 0 and cpu.peek(BOUND) != 0:
        cpu.yield_core()


@kernel
def share_core(cpu: Cpu) -> None:
    """Give the core up every YIELD_MASK + 1 operations (-1: never), for stops are slow if CPUs that wait never run."""
    if cpu.peek(cpu.log + OPERATIONS) & cpu.peek(YIELD_MASK) == 0:
        cpu.yield_core()


@kernel
def take_noise(cpu: Cpu) -> None:
    """Take noise at a moment when it shows most; none in a run without noise."""
    odds = cpu.peek(NOISE_PERIOD) // DENSER
    if odds < LEAST_ODDS:
        odds = LEAST_ODDS
    if cpu.peek(NOISE_PERIOD) != 0 and draw(cpu, EVENT_RANDOM, odds) == 0:
        cpu.yield_core()


@kernel
def warn(cpu: Cpu, outcome: int, address: int) -> None:
    """The kernel found something wrong and goes on, as with WARN_ON: the operation gets the first such `outcome`."""
    if cpu.peek(cpu.log + WARNING) == 0:
        cpu.poke(cpu.log + WARNING, outcome)
        cpu.poke(cpu.log + WARNING_ADDRESS, address)
        cpu.remember_stack(cpu.log + WARNING_STACK)


@kernel
def noted(cpu: Cpu, operation: Operation) -> int:
    """Run one operation with notes of its own; its outcome, or that of the kernel's first warning in it."""
    begin_operation(cpu)
    outcome = operation(cpu)
    warning = cpu.peek(cpu.log + WARNING)
    return outcome if warning == 0 else warning


@kernel
def one_turn(cpu: Cpu, operation: Operation, safepoint: Callable[[Cpu], None]) -> int:
    """Pass a safepoint, then run one operation; its outcome.

    What the last operation noted is forgotten first: power-off may come at the safepoint, and is judged by the notes.
    """
    cpu.poke(cpu.log + FAULT_CAUSE, 0)
    cpu.poke(cpu.log + HIT_ADDRESS, 0)
    share_core(cpu)
    safepoint(cpu)
    # What a protocol does at a safepoint may touch freed memory, too: the notes of the operation would cover it.
    if cpu.peek(cpu.log + HIT_ADDRESS) != 0:
        judge_operation(cpu, UNJUDGED)
    return noted(cpu, operation)


@harness
def guarded_turn(cpu: Cpu, operation: Operation, safepoint: Callable[[Cpu], None]) -> int:
    """One turn whose faults are outcomes."""
    try:
        outcome = one_turn(cpu, operation, safepoint)
    except Exception:
        outcome = faulted(cpu)
    return outcome


@harness
def guarded(cpu: Cpu, operation: Operation) -> int:
    """One operation inside of another one; its faults are outcomes."""
    try:
        outcome = noted(cpu, operation)
    except Exception:
        outcome = faulted(cpu)
    return outcome


@harness
def undone(cpu: Cpu, operation: Operation, oops: Callable[[Cpu], None]) -> int:
    """One operation; where a fault ends it, `oops` ends what it had begun."""
    try:
        outcome = operation(cpu)
    except Exception:
        outcome = faulted(cpu)
        oops(cpu)
    return outcome


@harness
def run_program(cpu: Cpu, operation: Operation, safepoint: Callable[[Cpu], None]) -> None:
    """Run `operation` until power-off.

    Raises BrokenKernelCodeError for an exception that no fault explains, or an outcome that there cannot be.
    """
    wait_for_start(cpu)
    while cpu.peek(BOUND) != 0:
        outcome = guarded_turn(cpu, operation, safepoint)
        # Once power is off an access fails for that alone, and a handler may have hidden it: the outcome says nothing.
        if cpu.peek(BOUND) == 0:
            judge_operation(cpu, CAUSE_POWER_OFF)
            return
        # Any other number would be counted in a word that is no counter, or as what only the harness finds.
        if outcome < UNJUDGED or outcome >= AFTER_FREE:
            cpu.poke(cpu.log + WRONG_OUTCOME, outcome)
            raise BrokenKernelCodeError
        finish_operation(cpu, outcome)


@cache
def resting(safepoint: Callable[[Cpu], None]) -> Callable[[Cpu], None]:
    """A safepoint at which a CPU rests until power-off once it has run LAST_OPERATION operations.

    It goes on passing `safepoint`, since the stops of others wait for it too. The limit is a safepoint of its own, so
    that a program without a limit has nothing to look at.
    """

    @kernel
    def safepoint_or_rest(cpu: Cpu) -> None:
        safepoint(cpu)
        # The load faults at power-off: a CPU at rest begins no operation more.
        while cpu.peek(cpu.log + OPERATIONS) >= cpu.load(LAST_OPERATION):
            cpu.yield_core()
            safepoint(cpu)

    return safepoint_or_rest


@kernel
def disagree(cpu: Cpu) -> None:
    """Count a disagreement between two detectors: a fault of the harness, never an outcome."""
    cpu.poke(cpu.log + DISAGREEMENTS, cpu.peek(cpu.log + DISAGREEMENTS) + 1)
