"""An insmod that waits for a module of its name to go is woken when that module is gone.

A module of the same name is GOING: its exit() runs. insmod sleeps until the module is loaded or gone, in the queue that
the end of a load wakes. The end of an unload does not wake it: insmod sleeps although the name is free. The fix wakes
the queue there too. In the model all CPUs but one load one module, and one unloads it; exit() sleeps. So they may all
wait at once, and then no other load comes that would wake them.

Source: commit 5d603311615f, fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol, no_step
from stress.kernel.stop_machine import cond_resched, down, schedule, up
from stress.kernel.struct import new
from stress.kernel.struct_module import MODULE_MUTEX
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

NONE, LIVE, GOING = 0, 1, 2

Module = Struct("module", state="word")
MODULE = static("module_of_one_name", stored_by=MODULE_MUTEX)
# How often the queue was woken: changed in single additions.
MODULE_WQ = static("module_wq")
OUT = Outcome.table(
    loaded=("acceptable", "the module was loaded"),
    exists=("acceptable", "a module of that name is loaded"),
    waited=("acceptable", "a module of that name was going, and is gone"),
)


@kernel
def wake_up_all(cpu: Cpu) -> None:
    """Wake everybody who sleeps in the queue."""
    cpu.fetch_add(MODULE_WQ, 1)


@kernel
def wait_event(cpu: Cpu, woken: int) -> None:
    """Sleep until somebody wakes the queue, which had been woken so many times."""
    while cpu.load(MODULE_WQ) == woken:
        cond_resched(cpu)
        cpu.relax(MODULE_WQ)


@kernel
def state_of(cpu: Cpu, mod: int) -> int:
    """The state of the module, NONE without one."""
    return NONE if mod == 0 else cpu.load(mod + Module.state)


@kernel
def add_module(cpu: Cpu, p: Protocol) -> None:
    """Load the module, if there is memory for it; the caller holds the mutex, or is alone."""
    mod = new(cpu, Module)
    if mod != 0:
        cpu.store(mod + Module.state, LIVE)
        p.publish(cpu, MODULE, mod)


@kernel
def insmod(cpu: Cpu, p: Protocol) -> int:
    """Load the module; wait if it is just going."""
    down(cpu, MODULE_MUTEX)
    state = state_of(cpu, cpu.load(MODULE))
    # Nobody can wake the queue for the end of this unload before the mutex is free.
    woken = cpu.load(MODULE_WQ)
    if state == NONE:
        add_module(cpu, p)
    up(cpu, MODULE_MUTEX)
    if state == GOING:
        wait_event(cpu, woken)
        return OUT.waited
    if state == NONE:
        wake_up_all(cpu)
    return OUT.loaded if state == NONE else OUT.exists


@kernel
def begin_exit(cpu: Cpu) -> int:
    """Mark the module GOING; 0 if there is none."""
    down(cpu, MODULE_MUTEX)
    mod = cpu.load(MODULE)
    if mod != 0:
        cpu.store(mod + Module.state, GOING)
    up(cpu, MODULE_MUTEX)
    return mod


@kernel
def remove(cpu: Cpu, p: Protocol, wake: Callable[[Cpu], None]) -> int:
    """rmmod."""
    mod = begin_exit(cpu)
    if mod == 0:
        return UNJUDGED
    schedule(cpu)
    down(cpu, MODULE_MUTEX)
    p.write_lock(cpu)
    p.publish(cpu, MODULE, 0)
    p.write_unlock(cpu)
    up(cpu, MODULE_MUTEX)
    p.retire(cpu, mod)
    wake(cpu)
    return UNJUDGED


@kernel
def rmmod_silent(cpu: Cpu, p: Protocol) -> int:
    """Broken: the end of an unload wakes nobody."""
    return remove(cpu, p, no_step)


@kernel
def rmmod_waking(cpu: Cpu, p: Protocol) -> int:
    """Mended: the end of an unload wakes whoever waits for it."""
    return remove(cpu, p, wake_up_all)


PLAIN = Protocol("one_name")
ONE_NAME = Structure("module_of_one_name", [Module], add_module, outcomes=OUT, objects=64, reads="loads")
INSMOD = Program("insmod", insmod)
BROKEN = Scenario(
    name="broken",
    claim="the end of a load is all that an insmod waits for",
    source="5d603311615f: before the fix",
    programs=(Program("rmmod", rmmod_silent, cpus=1, writes=True), INSMOD),
    expect="stalled",
    outcomes=ONE_NAME.all_outcomes,
    protocol=PLAIN,
    structure=ONE_NAME,
    learnt="once all wait, the name is free and nobody takes it",
)
MENDED = Scenario(
    name="mended",
    claim="the end of an unload wakes an insmod that waits for it",
    source="5d603311615f",
    programs=(Program("rmmod", rmmod_waking, cpus=1, writes=True), INSMOD),
    expect="held",
    twin=BROKEN,
    outcomes=ONE_NAME.all_outcomes,
    protocol=PLAIN,
    structure=ONE_NAME,
    learnt="every change of what is waited for wakes who waits",
)
SCENARIOS = [BROKEN, MENDED]
