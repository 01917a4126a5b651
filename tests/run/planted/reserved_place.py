"""A planted ring of four places: a producer reserves a place, then writes it; the consumer trusts the count."""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, static

# HEAD is counted in single steps. TAIL, and a place that was written, are stored by the consumer alone.
HEAD = static("ring_head")
TAIL = static("ring_tail")
CELLS = static("ring_cells", 4)
OUT = Outcome.table(
    put=("acceptable", "an item was put"),
    took=("acceptable", "an item was taken"),
    empty=("acceptable", "there was none"),
    hole=("forbidden", "took an item that nobody had written yet"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Empty."""
    cpu.store(HEAD, 0)
    cpu.store(TAIL, 0)
    cpu.fill(CELLS, 32, 0)


@kernel
def put(cpu: Cpu) -> int:
    """Reserve, then write."""
    at = cpu.fetch_add(HEAD, 1)
    cpu.store(CELLS + (at & 3) * 8, 100 + at)
    return OUT.put


@kernel
def take(cpu: Cpu) -> int:
    """Take the oldest."""
    at = cpu.load(TAIL)
    if at == cpu.load(HEAD):
        return OUT.empty
    item = cpu.load(CELLS + (at & 3) * 8)
    cpu.store(CELLS + (at & 3) * 8, 0)
    cpu.store(TAIL, at + 1)
    return OUT.hole if item == 0 else OUT.took


RING = Structure("ring", [], boot, outcomes=OUT, objects=1, reads="takes")
SCENARIO = Scenario(
    name="reserved_place",
    claim="an index reserved is an item written",
    source="planted",
    programs=(Program("producer", put, 1, writes=True), Program("consumer", take, 1)),
    expect="violated",
    outcomes=RING.all_outcomes,
    structure=RING,
)
