"""A latched tree under each protocol: two sets of links in every node, and a number that says which one to read.

A writer changes one set while readers walk the other, then the other way round: a reader never waits, and never misses
a key that is in the tree throughout. Nodes are replaced by copies, so that memory is freed too: the latch does not
protect from that, the protocol does. A seqlock is left out: where memory is type-stable the latch alone is enough, so
that no twin would be caught.

Source: include/linux/rbtree_latch.h and raw_write_seqcount_latch of Linux (4.2), as kallsyms has used them since.
"""

from stress import Outcome, Protocol, Struct, Structure, study
from stress.kernel import Cpu, aim, aimed, has_contents, kernel, new, note, prandom, static, walk_on, write_contents
from stress.protocols import SEQLOCK, WHOLE

KEYS = 7
MIDDLE = KEYS // 2
CONTENTS = 4
DEEPEST = 32
SET_BYTES = 16
TRIES = 1000

Node = Struct("node", links=4, key="word", contents=CONTENTS)
ROOTS = static("tree_roots", 2)
LATCH = static("tree_latch")
OUT = Outcome.table(
    found=("acceptable", "the node that was asked for, whole"),
    again=("acceptable", "the tree has changed meanwhile"),
    missed=("forbidden", "said absent, though the key is always in the tree"),
    wrong=("forbidden", "contents of something else"),
)


@kernel
def new_node(cpu: Cpu, key: int) -> int:
    """A node without links; 0 when memory is short."""
    node = new(cpu, Node)
    if node != 0:
        cpu.store(node + Node.key, key)
        write_contents(cpu, node + Node.contents, CONTENTS, key)
        for link in range(4):
            cpu.store(node + Node.links + link * 8, 0)
    return node


@kernel
def side_of(cpu: Cpu, node: int, key: int, links: int) -> int:
    """Address of the link of a node, in the set `links`, behind which a key is."""
    return node + Node.links + links * SET_BYTES + (8 if key > cpu.load(node + Node.key) else 0)


@kernel
def link_to(cpu: Cpu, key: int, links: int) -> int:
    """Address of the link, in a set, that leads to a key or to where it belongs; for the writer."""
    link = ROOTS + links * 8
    while cpu.load(link) != 0 and cpu.load(cpu.load(link) + Node.key) != key:
        link = side_of(cpu, cpu.load(link), key, links)
    return link


@kernel
def insert(cpu: Cpu, p: Protocol, key: int) -> None:
    """Put a key into both sets, at boot."""
    node = new_node(cpu, key)
    for links in range(2):
        p.publish(cpu, link_to(cpu, key, links), node)


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """All keys, from the middle outwards."""
    insert(cpu, p, MIDDLE)
    for distance in range(1, MIDDLE + 1):
        insert(cpu, p, MIDDLE - distance)
        insert(cpu, p, MIDDLE + distance)


@kernel
def turn_latch(cpu: Cpu) -> None:
    """Send readers to the other set: to set 1 while the number is odd, to set 0 while it is even."""
    cpu.wmb()  # what was changed in the set that readers get is seen before they get it
    cpu.store(LATCH, cpu.load(LATCH) + 1)
    cpu.wmb()  # readers are sent away before the set that they had is changed


@kernel
def rotate(cpu: Cpu, p: Protocol, links: int, side: int) -> None:
    """Let the root's child on a side become the root, in one set; nothing without such a child."""
    root = cpu.load(ROOTS + links * 8)
    link = root + Node.links + links * SET_BYTES + side * 8
    child = cpu.load(link)
    if child != 0:
        back = child + Node.links + links * SET_BYTES + (1 - side) * 8
        cpu.store(link, cpu.load(back))
        cpu.store(back, root)
        p.publish(cpu, ROOTS + links * 8, child)


@kernel
def put_in_place(cpu: Cpu, p: Protocol, node: int, key: int, links: int) -> int:
    """Let a new node take the place of the one with its key, in one set; the old one."""
    link = link_to(cpu, key, links)
    old = cpu.load(link)
    for at in range(Node.links + links * SET_BYTES, Node.links + links * SET_BYTES + SET_BYTES, 8):
        cpu.store(node + at, p.mark_removed(cpu, old + at))
    p.publish(cpu, link, node)
    return old


@kernel
def update(cpu: Cpu, p: Protocol) -> int:
    """The writer: rotate the tree and replace a node, first in the set that readers leave, then in the other one."""
    key, side = prandom(cpu, KEYS), prandom(cpu, 2)
    node = new_node(cpu, key)
    if node == 0:
        return 0
    aim(cpu, key)
    p.write_lock(cpu)
    old = 0
    for links in range(2):
        turn_latch(cpu)
        rotate(cpu, p, links, side)
        old = put_in_place(cpu, p, node, key, links)
    p.write_unlock(cpu)
    p.retire(cpu, old)
    return 0


@kernel
def look(cpu: Cpu, p: Protocol, key: int, links: int) -> int:
    """Walk down one set to a key, hand over hand."""
    node = p.dereference(cpu, ROOTS + links * 8, 0)
    depth = 0
    while node != 0 and depth < DEEPEST and cpu.load(node + Node.key) != key:
        link = side_of(cpu, node, key, links)
        depth = walk_on(cpu, node, depth)
        node = p.dereference(cpu, link, depth & 1)
    if node == 0 or depth == DEEPEST:
        return OUT.missed
    return OUT.found if has_contents(cpu, node + Node.contents, CONTENTS, key) else OUT.wrong


@kernel
def look_latched(cpu: Cpu, p: Protocol, key: int) -> int:
    """Look in the set that the latch gives, again if it has turned meanwhile."""
    for _ in range(TRIES):
        latch = cpu.load_acquire(LATCH)
        outcome = look(cpu, p, key, latch & 1)
        cpu.rmb()  # the whole walk comes before the second look at the latch
        if cpu.load(LATCH) == latch:
            return outcome
    return OUT.again


@kernel
def find(cpu: Cpu, p: Protocol) -> int:
    """The reader: find a key, which is always in the tree."""
    key = aimed(cpu, KEYS)
    note(cpu, "key", key)
    p.read_begin(cpu)
    outcome = look_latched(cpu, p, key)
    return outcome if p.read_end(cpu) else OUT.again


TREE = Structure("latched_tree", [Node], fill, outcomes=OUT, objects=512)
SCENARIOS = study(TREE, readers=find, writer=update, held=[p for p in WHOLE if p != SEQLOCK])
