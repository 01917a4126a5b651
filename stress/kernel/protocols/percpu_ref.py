"""Per-CPU reference counts: readers count in a word of their own; a writer turns the counts off and sums them.

The whole structure has one such count. A writer who retires an object lets no new reader in, waits until everyone sees
that, and then until the sum is 0. Source: lib/percpu-refcount.c of Linux, where "dead" is the mark and the wait for
it is an RCU grace period.
"""

from stress.kernel.protocol import Protocol, must_be_begun, preempt, reclaim
from stress.kernel.protocols.rcu import rcu_callbacks, rcu_oops, rcu_read_lock, rcu_read_unlock, synchronize_rcu
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, lock, percpu, static

# The mark is stored by the holder of the lock. A CPU's count is its own word.
KILL_LOCK = lock("percpu_ref_lock")
DEAD = static("percpu_ref_dead", stored_by=KILL_LOCK)
REFS = percpu("percpu_ref_count")


@kernel
def add_ref(cpu: Cpu, amount: int) -> None:
    """Add to this CPU's count."""
    word = cpu.area + REFS
    # All that was read under the reference was read before it is put.
    cpu.store_release(word, cpu.load(word) + amount)


@kernel
def tryget_live(cpu: Cpu) -> bool:
    """Take a reference, unless the count is off; look and count in one RCU section."""
    rcu_read_lock(cpu)
    alive = cpu.load(DEAD) == 0
    if alive:
        add_ref(cpu, 1)
    rcu_read_unlock(cpu)
    return alive


@kernel
def get(cpu: Cpu) -> None:
    """Take a reference, and wait for it while a writer has turned the count off."""
    while not tryget_live(cpu):
        cpu.relax(DEAD)


@kernel
def put(cpu: Cpu) -> bool:
    """Put the reference."""
    must_be_begun(cpu, cpu.peek(cpu.area + REFS) != 0)
    add_ref(cpu, -1)
    return True


@kernel
def sum_refs(cpu: Cpu) -> int:
    """The references of all CPUs."""
    total = 0
    for number in range(cpu.peek(CPUS)):
        total += cpu.load(AREAS + number * AREA_BYTES + REFS)
    return total


@kernel
def wait_for_readers(cpu: Cpu) -> None:
    """Wait until no reference is left, once no new one can be taken."""
    while sum_refs(cpu) != 0:
        cpu.relax(DEAD)
    cpu.barrier()  # whoever had one has read all that it reads


@kernel
def retire_killed(cpu: Cpu, block: int) -> None:
    """Free `block` once nobody has a reference; new ones are not given meanwhile."""
    spin_lock(cpu, KILL_LOCK)
    cpu.store(DEAD, 1)
    synchronize_rcu(cpu)  # whoever saw the count on has counted
    wait_for_readers(cpu)
    reclaim(cpu, block)
    cpu.store_release(DEAD, 0)
    spin_unlock(cpu, KILL_LOCK)


@kernel
def percpu_ref_section(cpu: Cpu) -> int:
    """The word of the references that this CPU has, or 0."""
    word = cpu.area + REFS
    return word if cpu.peek(word) != 0 else 0


@kernel
def percpu_ref_oops(cpu: Cpu) -> None:
    """An oops puts its reference, which the kernel could not: here writers must not wait for ever."""
    rcu_oops(cpu)
    cpu.poke(cpu.area + REFS, 0)


PERCPU_REF_FREED_AT_ONCE = Protocol(
    "percpu_ref_freed_at_once",
    read_begin=get,
    read_end=put,
    safepoint=rcu_callbacks,
    interrupt=preempt,
    section=percpu_ref_section,
    oops=percpu_ref_oops,
    claim="broken: an object is freed as soon as it is taken off, whatever references readers have",
    source="lib/percpu-refcount.c of Linux",
)
PERCPU_REF = PERCPU_REF_FREED_AT_ONCE.but(
    "percpu_ref",
    retire=retire_killed,
    claim="an object is freed while no reader has a reference, and none can take one",
    lacking=PERCPU_REF_FREED_AT_ONCE,
)
