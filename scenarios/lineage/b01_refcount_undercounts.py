"""A count kept per CPU never reads less than it is: what was put is summed before what was got.

The counts of the CPUs are added one after the other while they change. A reference may be got on one CPU and put on
another. If the sum has passed the first CPU before the get, and comes to the second after the put, it sees the put
alone: it says 0 while somebody holds the module. The mended variant sums all puts first, and the gets behind them: each
put that it saw has its get in the second sum. The model is ours: the holder of the module hands second references to
other CPUs in one word; rmmod waits until the sum is 0, and is preempted after each CPU that it adds.

Source: a change of 2010 whose commit is not known, fact tagged M.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU, rcu_read_lock, rcu_read_unlock, synchronize_rcu
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu, static

CONTENTS, KEYS, USES = 4, 1 << 20, 64

Module = Struct("module", key="word", contents=CONTENTS)
# Stored by rmmod's CPU alone; a reference on its way to another CPU, changed in single steps.
MODULE = static("module_with_percpu_count")
HANDED_ON = static("reference_handed_on")
# Each CPU's own: what it got, and what it put. One module is loaded at a time, so that the counts are its own.
GETS = percpu("module_gets")
PUTS = percpu("module_puts")
OUT = Outcome.table(
    used=("acceptable", "the module, whole, while a reference was held"),
    gone=("forbidden", "another thing than the module, while a reference was held"),
)


@kernel
def get(cpu: Cpu) -> None:
    """Count a reference on this CPU; the caller holds one, or is in a read section."""
    cpu.store(cpu.area + GETS, cpu.load(cpu.area + GETS) + 1)


@kernel
def put(cpu: Cpu) -> None:
    """Count a reference as put on this CPU, wherever it was got, once all that is done under it is done."""
    cpu.store_release(cpu.area + PUTS, cpu.load(cpu.area + PUTS) + 1)


@kernel
def find(cpu: Cpu) -> int:
    """The module, with a reference; 0 if none is loaded."""
    rcu_read_lock(cpu)
    mod = cpu.load(MODULE)
    if mod != 0:
        get(cpu)
    rcu_read_unlock(cpu)
    return mod


@kernel
def look_at(cpu: Cpu, mod: int, key: int) -> int:
    """Use the module with this key once; the outcome."""
    return OUT.used if has_contents(cpu, mod + Module.contents, CONTENTS, key) else OUT.gone


@kernel
def use_and_hand_on(cpu: Cpu, mod: int, key: int) -> int:
    """Use the module once; get a second reference and leave it to another CPU, unless one waits there already."""
    outcome = look_at(cpu, mod, key)
    get(cpu)
    if cpu.cmpxchg(HANDED_ON, 0, mod) != 0:
        put(cpu)
    cpu.yield_core()
    return outcome


@kernel
def holder(cpu: Cpu) -> int:
    """Find the module, and use it many times with a reference of this CPU's own; OUT.gone once it was that."""
    mod = find(cpu)
    if mod == 0:
        return UNJUDGED
    outcome = OUT.used
    key = cpu.load(mod + Module.key)
    for _ in range(USES):
        if use_and_hand_on(cpu, mod, key) == OUT.gone:
            outcome = OUT.gone
    put(cpu)
    return outcome


@kernel
def helper(cpu: Cpu) -> int:
    """Use the module by a reference that the holder's CPU got, and put it on this one."""
    mod = cpu.xchg(HANDED_ON, 0)
    if mod == 0:
        return UNJUDGED
    outcome = look_at(cpu, mod, cpu.load(mod + Module.key))
    put(cpu)
    return outcome


@kernel
def count_at_once(cpu: Cpu) -> int:
    """Broken: the sum of each CPU's gets without its puts, CPU by CPU."""
    total = 0
    for number in range(cpu.peek(CPUS)):
        area = AREAS + number * AREA_BYTES
        total += cpu.load(area + GETS) - cpu.load(area + PUTS)
        cpu.yield_core()
    return total


@kernel
def sum_of(cpu: Cpu, word: int) -> int:
    """The sum of one of the words over all CPUs."""
    total = 0
    for number in range(cpu.peek(CPUS)):
        total += cpu.load(AREAS + number * AREA_BYTES + word)
        cpu.yield_core()
    return total


@kernel
def count_puts_first(cpu: Cpu) -> int:
    """Mended: all puts, then all gets: never less than there are."""
    puts = sum_of(cpu, PUTS)
    cpu.rmb()  # whoever's put was seen, its get is seen
    return sum_of(cpu, GETS) - puts


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
def remove(cpu: Cpu, p: Protocol, count: Callable[[Cpu], int]) -> int:
    """rmmod: let nobody find the module, wait until nobody holds it, free it; then load it again."""
    mod = cpu.load(MODULE)
    p.write_lock(cpu)
    p.publish(cpu, MODULE, 0)
    p.write_unlock(cpu)
    synchronize_rcu(cpu)  # whoever found it has counted
    while count(cpu) != 0:
        cpu.relax(MODULE)
    p.retire(cpu, mod)
    load_module(cpu, p)
    return UNJUDGED


@kernel
def rmmod_at_once(cpu: Cpu, p: Protocol) -> int:
    """rmmod before the fix."""
    return remove(cpu, p, count_at_once)


@kernel
def rmmod_puts_first(cpu: Cpu, p: Protocol) -> int:
    """rmmod since the fix."""
    return remove(cpu, p, count_puts_first)


COUNTED = RCU.but("counted", retire=kfree)
HELD_MODULE = Structure("held_module", [Module], load_module, outcomes=OUT, objects=64, reads="uses")
USERS = (Program("holder", holder, cpus=1), Program("helper", helper))
BROKEN = Scenario(
    name="broken",
    claim="the counts of all CPUs, added one after the other, give 0 only when nobody holds the module",
    source="a change of 2010: before it",
    programs=(Program("rmmod", rmmod_at_once, cpus=1, writes=True), *USERS),
    expect="violated",
    outcomes=HELD_MODULE.all_outcomes,
    protocol=COUNTED,
    structure=HELD_MODULE,
    learnt="a sum over CPUs is no value that the count ever had: it was 0 for nobody, and the module went",
)
MENDED = Scenario(
    name="mended",
    claim="puts summed before gets give 0 only when nobody holds the module",
    source="a change of 2010",
    programs=(Program("rmmod", rmmod_puts_first, cpus=1, writes=True), *USERS),
    expect="held",
    twin=BROKEN,
    outcomes=HELD_MODULE.all_outcomes,
    protocol=COUNTED,
    structure=HELD_MODULE,
    learnt="two sums in the right order err on the safe side: they may read too much, and rmmod waits",
)
SCENARIOS = [BROKEN, MENDED]
