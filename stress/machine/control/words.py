"""The words of a machine whose CPUs run one at a time. Each has one writer at a time: the CPU whose turn it is.

What belongs to one schedule lies among the static words and in the logs, which start afresh with the machine. What
lasts from one schedule to the next lies behind the evidence, in the control region (`RamMap.control`).
"""

from stress.machine.seam import Cpu, kernel
from stress.machine.words import LOG_BYTES, TURN, TURNS

# One schedule.
LEFT, GRANT, STEPS, EVENT, ENDED, STRETCH, QUIET, NEXT_FORCED = range(TURNS, TURNS + 64, 8)
"""LEFT: the accesses that are left of the run under way, of GRANT. STEPS: those of the runs before it. EVENT: what
comes before its first access. ENDED: why the schedule is over. STRETCH: counts changes of the CPU. QUIET, NEXT_FORCED:
turns on end in which no CPU could go on, and whose turn is next then."""
RUN_COUNT, SKIPPED, REGION, IS_FORCED, BUDGET, TURN_COUNT, SLEPT, EXTENDED = range(TURNS + 64, TURNS + 128, 8)
"""RUN_COUNT: the runs made so far. SKIPPED: the CPU that has just yielded. REGION: where the control region starts.
IS_FORCED: whether the run under way was nobody's choice. BUDGET: the accesses that a schedule may have, and the turns.
TURN_COUNT: the turns so far. SLEPT: the nanoseconds that CPUs have slept. EXTENDED: how often on end
CPUs at rest were given one operation more."""
REMAINDER, EXAMINED, PERIOD = range(TURNS + 128, TURNS + 152, 8)
"""REMAINDER: the accesses of the run under way that it was not given at once. EXAMINED: how many have repeated so far,
PERIOD: and how many there are in one turn of the loop (`spins`)."""

# One CPU.
WAITS_ON, WAITED, AT_REST, PENDING, PENDING_ACCESS, RELAXED_ON, RELAXED_IN, PRIORITY = range(TURN, TURN + 64, 8)
"""WAITS_ON: the word that it waits for, 0 if none, `spins.REPEATED` for one that spins; WAITED: the word's value then.
AT_REST: it has run all operations. PENDING: the address of its next access, or the last one; PENDING_ACCESS: its kind,
0 for the last one. RELAXED_ON, RELAXED_IN: its last spin, and the stretch of that. PRIORITY: for strategies."""
WEIGHT, EXTRA = TURN + 64, TURN + 72
"""WEIGHT: for strategies. EXTRA: the operations that it has beyond its own."""

# The control region.
STACKS = 0
"""The stack pointers of the main program and of each CPU (native engine)."""
MOST_STACKS = 1032
STATE = STACKS + MOST_STACKS * 8
"""What strategies keep: see `stress.schedule`."""
STATE_WORDS = 128
EVENTS = 3
"""One of those words: a bit for each kind of event that may come."""
RUN_CPU, RUN_STEPS, RUN_EVENT, RUN_WHY, RUN_BYTES = range(0, 40, 8)
MOST_RUNS = 1 << 15
GIVEN = STATE + STATE_WORDS * 8
"""The runs of a schedule that is replayed: their number, then each. Its steps are 0 for as long as it can go on."""
MADE = GIVEN + 8 + MOST_RUNS * RUN_BYTES
"""The runs of the schedule under way, up to MOST_RUNS of them."""
PATH = MADE + MOST_RUNS * RUN_BYTES
"""The choices of a search in depth: the one taken, the number there were."""
MOST_CHOICES = 1 << 15
SEEN = PATH + MOST_CHOICES * 16
"""The words that CPUs were seen to access: for each its address, and how often each CPU did."""
MOST_SEEN = 64
SEEN_BYTES = 8 * 1032
WATCHED = SEEN + MOST_SEEN * SEEN_BYTES
"""The accesses that each CPU repeats: their number, then each."""
WATCHED_BYTES = 1024
TRACE = WATCHED + MOST_STACKS * WATCHED_BYTES
"""The accesses of the schedule under way, if they are traced: their number, then each."""
STEP_CPU, STEP_ACCESS, STEP_ADDRESS, STEP_OLD, STEP_NEW, STEP_RUN, STEP_OPERATION, STEP_STACK = range(0, 64, 8)
STEP_BYTES = 64
MOST_TRACED = 1 << 16

MAIN = -1
"""The main program, as who hands over to a CPU."""
READ_MODIFY_WRITE = 16
"""An access that reads and writes in one step, beside the kinds in `machine.words`."""
WRITE_PIECE = -64
"""A piece of memory that is filled, or copied to."""
PIECE_BYTES = 64
"""A fill or a copy of memory is as many steps as it has pieces."""

# Why a run ended, or a schedule. A run that is EXPIRED could have gone on.
EXPIRED, WAITS, YIELDS, RESTS, OVER = range(1, 6)
DONE, VIOLATED, STALLED, CUT = range(1, 5)
NO_EVENT, INTERRUPT, NMI = range(3)


def control_bytes(traced: bool) -> int:
    """The size of the control region."""
    return TRACE + 8 + (MOST_TRACED * STEP_BYTES if traced else 0)


@kernel
def log_of(cpu: Cpu, number: int) -> int:
    """The log of any CPU."""
    return cpu.log + (number - cpu.number) * LOG_BYTES


@kernel
def state(cpu: Cpu, word: int) -> int:
    """The address of one of the words that strategies keep."""
    return cpu.peek(REGION) + STATE + word * 8
