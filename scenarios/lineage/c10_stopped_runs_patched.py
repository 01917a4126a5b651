"""A stopped CPU runs no code that the stop is there to patch.

Code is patched under a stop, since an instruction must not be run while it is half written. The stopped CPUs spin
meanwhile, and call a function in each turn. The tracer has that function among those that it patches: a stopped CPU
runs it with one instruction of the old code and one of the new. The fix takes the functions that stopped CPUs run away
from the tracer (notrace). In the model a function begins with two instructions, which belong together and are written
one after the other; between the two the coordinator gives up its core.

Source: commit 4230e2deaa48 (2020), fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.preempt import local_irq_disable, local_irq_enable, preempt_disable, preempt_enable
from stress.kernel.stop_machine import (
    ACK,
    STATE_MASK,
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_EXIT,
    STOPMACHINE_STATE,
    acknowledge,
    restart_machine,
    stop_machine,
)
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel
from stress.machine.words import percpu, static

FUNCTIONS = 4
RUN_WHILE_STOPPED = 0
"""The function that stopped CPUs call; the tracer's others come behind it."""

# Two instructions for each function: stored under a stop.
TEXT = static("text_of_functions", 2 * FUNCTIONS)
# Whether this CPU has crashed since its last operation: its own word.
CRASHED = percpu("crashed_while_stopped")
OUT = Outcome.table(
    ran=("acceptable", "all functions ran, traced or not"),
    crashed=("forbidden", "ran one instruction of the old code and one of the new"),
)


@kernel
def call(cpu: Cpu, function: int) -> None:
    """Run a function: its two instructions are both old or both new, or the CPU crashes."""
    start = TEXT + function * 16
    first = cpu.load(start)
    second = cpu.load(start + 8)
    if first != second:
        cpu.store(cpu.area + CRASHED, 1)


@kernel
def next_state(cpu: Cpu, state: int) -> int:
    """Spin until the machine leaves `state`, and call the function in each turn; the next state."""
    following = cpu.load(STOPMACHINE_STATE)
    while following == state:
        call(cpu, RUN_WHILE_STOPPED)
        cpu.relax(STOPMACHINE_STATE)
        following = cpu.load(STOPMACHINE_STATE)
    return following


@kernel
def stopper(cpu: Cpu) -> None:
    """Follow the states of a stop to its end and acknowledge each."""
    preempt_disable(cpu)
    state = cpu.load(STOPMACHINE_STATE)
    while state & STATE_MASK != STOPMACHINE_EXIT:
        # Interrupts are off before the acknowledgement, which promises it.
        if state & STATE_MASK == STOPMACHINE_DISABLE_IRQ:
            local_irq_disable(cpu)
        acknowledge(cpu, state)
        state = next_state(cpu, state)
    acknowledge(cpu, state)
    local_irq_enable(cpu)
    preempt_enable(cpu)


@kernel
def safepoint(cpu: Cpu) -> None:
    """Come into a stop that is under way."""
    if cpu.load(STOPMACHINE_STATE) != cpu.load(cpu.area + ACK):
        stopper(cpu)


@kernel
def process(cpu: Cpu) -> int:
    """Run all functions; then tell whether this CPU has crashed, here or while it was stopped."""
    for function in range(FUNCTIONS):
        call(cpu, function)
    crashed = cpu.load(cpu.area + CRASHED)
    cpu.store(cpu.area + CRASHED, 0)
    note(cpu, "crashed", crashed)
    return OUT.crashed if crashed == 1 else OUT.ran


@kernel
def patch(cpu: Cpu, first: int) -> int:
    """The tracer: turn the functions from `first` on from traced to untraced, or back, under a stop."""
    mark_edge(cpu)
    stop_machine(cpu)
    for function in range(first, FUNCTIONS):
        start = TEXT + function * 16
        code = 1 - cpu.load(start)
        cpu.store(start, code)
        cpu.yield_core()
        cpu.store(start + 8, code)
    mark_edge(cpu)
    restart_machine(cpu)
    mark_edge(cpu)
    return UNJUDGED


@kernel
def patch_all(cpu: Cpu, p: Protocol) -> int:
    """Broken: every function is the tracer's."""
    return patch(cpu, RUN_WHILE_STOPPED)


@kernel
def patch_traced(cpu: Cpu, p: Protocol) -> int:
    """Mended: what stopped CPUs run is notrace."""
    return patch(cpu, RUN_WHILE_STOPPED + 1)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No function is traced."""


PATCHED = Structure("text_of_functions", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="calls")
SPINNING = Protocol("spinning", safepoint=safepoint)
PROCESS = Program("process", process)
BROKEN = Scenario(
    name="broken",
    claim="a CPU that is stopped runs nothing that matters",
    source="4230e2deaa48 (2020): before the fix",
    point="unsaid",
    programs=(Program("ftrace", patch_all, cpus=1, writes=True), PROCESS),
    expect="violated",
    outcomes=PATCHED.all_outcomes,
    protocol=SPINNING,
    structure=PATCHED,
    learnt="the spin is code too: what it calls was half patched",
)
MENDED = Scenario(
    name="mended",
    claim="code may be patched under a stop if the stopped CPUs do not run it",
    source="4230e2deaa48 (2020)",
    point="unsaid",
    programs=(Program("ftrace", patch_traced, cpus=1, writes=True), PROCESS),
    expect="held",
    twin=BROKEN,
    outcomes=PATCHED.all_outcomes,
    protocol=SPINNING,
    structure=PATCHED,
    learnt="every other function was patched under the feet of nobody",
)
SCENARIOS = [BROKEN, MENDED]
