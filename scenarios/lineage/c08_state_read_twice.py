"""A CPU in a stop loads the state once, and remembers the very state that it has acted on.

Each CPU spins until the state is another one than it remembers, does what the state asks for, and acknowledges it; the
last to acknowledge publishes the next state. The loads of the state are plain, so a compiler may load it twice: once to
act, and once more, behind the acknowledgement, to remember. If another CPU has published the next state in between,
this CPU remembers a state that it has not acted on, and never acknowledges it. The fix marks the load (READ_ONCE) and
acts and remembers by one snapshot. The model is ours: the broken variant has the second load written out.

Source: commit b1fc58333575 (2019), fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.preempt import local_irq_disable, local_irq_enable
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS, percpu, static

PREPARE, DISABLE_IRQ, EXIT = 1, 2, 3
STATE_MASK = 3
WORK = 16

# The number of the stop and its state: stored by who stops, then by the last CPU that acknowledges a state.
STATE = static("msdata_state")
# How many CPUs have not acknowledged the state yet: counted down in single steps.
LEFT = static("msdata_thread_ack")
# The state that a CPU remembers: its own word.
CURRENT = percpu("msdata_current")
OUT = Outcome.table(
    worked=("acceptable", "a piece of work between two stops"),
    stopped=("acceptable", "every CPU has gone through every state"),
)


@kernel
def publish(cpu: Cpu, state: int) -> None:
    """Let every CPU come to a state."""
    cpu.store(LEFT, cpu.peek(CPUS))
    cpu.store_release(STATE, state)


@kernel
def acknowledge(cpu: Cpu, state: int) -> None:
    """Say that this CPU has acted on the state; the last one publishes the next state."""
    if cpu.fetch_add(LEFT, -1) == 1 and state & STATE_MASK != EXIT:
        publish(cpu, state + 1)


@kernel
def act(cpu: Cpu, state: int) -> None:
    """Do what the state asks of this CPU, and acknowledge it."""
    if state & STATE_MASK == DISABLE_IRQ:
        local_irq_disable(cpu)
    if state & STATE_MASK == EXIT:
        local_irq_enable(cpu)
    acknowledge(cpu, state)


@kernel
def step_twice(cpu: Cpu) -> None:
    """Broken: act on the state, then load it again to remember it."""
    if cpu.load(STATE) != cpu.load(cpu.area + CURRENT):
        act(cpu, cpu.load(STATE))
        cpu.store(cpu.area + CURRENT, cpu.load(STATE))


@kernel
def step_once(cpu: Cpu) -> None:
    """Mended: act on a snapshot of the state, and remember that."""
    state = cpu.load_acquire(STATE)
    if state != cpu.load(cpu.area + CURRENT):
        act(cpu, state)
        cpu.store(cpu.area + CURRENT, state)


@kernel
def is_in_stop(cpu: Cpu) -> bool:
    """Whether this CPU has begun a stop and not ended it, or should begin one."""
    current = cpu.load(cpu.area + CURRENT)
    return cpu.load(STATE) != current or 0 < current & STATE_MASK < EXIT


@kernel
def stopped_twice(cpu: Cpu) -> None:
    """A safepoint before the fix: if a stop is under way, go through its states."""
    while is_in_stop(cpu):
        step_twice(cpu)
        cpu.relax(STATE)


@kernel
def stopped_once(cpu: Cpu) -> None:
    """A safepoint since the fix."""
    while is_in_stop(cpu):
        step_once(cpu)
        cpu.relax(STATE)


@kernel
def stop_machine(cpu: Cpu, p: Protocol) -> int:
    """Lead all CPUs, this one too, through the states of a stop."""
    mark_edge(cpu)
    publish(cpu, (cpu.load(STATE) & ~STATE_MASK) + STATE_MASK + 1 + PREPARE)
    p.safepoint(cpu)
    while cpu.load(LEFT) != 0:
        cpu.relax(LEFT)
    mark_edge(cpu)
    return OUT.stopped


@kernel
def work(cpu: Cpu) -> int:
    """What a CPU does between two stops."""
    for _ in range(WORK):
        cpu.load(STATE)
    return OUT.worked


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No stop is under way."""


STOPS = Structure("states_of_a_stop", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="pieces of work")
PROGRAMS = (Program("stop_machine", stop_machine, cpus=1, writes=True), Program("work", work))
BROKEN = Scenario(
    name="broken",
    claim="it does not matter how often the state is loaded, since no CPU can leave it alone",
    source="b1fc58333575 (2019): before the fix",
    point="unsaid",
    programs=PROGRAMS,
    expect="stalled",
    outcomes=STOPS.all_outcomes,
    protocol=Protocol("state_read_twice", safepoint=stopped_twice),
    structure=STOPS,
    learnt="behind its own acknowledgement a CPU may find the next state, and take it for the last",
)
MENDED = Scenario(
    name="mended",
    claim="a CPU that acts on a snapshot of the state, and remembers that, acknowledges every state",
    source="b1fc58333575 (2019)",
    point="unsaid",
    programs=PROGRAMS,
    expect="held",
    twin=BROKEN,
    outcomes=STOPS.all_outcomes,
    protocol=Protocol("state_read_once", safepoint=stopped_once),
    structure=STOPS,
    learnt="one load, kept: nothing that comes later changes what was acted on",
)
SCENARIOS = [BROKEN, MENDED]
