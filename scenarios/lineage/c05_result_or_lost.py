"""The error of one CPU's function is not lost among the results of the others.

A stop may run its function on every CPU. Each CPU adds its result to one word with `|=`, which is a load, an `or` and a
store, and no single step. A CPU that loads the word before the error is stored, and stores it after, takes the error
away: the caller is told that all went well. The fix stores a result only if it is an error. In the model the function
fails on one CPU, drawn for each stop, and gives up its core; `|=` loads the word before the function runs, as C allows.

Source: commit 8163bcac779 (2.6.28), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.machine.loop import mark_edge
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS, percpu, static

EINVAL = 22
PREPARE, RUN, EXIT = 1, 2, 3
STATE_MASK = 3

# The number of the stop and its state: stored by who stops, then by the last CPU that acknowledges a state.
STATE = static("multi_stop_state")
# How many CPUs have not acknowledged the state yet: counted down in single steps.
LEFT = static("multi_stop_thread_ack")
# On which CPU the function fails: stored by who stops. What came of it, stored by every CPU.
FAILING = static("multi_stop_failing")
RESULT = static("multi_stop_result")
# The last state that a CPU has acknowledged: its own word.
REACHED = percpu("multi_stop_reached")
OUT = Outcome.table(
    worked=("acceptable", "a piece of work between two stops"),
    told=("acceptable", "the caller got the error"),
    lost=("forbidden", "the function failed on one CPU, and the caller got no error"),
)


@kernel
def function(cpu: Cpu) -> int:
    """What the stop runs on each CPU: an error on one of them."""
    failing = cpu.load(FAILING)
    cpu.yield_core()
    return EINVAL if cpu.number == failing else 0


@kernel
def run_or(cpu: Cpu) -> None:
    """Broken: result |= function()."""
    before = cpu.load(RESULT)
    cpu.store(RESULT, before | function(cpu))


@kernel
def run_error(cpu: Cpu) -> None:
    """Mended: an error is stored, and nothing else."""
    error = function(cpu)
    if error != 0:
        cpu.store(RESULT, error)


@kernel
def publish(cpu: Cpu, state: int) -> None:
    """Let every CPU come to a state."""
    cpu.store(LEFT, cpu.peek(CPUS))
    cpu.store_release(STATE, state)


@kernel
def acknowledge(cpu: Cpu, state: int) -> None:
    """Say that this CPU has done what the state asks for; the last one publishes the next state."""
    cpu.store(cpu.area + REACHED, state)
    if cpu.fetch_add(LEFT, -1) == 1 and state & STATE_MASK != EXIT:
        publish(cpu, state + 1)


@kernel
def next_state(cpu: Cpu) -> int:
    """Wait for a state that this CPU has not acknowledged."""
    state = cpu.load_acquire(STATE)
    while state == cpu.load(cpu.area + REACHED):
        cpu.relax(STATE)
        state = cpu.load_acquire(STATE)
    return state


@kernel
def is_in_stop(cpu: Cpu) -> bool:
    """Whether this CPU has begun a stop and not ended it, or should begin one."""
    reached = cpu.load(cpu.area + REACHED)
    return cpu.load(STATE) != reached or 0 < reached & STATE_MASK < EXIT


@kernel
def multi_cpu_stop(cpu: Cpu, run: Callable[[Cpu], None]) -> None:
    """Go through the states of the stop that is under way, if there is one, and run the function in its turn."""
    while is_in_stop(cpu):
        state = next_state(cpu)
        if state & STATE_MASK == RUN:
            run(cpu)
        acknowledge(cpu, state)


@kernel
def stopped_or(cpu: Cpu) -> None:
    """A safepoint before the fix."""
    multi_cpu_stop(cpu, run_or)


@kernel
def stopped_error(cpu: Cpu) -> None:
    """A safepoint since the fix."""
    multi_cpu_stop(cpu, run_error)


@kernel
def stop_machine(cpu: Cpu, p: Protocol) -> int:
    """Run the function on every CPU under a stop; whether the caller got its error."""
    mark_edge(cpu)
    cpu.store(FAILING, prandom(cpu, cpu.peek(CPUS)))
    cpu.store(RESULT, 0)
    publish(cpu, (cpu.load(STATE) & ~STATE_MASK) + STATE_MASK + 1 + PREPARE)
    p.safepoint(cpu)
    while cpu.load(LEFT) != 0:
        cpu.relax(LEFT)
    mark_edge(cpu)
    return OUT.lost if cpu.load(RESULT) == 0 else OUT.told


@kernel
def work(cpu: Cpu) -> int:
    """What a CPU does between two stops."""
    cpu.load(STATE)
    return OUT.worked


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No stop is under way."""


STOPS = Structure("multi_stop", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="stops")
PROGRAMS = (Program("stop_machine", stop_machine, cpus=1, writes=True), Program("work", work))
BROKEN = Scenario(
    name="broken",
    claim="every CPU may add its result to one word with |=",
    source="8163bcac779 (2.6.28): before the fix",
    point="unsaid",
    programs=PROGRAMS,
    expect="violated",
    outcomes=STOPS.all_outcomes,
    protocol=Protocol("results_added", safepoint=stopped_or),
    structure=STOPS,
    learnt="a CPU without an error stores what it loaded before the error came",
)
MENDED = Scenario(
    name="mended",
    claim="a CPU stores its result only if that is an error",
    source="8163bcac779 (2.6.28)",
    point="unsaid",
    programs=PROGRAMS,
    expect="held",
    twin=BROKEN,
    outcomes=STOPS.all_outcomes,
    protocol=Protocol("errors_stored", safepoint=stopped_error),
    structure=STOPS,
    learnt="who has nothing to say stores nothing: some error is left, which is enough",
)
SCENARIOS = [BROKEN, MENDED]
