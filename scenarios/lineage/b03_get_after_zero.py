"""A reference to a module is never taken once the count has come to 0.

The count is one atomic word, and starts at 1, the module's own reference. rmmod takes that one away: at 0 nobody holds
the module, and it goes. try_module_get counts up unless the count is 0. The broken variant leaves that test out: a
user who found the module before brings it from 0 to 1, and holds it while rmmod frees it. If users are left, rmmod
gives the module its reference back, unless the last user has gone meanwhile. The model is ours: the module's exit()
and its users sleep.

Source: commit e513cc1c07e2 (2014), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU, rcu_read_lock, rcu_read_unlock, synchronize_rcu
from stress.kernel.protocols.refcount import get_unless_zero
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

CONTENTS = 8
KEYS = 1 << 20
REST_NANOSECONDS, USE_NANOSECONDS = 200_000, 50_000

Get = Callable[[Cpu, int], bool]

Module = Struct("module", key="word", contents=CONTENTS)
# Stored by rmmod's CPU alone.
MODULE = static("module_with_atomic_count")
OUT = Outcome.table(
    used=("acceptable", "the module, whole, while a reference was held"),
    gone=("forbidden", "another thing than the module, while a reference was held"),
)


@kernel
def get_always(cpu: Cpu, mod: int) -> bool:
    """Broken: count up, whatever the count is."""
    cpu.fetch_add(mod + Module.refs, 1)
    return True


@kernel
def use(cpu: Cpu, mod: int, key: int) -> int:
    """Use the module with a reference, then put that."""
    cpu.sleep(USE_NANOSECONDS)
    whole = has_contents(cpu, mod + Module.contents, CONTENTS, key)
    cpu.fetch_add(mod + Module.refs, -1)
    return OUT.used if whole else OUT.gone


@kernel
def find_and_use(cpu: Cpu, get: Get) -> int:
    """Rest, so that nobody holds the module at times; find it, take a reference, use it."""
    cpu.sleep(REST_NANOSECONDS)
    rcu_read_lock(cpu)
    mod = cpu.load(MODULE)
    key = 0
    if mod != 0:
        key = cpu.load(mod + Module.key)
        if not get(cpu, mod):
            mod = 0
    rcu_read_unlock(cpu)
    return UNJUDGED if mod == 0 else use(cpu, mod, key)


@kernel
def user_always(cpu: Cpu) -> int:
    """A user without the test."""
    return find_and_use(cpu, get_always)


@kernel
def user_unless_zero(cpu: Cpu) -> int:
    """Mended: a user who takes no reference at 0 (atomic_inc_not_zero)."""
    return find_and_use(cpu, get_unless_zero)


@kernel
def load_module(cpu: Cpu, p: Protocol) -> None:
    """Load a module that everybody can find, with a key drawn at random."""
    mod = new(cpu, Module)
    if mod != 0:
        key = prandom(cpu, KEYS)
        cpu.store(mod + Module.key, key)
        write_contents(cpu, mod + Module.contents, CONTENTS, key)
        p.publish(cpu, MODULE, mod)


@kernel
def release(cpu: Cpu, mod: int) -> bool:
    """Put the module's own reference; give it back if users are left. Whether nobody is (try_release_module_ref)."""
    if cpu.fetch_add(mod + Module.refs, -1) == 1:
        return True
    return not get_unless_zero(cpu, mod)


@kernel
def rmmod(cpu: Cpu, p: Protocol) -> int:
    """Remove the module if nobody holds it, and load it again."""
    mod = cpu.load(MODULE)
    if mod != 0:
        if not release(cpu, mod):
            return UNJUDGED
        cpu.sleep(USE_NANOSECONDS)
        p.write_lock(cpu)
        p.publish(cpu, MODULE, 0)
        p.write_unlock(cpu)
        synchronize_rcu(cpu)  # nobody is between the look at the pointer and the count
        p.retire(cpu, mod)
    load_module(cpu, p)
    return UNJUDGED


COUNTED = RCU.but("counted", retire=kfree)
COUNTED_MODULE = Structure("counted_module", [Module], load_module, outcomes=OUT, objects=64, reads="uses")
RMMOD = Program("rmmod", rmmod, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="whoever finds the module may count a reference",
    source="e513cc1c07e2 (2014) without its test for zero",
    programs=(RMMOD, Program("user", user_always)),
    expect="violated",
    outcomes=COUNTED_MODULE.all_outcomes,
    protocol=COUNTED,
    structure=COUNTED_MODULE,
    learnt="a count that comes back from 0 protects nothing: rmmod has looked already",
)
MENDED = Scenario(
    name="mended",
    claim="whoever finds the module may count a reference unless the count is 0",
    source="e513cc1c07e2 (2014)",
    programs=(RMMOD, Program("user", user_unless_zero)),
    expect="held",
    twin=BROKEN,
    outcomes=COUNTED_MODULE.all_outcomes,
    protocol=COUNTED,
    structure=COUNTED_MODULE,
    learnt="0 is final: one atomic step decides between rmmod and a user, and nothing has to be stopped",
)
SCENARIOS = [BROKEN, MENDED]
