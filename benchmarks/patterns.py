"""Correct code whose last touch of an object lets another CPU free it, and of each a twin that touches it once more.

No access of the correct ones may be called a use after free; of the broken ones one must be. Every CPU works on one
object, which comes and goes all the time: `benchmarks.shadow` runs them, and so do the tests.
"""

import attrs

from stress import Program, Scenario
from stress.judge.outcomes import Code, with_more
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import AREAS

RIGHT = int(Code.RIGHT)

# Where all CPUs find the object, and the lock of that place: words at the end of CPU 0's area.
SLOT, SLOT_LOCK = AREAS + 0x800, AREAS + 0x840

OBJ_BYTES = 64
REFS, DONE, LOCK, DATA = 0, 8, 16, 24


@kernel
def add(cpu: Cpu, word: int, amount: int) -> int:
    """Add to a word in one step; what it is then."""
    seen = cpu.load(word)
    was = cpu.cmpxchg(word, seen, seen + amount)
    while was != seen:
        seen = was
        was = cpu.cmpxchg(word, seen, seen + amount)
    return seen + amount


@kernel
def new_object(cpu: Cpu) -> int:
    """An object with one reference, that of the slot; 0 if memory is short."""
    obj = kmalloc(cpu, OBJ_BYTES)
    if obj != 0:
        cpu.store(obj + LOCK, 0)
        cpu.store(obj + DONE, 0)
        cpu.store(obj + DATA, cpu.number)
        cpu.barrier()
        cpu.store(obj + REFS, 1)
    return obj


@kernel
def get(cpu: Cpu) -> int:
    """The object in the slot, a new one if there is none, with one reference more; 0 if memory is short."""
    spin_lock(cpu, SLOT_LOCK)
    obj = cpu.load(SLOT)
    if obj == 0:
        obj = new_object(cpu)
        cpu.store(SLOT, obj)
    if obj != 0:
        add(cpu, obj + REFS, 1)
    spin_unlock(cpu, SLOT_LOCK)
    return obj


@kernel
def take_out(cpu: Cpu) -> int:
    """Now and then the object in the slot with the slot's own reference, which leaves the slot empty; else 0."""
    if prandom(cpu, 4) != 0:
        return 0
    spin_lock(cpu, SLOT_LOCK)
    obj = cpu.load(SLOT)
    cpu.store(SLOT, 0)
    spin_unlock(cpu, SLOT_LOCK)
    return obj


@kernel
def use(cpu: Cpu, obj: int) -> None:
    """Read and write what is in an object."""
    cpu.store(obj + DATA, cpu.load(obj + DATA) + 1)


@kernel
def put(cpu: Cpu, obj: int) -> None:
    """Give a reference back: the compare-exchange is the last touch, unless it was the last reference."""
    if add(cpu, obj + REFS, -1) == 0:
        kfree(cpu, obj)


@kernel
def put_and_read(cpu: Cpu, obj: int) -> None:
    """Give a reference back and read once more."""
    put(cpu, obj)
    cpu.load(obj + DATA)


@kernel
def use_and_put(cpu: Cpu) -> int:
    """References: everybody puts what they got."""
    obj = get(cpu)
    if obj != 0:
        use(cpu, obj)
        put(cpu, obj)
    old = take_out(cpu)
    if old != 0:
        put(cpu, old)
    return RIGHT


@kernel
def use_and_put_too_early(cpu: Cpu) -> int:
    """The same, with a read behind the put."""
    obj = get(cpu)
    if obj != 0:
        put_and_read(cpu, obj)
    old = take_out(cpu)
    if old != 0:
        put(cpu, old)
    return RIGHT


@kernel
def ask(cpu: Cpu) -> int:
    """Completion: put an object into the slot, wait until somebody has completed it, free it."""
    obj = new_object(cpu)
    if obj == 0:
        return UNJUDGED
    cpu.store(SLOT, obj)
    while cpu.load(obj + DONE) == 0:
        cpu.relax(obj + DONE)
    kfree(cpu, obj)
    return RIGHT


@kernel
def take_job(cpu: Cpu) -> int:
    """The object in the slot, which is empty then; 0 if it was, or another CPU was faster."""
    obj = cpu.load(SLOT)
    return obj if obj != 0 and cpu.cmpxchg(SLOT, obj, 0) == obj else 0


@kernel
def complete(cpu: Cpu) -> int:
    """Complete an object: the store is the last touch."""
    obj = take_job(cpu)
    if obj == 0:
        return UNJUDGED
    use(cpu, obj)
    cpu.store(obj + DONE, 1)
    return RIGHT


@kernel
def complete_too_early(cpu: Cpu) -> int:
    """The same, with a use behind the completion, some time later."""
    obj = take_job(cpu)
    if obj == 0:
        return UNJUDGED
    cpu.store(obj + DONE, 1)
    cpu.yield_core()
    use(cpu, obj)
    return RIGHT


@kernel
def put_locked(cpu: Cpu, obj: int) -> None:
    """Give a reference back under the object's own lock: the unlock is the last touch, unless it was the last one."""
    spin_lock(cpu, obj + LOCK)
    refs = cpu.load(obj + REFS) - 1
    cpu.store(obj + REFS, refs)
    spin_unlock(cpu, obj + LOCK)
    if refs == 0:
        kfree(cpu, obj)


@kernel
def get_locked(cpu: Cpu) -> int:
    """The object in the slot, a new one if there is none, with one reference more, counted under its own lock."""
    spin_lock(cpu, SLOT_LOCK)
    obj = cpu.load(SLOT)
    if obj == 0:
        obj = new_object(cpu)
        cpu.store(SLOT, obj)
    if obj != 0:
        spin_lock(cpu, obj + LOCK)
        cpu.store(obj + REFS, cpu.load(obj + REFS) + 1)
        spin_unlock(cpu, obj + LOCK)
    spin_unlock(cpu, SLOT_LOCK)
    return obj


@kernel
def use_under_lock(cpu: Cpu) -> int:
    """An embedded lock: everybody puts what they got under it."""
    obj = get_locked(cpu)
    if obj != 0:
        put_locked(cpu, obj)
    old = take_out(cpu)
    if old != 0:
        put_locked(cpu, old)
    return RIGHT


@kernel
def use_behind_lock(cpu: Cpu) -> int:
    """The same, with a read behind the last unlock."""
    obj = get_locked(cpu)
    if obj != 0:
        put_locked(cpu, obj)
        cpu.load(obj + DATA)
    old = take_out(cpu)
    if old != 0:
        put_locked(cpu, old)
    return RIGHT


@kernel
def get_unless_zero(cpu: Cpu, obj: int) -> bool:
    """One reference more, unless there is none: then the object is free, or not ready."""
    seen = cpu.load(obj + REFS)
    while seen != 0:
        was = cpu.cmpxchg(obj + REFS, seen, seen + 1)
        if was == seen:
            return True
        seen = was
    return False


@kernel
def find_reused(cpu: Cpu) -> int:
    """Typed reuse: get the slot's object without a lock. It may be free or another one by now: look again, then use."""
    obj = cpu.load(SLOT)
    if obj == 0 or not get_unless_zero(cpu, obj):
        return RIGHT
    if cpu.load(SLOT) == obj:
        use(cpu, obj)
    put(cpu, obj)
    return RIGHT


@kernel
def replace(cpu: Cpu) -> int:
    """Put another object into the slot and give the old one back. One CPU of a machine may run it."""
    obj = new_object(cpu)
    if obj == 0:
        return UNJUDGED
    old = cpu.load(SLOT)
    cpu.store(SLOT, obj)
    if old != 0:
        put(cpu, old)
    return UNJUDGED


def scenario(name: str, *programs: Program, broken: bool = False, fate: str = "poisoned") -> Scenario:
    """A pattern, or its broken twin."""
    return Scenario(
        name=f"{name}_broken" if broken else name,
        claim="the last touch of an object lets another CPU free it",
        source="planted",
        programs=programs,
        outcomes=with_more("right"),
        expect="violated" if broken else "inconclusive",
        fate=fate,
    )


REUSE = scenario(
    "reuse", Program("owner", replace, cpus=1, writes=True), Program("finder", find_reused), fate="type-stable"
)

CORRECT = (
    scenario("put", Program("user", use_and_put)),
    scenario("completion", Program("asker", ask, cpus=1), Program("server", complete)),
    scenario("embedded_lock", Program("user", use_under_lock)),
    REUSE,
)
BROKEN = (
    scenario("put", Program("user", use_and_put_too_early), broken=True),
    scenario("completion", Program("asker", ask, cpus=1), Program("server", complete_too_early), broken=True),
    scenario("embedded_lock", Program("user", use_behind_lock), broken=True),
    attrs.evolve(REUSE, name="reuse_broken", fate="poisoned", expect="violated", origin="reuse_broken"),
)
