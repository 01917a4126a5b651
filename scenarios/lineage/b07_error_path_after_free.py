"""The error path of insmod takes all that it needs from a module before it frees the module's core.

struct module lies inside of the module's own core. insmod fails, and its error path frees the core; then it touches
struct module once more. By then the core is free, or another insmod has it. The fix touches struct module before the
core is freed. The model is ours: what the error path still needs is where the module's per-CPU memory lies, to free
that too, so that it may free what another insmod uses; and every insmod fails, after init() has used that memory.

Source: commit 6e2b75740be (2.6.29), fact tagged V.
"""

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree

COUNTS = 4
KEYS = 1 << 20

Core = Struct("module_core", percpu="pointer")
PerCpu = Struct("module_percpu", counts=COUNTS)
OUT = Outcome.table(
    refused=("acceptable", "the module was not loaded, and its memory is free"),
    overwritten_percpu=("forbidden", "another module has this module's per-CPU memory"),
)


@kernel
def load_module(cpu: Cpu) -> int:
    """A module with per-CPU memory; 0 when memory is short."""
    mod = new(cpu, Core)
    if mod != 0:
        cpu.store(mod + Core.percpu, new(cpu, PerCpu))
    return mod


@kernel
def init(cpu: Cpu, mod: int) -> int:
    """Use the module's per-CPU memory; the outcome of the load, which fails in any case."""
    counts = cpu.load(mod + Core.percpu) + PerCpu.counts
    key = prandom(cpu, KEYS)
    write_contents(cpu, counts, COUNTS, key)
    cpu.yield_core()
    return OUT.refused if has_contents(cpu, counts, COUNTS, key) else OUT.overwritten_percpu


@kernel
def insmod_core_first(cpu: Cpu, p: Protocol) -> int:
    """Broken: free the core, then what struct module leads to, which lies in the core."""
    mod = load_module(cpu)
    if mod == 0:
        return UNJUDGED
    outcome = init(cpu, mod)
    p.retire(cpu, mod)
    kfree(cpu, cpu.load(mod + Core.percpu))
    return outcome


@kernel
def insmod_core_last(cpu: Cpu, p: Protocol) -> int:
    """Mended: free what struct module leads to, then the core."""
    mod = load_module(cpu)
    if mod == 0:
        return UNJUDGED
    outcome = init(cpu, mod)
    kfree(cpu, cpu.load(mod + Core.percpu))
    p.retire(cpu, mod)
    return outcome


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No module is loaded."""


PLAIN = Protocol("error_path")
LOADS = Structure("failing_loads", [Core, PerCpu], boot, outcomes=OUT, objects=256, reads="loads")
BROKEN = Scenario(
    name="broken",
    claim="an error path may free in the order of its labels",
    source="6e2b75740be (2.6.29): before the fix",
    point="4",
    programs=(Program("insmod", insmod_core_first, writes=True),),
    expect="violated",
    outcomes=LOADS.all_outcomes,
    protocol=PLAIN,
    structure=LOADS,
    learnt="every failure reads freed memory, and some free what another insmod uses",
)
MENDED = Scenario(
    name="mended",
    claim="an error path that frees the core last reads no freed memory",
    source="6e2b75740be (2.6.29)",
    point="4",
    programs=(Program("insmod", insmod_core_last, writes=True),),
    expect="held",
    twin=BROKEN,
    outcomes=LOADS.all_outcomes,
    protocol=PLAIN,
    structure=LOADS,
    learnt="two lines in the other order: what lies inside is freed before what it lies in",
)
SCENARIOS = [BROKEN, MENDED]
