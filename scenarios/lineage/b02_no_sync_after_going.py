"""rmmod --wait marks a module GOING, lets every look at the mark end, and then waits until nobody holds the module.

try_module_get looks whether the module is LIVE and counts a reference, with preemption off. rmmod --wait marks the
module GOING without a stop, waits until all sections with preemption off have ended (synchronize_sched), and then looks
at the count. The broken variant leaves synchronize_sched out: a user saw LIVE before, counts after rmmod has seen that
nobody holds the module, and uses it when it is freed. The model is ours: read sections of RCU stand for preemption off,
and an interrupt takes the core between the look and the count.

Source: commit da39ba5e1d6 (2.6.27), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol, no_step
from stress.kernel.protocols.rcu import RCU, rcu_read_lock, rcu_read_unlock, synchronize_rcu
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

LIVE, GOING = 1, 2
CONTENTS = 8
KEYS = 1 << 20
NOBODY = 1
"""The count of a module that nobody holds: it has one reference of its own."""

Module = Struct("module", state="word", key="word", contents=CONTENTS)
# Stored by rmmod's CPU alone.
MODULE = static("module_removed_with_wait")
OUT = Outcome.table(
    used=("acceptable", "the module, whole, while a reference was held"),
    gone=("forbidden", "another thing than the module, while a reference was held"),
)


@kernel
def try_module_get(cpu: Cpu, mod: int) -> bool:
    """Take a reference if the module is LIVE; the caller is in a read section."""
    if cpu.load(mod + Module.state) != LIVE:
        return False
    cpu.yield_core()
    cpu.fetch_add(mod + Module.refs, 1)
    return True


@kernel
def use(cpu: Cpu, mod: int, key: int) -> int:
    """Use the module with a reference, then put that."""
    whole = has_contents(cpu, mod + Module.contents, CONTENTS, key)
    cpu.fetch_add(mod + Module.refs, -1)
    return OUT.used if whole else OUT.gone


@kernel
def user(cpu: Cpu) -> int:
    """Find the module, take a reference, use the module."""
    rcu_read_lock(cpu)
    mod = cpu.load(MODULE)
    key = 0
    if mod != 0:
        key = cpu.load(mod + Module.key)
        if not try_module_get(cpu, mod):
            mod = 0
    rcu_read_unlock(cpu)
    return UNJUDGED if mod == 0 else use(cpu, mod, key)


@kernel
def load_module(cpu: Cpu, p: Protocol) -> None:
    """Load a module that everybody can find, with a key drawn at random."""
    mod = new(cpu, Module)
    if mod == 0:
        return
    key = prandom(cpu, KEYS)
    cpu.store(mod + Module.key, key)
    write_contents(cpu, mod + Module.contents, CONTENTS, key)
    cpu.store(mod + Module.state, LIVE)
    p.publish(cpu, MODULE, mod)


@kernel
def mark_going(cpu: Cpu, p: Protocol, mod: int) -> None:
    """Let nobody take a reference who looks from now on."""
    p.write_lock(cpu)
    cpu.store(mod + Module.state, GOING)
    p.publish(cpu, MODULE, 0)
    p.write_unlock(cpu)


@kernel
def remove(cpu: Cpu, p: Protocol, synchronize: Callable[[Cpu], None]) -> int:
    """rmmod --wait, and a load of the module."""
    mod = cpu.load(MODULE)
    if mod != 0:
        mark_going(cpu, p, mod)
        synchronize(cpu)
        while cpu.load(mod + Module.refs) > NOBODY:
            cpu.relax(mod + Module.refs)
        p.retire(cpu, mod)
    load_module(cpu, p)
    return UNJUDGED


@kernel
def rmmod_at_once(cpu: Cpu, p: Protocol) -> int:
    """Broken: look at the count at once."""
    return remove(cpu, p, no_step)


@kernel
def rmmod_synchronized(cpu: Cpu, p: Protocol) -> int:
    """Mended: look at the count when everybody who saw LIVE has counted."""
    return remove(cpu, p, synchronize_rcu)


COUNTED = RCU.but("counted", retire=kfree)
REMOVED = Structure("module_removed_with_wait", [Module], load_module, outcomes=OUT, objects=64, reads="uses")
USER = Program("user", user)
BROKEN = Scenario(
    name="broken",
    claim="once a module is GOING and its count is 0, nobody holds it",
    source="da39ba5e1d6 (2.6.27) without its synchronize_sched",
    programs=(Program("rmmod", rmmod_at_once, cpus=1, writes=True), USER),
    expect="violated",
    outcomes=REMOVED.all_outcomes,
    protocol=COUNTED,
    structure=REMOVED,
    learnt="a user who saw LIVE counts too late, in memory that is freed",
)
MENDED = Scenario(
    name="mended",
    claim="once a module is GOING, every look at it has ended, and its count is 0, nobody holds it",
    source="da39ba5e1d6 (2.6.27)",
    programs=(Program("rmmod", rmmod_synchronized, cpus=1, writes=True), USER),
    expect="held",
    twin=BROKEN,
    outcomes=REMOVED.all_outcomes,
    protocol=COUNTED,
    structure=REMOVED,
    learnt="the grace period between mark and count is all that a stop gave",
)
SCENARIOS = [BROKEN, MENDED]
