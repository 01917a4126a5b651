"""Planted spins that tell nobody that they spin: they make no `relax`, so a schedule must see that accesses repeat."""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, static
from stress.machine.seam import Operation

# FIRST and SECOND are locks, taken by compare-exchange; TRIES has one writer at a time: the holder of the first lock.
# TURN is stored by the CPU whose number it has.
FIRST = lock("bare_first")
SECOND = lock("bare_second")
TURN = static("bare_turn")
TRIES = static("bare_tries", 2)
OUT = Outcome.table(done=("acceptable", "both locks were taken, one after the other"))


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All is free."""
    cpu.store(FIRST, 0)
    cpu.store(SECOND, 0)
    cpu.store(TURN, 0)
    cpu.fill(TRIES, 16, 0)


@kernel
def take(cpu: Cpu, address: int) -> None:
    """Spin on a lock; each try counts itself, and takes that back, as code does that disables interrupts meanwhile."""
    tries = TRIES + cpu.number * 8
    while True:
        cpu.store(tries, cpu.load(tries) + 1)
        seen = cpu.cmpxchg(address, 0, 1 + cpu.number)
        cpu.store(tries, cpu.load(tries) - 1)
        if seen == 0:
            return


@kernel
def both(cpu: Cpu, one: int, other: int) -> int:
    """Take two locks, and free them."""
    take(cpu, one)
    take(cpu, other)
    cpu.store(other, 0)
    cpu.store(one, 0)
    return OUT.done


@kernel
def first_then_second(cpu: Cpu) -> int:
    """One order."""
    return both(cpu, FIRST, SECOND)


@kernel
def second_then_first(cpu: Cpu) -> int:
    """The other order."""
    return both(cpu, SECOND, FIRST)


@kernel
def by_turns(cpu: Cpu) -> int:
    """Wait until it is this CPU's turn, then make it the other's."""
    looks = 0
    while cpu.load(TURN) != cpu.number:
        looks += 1
    cpu.store(TURN, 1 - cpu.number)
    return OUT.done


@kernel
def counts(cpu: Cpu) -> int:
    """Count in RAM for long: the same accesses again and again, which meet other values each time."""
    tries = TRIES + cpu.number * 8
    last = cpu.load(tries) + 2500
    while cpu.load(tries) < last:
        cpu.store(tries, cpu.load(tries) + 1)
    return OUT.done


@kernel
def counts_for_ever(cpu: Cpu) -> int:
    """Count in RAM, up to what is never reached."""
    tries = TRIES + cpu.number * 8
    while cpu.load(tries) >= 0:
        cpu.store(tries, cpu.load(tries) + 1)
    return OUT.done


PAIR = Structure("pair", [], boot, outcomes=OUT, objects=1, reads="orders")


def scenario(name: str, expect: str, *operations: Operation, twin: Scenario | None = None) -> Scenario:
    """A scenario of two CPUs."""
    programs = tuple(Program(f"side{at}", one, 1, writes=True) for at, one in enumerate(operations))
    return Scenario(
        name=name,
        claim="a CPU that spins gets on",
        source="planted",
        programs=programs,
        expect=expect,
        outcomes=PAIR.all_outcomes,
        structure=PAIR,
        twin=twin,
    )


OPPOSITE = scenario("opposite", "stalled", first_then_second, second_then_first)
ALIKE = scenario("alike", "held", first_then_second, first_then_second, twin=OPPOSITE)
TURNS = scenario("turns", "held", by_turns, by_turns, twin=OPPOSITE)
COUNTING = scenario("counting", "held", counts, first_then_second, twin=OPPOSITE)
ENDLESS = scenario("endless", "inconclusive", counts_for_ever, first_then_second)
SCENARIOS = [OPPOSITE, ALIKE, TURNS, COUNTING, ENDLESS]
