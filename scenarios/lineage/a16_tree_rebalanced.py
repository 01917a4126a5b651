"""A tree that an NMI looks modules up in has two sets of links, of which one is whole at each moment.

Linux looks modules up by address in a tree, so that a lookup need not walk the whole list. A change rebalances the
tree: while links are moved, part of the tree is out of reach. A lookup in an NMI may have interrupted that very change,
and it cannot wait for its end. So there are two sets of links and a sequence number. The writer changes one set while
the number sends readers to the other, and then the other way round. The model is ours: a tree of seven modules that
stay, which each change rotates at its root; the broken variant has one set; an NMI comes at one access in 200 on every
CPU, the writer's too.

Source: mod_tree latch (2015), fact tagged V (code).
"""

from fractions import Fraction

from stress import Hardware, Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.none import NONE
from stress.kernel.struct import new, walk_on
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import WRITERS, static

KEYS = 7
MIDDLE = KEYS // 2
DEEPEST = 32
SET_BYTES = 16
TRIES = 1000

Module = Struct("module", links=4, key="word")
# Changed under the update lock: the root of each set, and the sequence number.
ROOTS = static("mod_tree_roots", 2)
LATCH = static("mod_tree_sequence")
OUT = Outcome.table(
    found=("acceptable", "the module that was asked for"),
    again=("acceptable", "the tree has changed a thousand times meanwhile"),
    missed=("forbidden", "said absent, or found no end, though the module is always in the tree"),
)


@kernel
def side_of(cpu: Cpu, module: int, key: int, links: int) -> int:
    """Address of the link of a module, in the set `links`, behind which a key is."""
    return module + Module.links + links * SET_BYTES + (8 if key > cpu.load(module + Module.key) else 0)


@kernel
def link_to(cpu: Cpu, key: int, links: int) -> int:
    """Address of the link, in a set, that leads to a key or to where it belongs, at boot."""
    link = ROOTS + links * 8
    while cpu.load(link) != 0 and cpu.load(cpu.load(link) + Module.key) != key:
        link = side_of(cpu, cpu.load(link), key, links)
    return link


@kernel
def insert(cpu: Cpu, p: Protocol, key: int) -> None:
    """Put a module into both sets, at boot."""
    module = new(cpu, Module)
    cpu.store(module + Module.key, key)
    for links in range(2):
        cpu.store(module + Module.links + links * SET_BYTES, 0)
        cpu.store(module + Module.links + links * SET_BYTES + 8, 0)
        p.publish(cpu, link_to(cpu, key, links), module)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All modules, from the middle outwards."""
    insert(cpu, p, MIDDLE)
    for distance in range(1, MIDDLE + 1):
        insert(cpu, p, MIDDLE - distance)
        insert(cpu, p, MIDDLE + distance)


@kernel
def rotate(cpu: Cpu, p: Protocol, links: int, side: int) -> None:
    """Let the root's child on a side become the root, in one set; nothing without such a child."""
    root = cpu.load(ROOTS + links * 8)
    link = root + Module.links + links * SET_BYTES + side * 8
    child = cpu.load(link)
    if child != 0:
        back = child + Module.links + links * SET_BYTES + (8 - side * 8)
        cpu.store(link, cpu.load(back))
        cpu.store(back, root)
        p.publish(cpu, ROOTS + links * 8, child)


@kernel
def turn_latch(cpu: Cpu) -> None:
    """Send readers to set 1 while the number is odd, to set 0 while it is even."""
    cpu.wmb()  # the set that readers get is whole before they get it
    cpu.store(LATCH, cpu.load(LATCH) + 1)
    cpu.wmb()  # readers are sent away before the set that they had is changed


@kernel
def rebalance(cpu: Cpu, p: Protocol, sets: int) -> int:
    """The writer: rotate the tree at its root, in one set or in both."""
    side = prandom(cpu, 2)
    p.write_lock(cpu)
    for links in range(sets):
        if sets > 1:
            turn_latch(cpu)
        rotate(cpu, p, links, side)
    p.write_unlock(cpu)
    return UNJUDGED


@kernel
def look(cpu: Cpu, key: int, links: int) -> int:
    """Walk down one set to a key."""
    module = cpu.load(ROOTS + links * 8)
    depth = 0
    while module != 0 and depth < DEEPEST and cpu.load(module + Module.key) != key:
        depth = walk_on(cpu, module, depth)
        module = cpu.load(side_of(cpu, module, key, links))
    return OUT.missed if module == 0 or depth == DEEPEST else OUT.found


@kernel
def look_latched(cpu: Cpu, key: int) -> int:
    """Walk down the set that the number gives, again if the number has changed meanwhile."""
    for _ in range(TRIES):
        latch = cpu.load_acquire(LATCH)
        outcome = look(cpu, key, latch & 1)
        cpu.rmb()  # the whole walk comes before the second look at the number
        if cpu.load(LATCH) == latch:
            return outcome
    return OUT.again


@kernel
def draw_key(cpu: Cpu) -> int:
    """A module to look up, which is always in the tree."""
    # An NMI on the writer's CPU is a race window by itself, since nothing goes on meanwhile.
    if cpu.number < cpu.peek(WRITERS):
        mark_edge(cpu)
    key = prandom(cpu, KEYS)
    note(cpu, "key", key)
    return key


@kernel
def find_in_one(cpu: Cpu) -> int:
    """A lookup in a tree with one set."""
    return look(cpu, draw_key(cpu), 0)


@kernel
def find_in_two(cpu: Cpu) -> int:
    """A lookup in a tree with two sets."""
    return look_latched(cpu, draw_key(cpu))


@kernel
def rebalance_in_one(cpu: Cpu, p: Protocol) -> int:
    """Broken: one set, changed while readers walk it."""
    return rebalance(cpu, p, 1)


@kernel
def rebalance_in_two(cpu: Cpu, p: Protocol) -> int:
    """Mended: two sets, each changed while readers walk the other."""
    return rebalance(cpu, p, 2)


TREE = Structure("mod_tree", [Module], boot, outcomes=OUT, objects=16, reads="lookups")
BROKEN = Scenario(
    name="broken",
    claim="a tree with one set of links may be rebalanced while an NMI looks modules up in it",
    source="mod_tree latch (2015): without it",
    programs=(Program("rebalance", rebalance_in_one, cpus=1, writes=True), Program("lookup", find_in_one)),
    hardware=Hardware(nmi=Fraction(1, 200), nmi_handler=find_in_one),
    expect="violated",
    outcomes=TREE.all_outcomes,
    protocol=NONE,
    structure=TREE,
    learnt="modules that nobody has unloaded are out of reach between two stores of a rotation",
)
MENDED = Scenario(
    name="mended",
    claim="of two sets of links one is whole at each moment, also for an NMI on the writer's CPU",
    source="mod_tree latch (2015)",
    programs=(Program("rebalance", rebalance_in_two, cpus=1, writes=True), Program("lookup", find_in_two)),
    hardware=Hardware(nmi=Fraction(1, 200), nmi_handler=find_in_two),
    expect="held",
    twin=BROKEN,
    outcomes=TREE.all_outcomes,
    protocol=NONE,
    structure=TREE,
    learnt="an NMI never waits and never misses: the set that it walks is not the one that it interrupted",
)
SCENARIOS = [BROKEN, MENDED]
