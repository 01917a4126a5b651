"""A routing table that is read by prefix, under each protocol: a binary trie, in which the longest prefix wins.

The table always has the route of length 0, so that every address has a route. A writer replaces a route, and one below
it, by routes with other hops: a new node takes the place of the old one and keeps what hangs below it.

The variants whose names end with `_stalled` have one reader that holds a route for 10 ms at a time: what it costs the
writer, or how much memory waits for it, is what the protocols differ in most.

Source: the table of McKenney, Is Parallel Programming Hard, chapter 9 (deferred processing), which compares protocols
by it; prefixes are ours.
"""

from stress import Outcome, Program, Protocol, Struct, Structure, study
from stress.kernel import Cpu, aim, aimed, has_contents, kernel, new, note, prandom, static, walk_on, write_contents
from stress.protocols import NONE, WHOLE

BITS = 4
ADDRESSES = 1 << BITS
HOPS = 1 << 16
STALL_NANOSECONDS = 10_000_000
CONTENTS = 4

Route = Struct("route", children=2, prefix="word", hop="word", contents=CONTENTS)
ROOT = static("routing_table")
OUT = Outcome.table(
    routed=("acceptable", "a hop that some route to this address has had"),
    again=("acceptable", "the table has changed meanwhile"),
    wrong=("forbidden", "a hop of no route to this address, or half of two routes"),
    unrouted=("forbidden", "no route, though the one of length 0 is always there"),
)


@kernel
def key_of(prefix: int, length: int, hop: int) -> int:
    """What the contents of a route with this prefix, length and hop are made of."""
    return (prefix * (BITS + 1) + length) * HOPS + hop


@kernel
def new_route(cpu: Cpu, prefix: int, length: int) -> int:
    """A route with a random hop and nothing below it; 0 when memory is short."""
    route = new(cpu, Route)
    if route == 0:
        return 0
    hop = prandom(cpu, HOPS)
    cpu.store(route + Route.children, 0)
    cpu.store(route + Route.children + 8, 0)
    cpu.store(route + Route.prefix, prefix)
    cpu.store(route + Route.hop, hop)
    write_contents(cpu, route + Route.contents, CONTENTS, key_of(prefix, length, hop))
    return route


@kernel
def bit_of(address: int, depth: int) -> int:
    """The bit of an address that decides at a depth, as the offset of a child."""
    return (address >> max(BITS - 1 - depth, 0) & 1) * 8


@kernel
def link_of(cpu: Cpu, prefix: int, length: int) -> int:
    """Address of the link to the route with this prefix, for the writer."""
    link = ROOT
    for depth in range(length):
        link = cpu.load(link) + Route.children + bit_of(prefix, depth)
    return link


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """A route for every prefix."""
    for length in range(BITS + 1):
        for number in range(1 << length):
            prefix = number << max(BITS - length, 0)
            p.publish(cpu, link_of(cpu, prefix, length), new_route(cpu, prefix, length))


@kernel
def replace(cpu: Cpu, p: Protocol, prefix: int, length: int) -> None:
    """Give a route another hop."""
    route = new_route(cpu, prefix, length)
    if route == 0:
        return
    p.write_lock(cpu)
    link = link_of(cpu, prefix, length)
    old = cpu.load(link)
    for child in range(2):
        cpu.store(route + Route.children + child * 8, p.mark_removed(cpu, old + Route.children + child * 8))
    p.publish(cpu, link, route)
    p.write_unlock(cpu)
    p.retire(cpu, old)


@kernel
def update(cpu: Cpu, p: Protocol) -> int:
    """The writer: give a random route another hop, then one below it; readers look for an address of both."""
    address = prandom(cpu, ADDRESSES)
    aim(cpu, address)
    upper = prandom(cpu, BITS)
    for length in range(2):
        low = BITS - upper - length
        replace(cpu, p, address >> max(low, 0) << max(low, 0), upper + length)
    return 0


@kernel
def is_whole(cpu: Cpu, route: int, address: int, length: int) -> bool:
    """Whether a node is a route to `address` of this length, and whole."""
    prefix, hop = cpu.load(route + Route.prefix), cpu.load(route + Route.hop)
    note(cpu, "hop", hop)
    note(cpu, "length", length)
    low = max(BITS - length, 0)
    if address >> low != prefix >> low:
        return False
    return has_contents(cpu, route + Route.contents, CONTENTS, key_of(prefix, length, hop))


@kernel
def look(cpu: Cpu, p: Protocol, address: int) -> int:
    """Walk down by the bits of an address, hand over hand; each route on the way must be whole."""
    route = p.dereference(cpu, ROOT, 0)
    if route == 0:
        return OUT.unrouted
    depth = 0
    while route != 0 and depth <= BITS:
        if not is_whole(cpu, route, address, depth):
            return OUT.wrong
        following = route + Route.children + bit_of(address, depth)
        depth = walk_on(cpu, route, depth)
        route = p.dereference(cpu, following, depth & 1) if depth <= BITS else 0
    return OUT.routed


@kernel
def find(cpu: Cpu, p: Protocol) -> int:
    """The reader: route an address; what was read counts only if the protocol says so."""
    address = aimed(cpu, ADDRESSES)
    note(cpu, "address", address)
    p.read_begin(cpu)
    outcome = look(cpu, p, address)
    return outcome if p.read_end(cpu) else OUT.again


@kernel
def stall(cpu: Cpu, p: Protocol) -> int:
    """A reader that holds the first route for a while, as one does whose core is taken away."""
    p.read_begin(cpu)
    p.dereference(cpu, ROOT, 0)
    cpu.sleep(STALL_NANOSECONDS)
    p.read_end(cpu)
    return OUT.again


ROUTES = Structure("routing_table", [Route], fill, outcomes=OUT, objects=2048)
SCENARIOS = [
    *study(ROUTES, readers=find, writer=update, held=WHOLE, violated=[NONE]),
    *study(
        ROUTES,
        readers=(Program("stall", stall, cpus=1), Program("find", find)),
        writer=update,
        held=WHOLE,
        suffix="_stalled",
    ),
]
