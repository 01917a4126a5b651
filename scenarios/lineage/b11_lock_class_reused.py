"""lockdep gives the memory of an unloaded module's lock classes away after a grace period, and not before.

lockdep keeps a class for each kind of lock, in chains that it walks with no lock. Unloading a module takes its classes
off the chains, and the module's memory is freed at once. Another module is loaded into it, and its locks get classes of
their own: a walk that stands on the old class takes the new one for it. The fix waits for a grace period between the
removal and the free. The model is ours: classes lie in the module's memory, each with a key and a name of several
words, and freed memory goes as it is to the next module.

Source: commit 35a9393c95b3 (2015), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol, no_step
from stress.kernel.protocols.rcu import RCU, synchronize_rcu
from stress.kernel.struct import aim, aimed, new, walk_on
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

KEYS = 8
NAME = 24
LONGEST = 1000

LockClass = Struct("lock_class", next="pointer", key="word", label=NAME)
CHAIN = static("lockdep_chain")
OUT = Outcome.table(
    right=("acceptable", "the class that was looked for, with its name"),
    absent=("acceptable", "no such lock just now"),
    alien=("forbidden", "the class of another lock, or a part of it"),
)


@kernel
def register_lock_class(cpu: Cpu, p: Protocol, key: int) -> None:
    """Load a module whose lock has this key: put its class in front of the chain."""
    entry = new(cpu, LockClass)
    if entry == 0:
        return
    cpu.store(entry + LockClass.key, key)
    write_contents(cpu, entry + LockClass.label, NAME, key)
    p.write_lock(cpu)
    cpu.store(entry + LockClass.next, cpu.load(CHAIN))
    p.publish(cpu, CHAIN, entry)
    p.write_unlock(cpu)


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """A lock of each key."""
    for key in range(KEYS):
        register_lock_class(cpu, p, key)


@kernel
def zap_class(cpu: Cpu, p: Protocol) -> int:
    """Take the first class off the chain; 0 if there is none."""
    p.write_lock(cpu)
    entry = cpu.load(CHAIN)
    if entry != 0:
        aim(cpu, cpu.load(entry + LockClass.key))
        p.publish(cpu, CHAIN, cpu.load(entry + LockClass.next))
    p.write_unlock(cpu)
    return entry


@kernel
def reload(cpu: Cpu, p: Protocol, synchronize: Callable[[Cpu], None]) -> int:
    """rmmod of the module whose class is the first, and insmod of another one."""
    entry = zap_class(cpu, p)
    if entry != 0:
        synchronize(cpu)
        p.retire(cpu, entry)
    register_lock_class(cpu, p, prandom(cpu, KEYS))
    return UNJUDGED


@kernel
def reload_at_once(cpu: Cpu, p: Protocol) -> int:
    """Broken: the memory goes to the next module at once."""
    return reload(cpu, p, no_step)


@kernel
def reload_synchronized(cpu: Cpu, p: Protocol) -> int:
    """Mended: the memory goes to the next module when every walk has ended (lockdep_free_key_range)."""
    return reload(cpu, p, synchronize_rcu)


@kernel
def look_up_lock_class(cpu: Cpu, p: Protocol, key: int) -> int:
    """Walk the chain for the class of a key, and read its name; the outcome."""
    entry = p.dereference(cpu, CHAIN, 0)
    walked = 0
    while entry != 0 and walked < LONGEST and cpu.load(entry + LockClass.key) != key:
        walked = walk_on(cpu, entry, walked)
        entry = p.dereference(cpu, entry + LockClass.next, walked & 1)
    if entry == 0:
        return OUT.absent
    return OUT.right if has_contents(cpu, entry + LockClass.label, NAME, key) else OUT.alien


@kernel
def lock_acquire(cpu: Cpu, p: Protocol) -> int:
    """Take a lock: look its class up."""
    key = aimed(cpu, KEYS)
    note(cpu, "key", key)
    p.read_begin(cpu)
    outcome = look_up_lock_class(cpu, p, key)
    p.read_end(cpu)
    return outcome


LOCKDEP = RCU.but("lockdep", retire=kfree)
CLASSES = Structure("lock_classes", [LockClass], fill, outcomes=OUT, objects=256, reads="walks")
LOCKS = Program("lock_acquire", lock_acquire)
BROKEN = Scenario(
    name="broken",
    claim="a class that is off its chain may be reused",
    source="35a9393c95b3 (2015): before the fix",
    programs=(Program("modprobe", reload_at_once, cpus=1, writes=True), LOCKS),
    expect="violated",
    outcomes=CLASSES.all_outcomes,
    fate="reused",
    protocol=LOCKDEP,
    structure=CLASSES,
    learnt="walks read names that are half one lock's and half another's",
)
MENDED = Scenario(
    name="mended",
    claim="a class that is off its chain may be reused after a grace period",
    source="35a9393c95b3 (2015)",
    programs=(Program("modprobe", reload_synchronized, cpus=1, writes=True), LOCKS),
    expect="held",
    twin=BROKEN,
    outcomes=CLASSES.all_outcomes,
    fate="reused",
    protocol=LOCKDEP,
    structure=CLASSES,
    learnt="one wait between the removal and the free, and every walk reads one lock's class",
)
SCENARIOS = [BROKEN, MENDED]
