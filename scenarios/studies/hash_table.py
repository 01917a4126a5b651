"""A hash table that is resized under its readers, under each protocol: chains in buckets, behind one pointer.

A resize makes another table with a copy of every entry, publishes it, and retires the old table with all that is in
it. So a reader may stand in a table that is gone as a whole; it holds the table, and an entry hand over hand.

Source: the table is ours; McKenney, Is Parallel Programming Hard, chapter 10, treats tables that are resized.
"""

from stress import Outcome, Protocol, Struct, Structure, study
from stress.kernel import Cpu, aim, aimed, has_contents, kernel, new, note, prandom, static, walk_on, write_contents
from stress.protocols import WHOLE

KEYS = 12
CONTENTS = 3
FEW, MANY = 2, 4
HEADS = 32
"""More than a table uses, so that its block is larger than an entry's: in type-stable memory none becomes the other."""
LONGEST = 64
TABLE_SLOT = 2
RESIZES = 8
"""One update of so many is a resize."""

Entry = Struct("entry", next="pointer", key="word", contents=CONTENTS)
Table = Struct("table", buckets="word", heads=HEADS)
TABLE = static("hash_table")
OUT = Outcome.table(
    right=("acceptable", "the entry that was asked for, whole"),
    absent=("acceptable", "there is no such entry just now, or the table has changed meanwhile"),
    wrong=("forbidden", "contents of something else"),
    lost=("forbidden", "walked further than any chain is long, in a table that did not change"),
)


@kernel
def head_of(cpu: Cpu, table: int, key: int) -> int:
    """Address of the head of the chain for a key."""
    return table + Table.heads + key % max(cpu.load(table + Table.buckets), 1) % MANY * 8


@kernel
def new_entry(cpu: Cpu, key: int) -> int:
    """An entry with its contents; 0 when memory is short."""
    entry = new(cpu, Entry)
    if entry != 0:
        cpu.store(entry + Entry.key, key)
        write_contents(cpu, entry + Entry.contents, CONTENTS, key)
    return entry


@kernel
def link_first(cpu: Cpu, p: Protocol, head: int, entry: int) -> None:
    """Put an entry in front of a chain."""
    if entry != 0:
        cpu.store(entry + Entry.next, cpu.load(head))
        p.publish(cpu, head, entry)


@kernel
def new_table(cpu: Cpu, buckets: int) -> int:
    """An empty table; 0 when memory is short."""
    table = new(cpu, Table)
    if table != 0:
        cpu.store(table + Table.buckets, buckets)
        for bucket in range(MANY):
            cpu.store(table + Table.heads + bucket * 8, 0)
    return table


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """A table with one entry for each key."""
    table = new_table(cpu, FEW)
    for key in range(KEYS):
        link_first(cpu, p, head_of(cpu, table, key), new_entry(cpu, key))
    p.publish(cpu, TABLE, table)


@kernel
def copy_chain(cpu: Cpu, p: Protocol, head: int, table: int) -> None:
    """Put a copy of each entry of a chain into another table."""
    entry = cpu.load(head)
    while entry != 0:
        key = cpu.load(entry + Entry.key)
        link_first(cpu, p, head_of(cpu, table, key), new_entry(cpu, key))
        entry = cpu.load(entry + Entry.next)


@kernel
def retire_chain(cpu: Cpu, p: Protocol, entry: int) -> None:
    """Retire an entry that was taken off, and all behind it, which go with it."""
    while entry != 0:
        following = p.mark_removed(cpu, entry + Entry.next)
        p.retire(cpu, entry)
        entry = following


@kernel
def resize(cpu: Cpu, p: Protocol, table: int) -> None:
    """Make a table of the other size, publish it, and retire the old one with its entries."""
    other = new_table(cpu, FEW + MANY - cpu.load(table + Table.buckets))
    if other == 0:
        return
    for bucket in range(MANY):
        copy_chain(cpu, p, table + Table.heads + bucket * 8, other)
    p.write_lock(cpu)
    p.publish(cpu, TABLE, other)
    p.write_unlock(cpu)
    for bucket in range(MANY):
        retire_chain(cpu, p, p.mark_removed(cpu, table + Table.heads + bucket * 8))
    p.retire(cpu, table)


@kernel
def replace(cpu: Cpu, p: Protocol, head: int, key: int) -> None:
    """Put a new entry into the place of the first one of a chain."""
    entry = new_entry(cpu, key)
    if entry == 0:
        return
    p.write_lock(cpu)
    first = cpu.load(head)
    if first != 0:
        p.publish(cpu, head, p.mark_removed(cpu, first + Entry.next))
    link_first(cpu, p, head, entry)
    p.write_unlock(cpu)
    if first != 0:
        p.retire(cpu, first)


@kernel
def update(cpu: Cpu, p: Protocol) -> int:
    """The writer, of which there is one: replace the first entry of a chain, and its successor, or resize."""
    table = cpu.load(TABLE)
    if prandom(cpu, RESIZES) == 0:
        resize(cpu, p, table)
        return 0
    key = prandom(cpu, KEYS)
    aim(cpu, key)
    for _ in range(2):
        replace(cpu, p, head_of(cpu, table, key), key)
    return 0


@kernel
def look(cpu: Cpu, p: Protocol, table: int, key: int) -> int:
    """Walk the chain of a key; the caller holds the table."""
    entry = p.dereference(cpu, head_of(cpu, table, key), 0)
    walked = 0
    while entry != 0 and cpu.load(entry + Entry.key) != key:
        if walked == LONGEST:
            return OUT.lost
        walked = walk_on(cpu, entry, walked)
        entry = p.dereference(cpu, entry + Entry.next, walked & 1)
    if entry == 0:
        return OUT.absent
    return OUT.right if has_contents(cpu, entry + Entry.contents, CONTENTS, key) else OUT.wrong


@kernel
def find(cpu: Cpu, p: Protocol) -> int:
    """The reader: find an entry; what was read counts only if the protocol says so."""
    key = aimed(cpu, KEYS)
    note(cpu, "key", key)
    p.read_begin(cpu)
    outcome = look(cpu, p, p.dereference(cpu, TABLE, TABLE_SLOT), key)
    return outcome if p.read_end(cpu) else OUT.absent


HASH_TABLE = Structure("hash_table", [Entry, Table], fill, outcomes=OUT, objects=1024)
SCENARIOS = study(HASH_TABLE, readers=find, writer=update, held=WHOLE)
