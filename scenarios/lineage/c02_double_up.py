"""A stop that fails releases its semaphore once.

stop_machine_run downs a semaphore, so that there is one stop at a time: all stops share one state. If a stopper cannot
be started, the inner function ups the semaphore, and so does the outer one, which always does. The semaphore then has
room for two: the next two stops run at the same time, with one state. The fix takes the up() of the inner function
away. In the model a program starts as many threads as there may be and ends them again, which makes stops fail, and
the state is the number of the stop's CPU.

Source: commit 4edb9a143e3 (2.6.18), fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.stop_machine import cond_resched
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

BURST_NANOSECONDS = 50_000
MOST_THREADS = 8
STEPS = 4
"""The states of a stop."""

# How many stops hold the semaphore: changed in single steps. Below 0, it has room for more than one.
HOLDERS = static("stopmachine_semaphore_holders")
STATE = static("state_of_the_stop")
# How many threads a program has started: its own word.
THREADS = static("threads_of_forking_program")
OUT = Outcome.table(
    alone=("acceptable", "the state was this stop's own throughout"),
    failed=("acceptable", "no stopper could be started, and nothing was stopped"),
    overlapping=("forbidden", "another stop changed the state of this one"),
)


@kernel
def down(cpu: Cpu) -> None:
    """Take the semaphore."""
    holders = cpu.load(HOLDERS)
    while holders > 0 or cpu.cmpxchg(HOLDERS, holders, holders + 1) != holders:
        cond_resched(cpu)
        cpu.relax(HOLDERS)
        holders = cpu.load(HOLDERS)


@kernel
def up(cpu: Cpu) -> None:
    """Release the semaphore."""
    cpu.fetch_add(HOLDERS, -1)


@kernel
def start_stoppers(cpu: Cpu) -> bool:
    """Start a thread on each CPU; False if there may be no more threads."""
    return cpu.load(THREADS) < MOST_THREADS


@kernel
def run(cpu: Cpu) -> int:
    """Lead the stoppers through their states, and wait for them after each; the outcome."""
    outcome = OUT.alone
    cpu.store(STATE, cpu.number)
    for _ in range(STEPS):
        cpu.yield_core()
        state = cpu.load(STATE)
        note(cpu, "state", state)
        if state != cpu.number:
            outcome = OUT.overlapping
    return outcome


@kernel
def stop_twice_up(cpu: Cpu) -> int:
    """Broken: the failure releases the semaphore by itself."""
    if start_stoppers(cpu):
        return run(cpu)
    up(cpu)
    return OUT.failed


@kernel
def stop_once_up(cpu: Cpu) -> int:
    """Mended: the failure leaves the semaphore to the caller, who releases it in any case."""
    return run(cpu) if start_stoppers(cpu) else OUT.failed


@kernel
def broken_run(cpu: Cpu) -> int:
    """stop_machine_run before the fix."""
    mark_edge(cpu)
    down(cpu)
    outcome = stop_twice_up(cpu)
    up(cpu)
    mark_edge(cpu)
    return outcome


@kernel
def mended_run(cpu: Cpu) -> int:
    """stop_machine_run since the fix."""
    mark_edge(cpu)
    down(cpu)
    outcome = stop_once_up(cpu)
    up(cpu)
    mark_edge(cpu)
    return outcome


@kernel
def fork(cpu: Cpu) -> int:
    """A program that starts threads until there may be no more; then all of them end."""
    cpu.store(THREADS, MOST_THREADS)
    cpu.sleep(BURST_NANOSECONDS)
    cpu.store(THREADS, 0)
    cpu.sleep(BURST_NANOSECONDS)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No stop is under way."""


STOPS = Structure("stops", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="stops")
FORK = Program("fork", fork, cpus=1)
BROKEN = Scenario(
    name="broken",
    claim="who fails releases what it holds, and so does its caller",
    source="4edb9a143e3 (2.6.18): before the fix",
    point="unsaid",
    programs=(Program("stop_machine_run", broken_run, writes=True), FORK),
    expect="violated",
    outcomes=STOPS.all_outcomes,
    structure=STOPS,
    learnt="each failure makes room for one stop more, for ever",
)
MENDED = Scenario(
    name="mended",
    claim="a stop that fails releases the semaphore once, and stops never overlap",
    source="4edb9a143e3 (2.6.18)",
    point="unsaid",
    programs=(Program("stop_machine_run", mended_run, writes=True), FORK),
    expect="held",
    twin=BROKEN,
    outcomes=STOPS.all_outcomes,
    structure=STOPS,
    learnt="a release belongs to the function that took",
)
SCENARIOS = [BROKEN, MENDED]
