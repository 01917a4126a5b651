"""Two objects of a pool of its own: the writer retires one, waits for the readers, and gives the other one out."""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel import Cpu, kernel, new, reuse, static
from stress.kernel.protocols.rcu import synchronize_rcu
from stress.protocols import RCU

Thing = Struct("thing", value="word")
CURRENT, SPARE = static("pool_current"), static("pool_spare")
OUT = Outcome.table(found=("acceptable", "an object"))


@kernel
def keep(cpu: Cpu, thing: int) -> None:
    """Keep an object for later, when no reader has it any more. There is one writer."""
    synchronize_rcu(cpu)
    cpu.store(SPARE, thing)


POOLED = RCU.but("pooled", retire=keep)


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """One object in use, one spare."""
    cpu.store(CURRENT, new(cpu, Thing))
    cpu.store(SPARE, new(cpu, Thing))


@kernel
def exchange(cpu: Cpu, p: Protocol) -> int:
    """Give the spare one out, and retire the other."""
    thing = cpu.load(SPARE)
    reuse(cpu, thing)
    p.write_lock(cpu)
    before = cpu.load(CURRENT)
    p.publish(cpu, CURRENT, thing)
    p.write_unlock(cpu)
    p.retire(cpu, before)
    return 0


@kernel
def look(cpu: Cpu, p: Protocol) -> int:
    """Read the object."""
    p.read_begin(cpu)
    cpu.load(p.dereference(cpu, CURRENT, 0) + Thing.value)
    p.read_end(cpu)
    return OUT.found


POOL = Structure("pool", [Thing], fill, outcomes=OUT)
SCENARIO = Scenario(
    "pool",
    "an object of the pool may be retired again and again",
    "a pool",
    (Program("exchange", exchange, cpus=1, writes=True), Program("look", look)),
    "inconclusive",
    outcomes=POOL.all_outcomes,
    structure=POOL,
    protocol=POOLED,
)
