"""A singly linked list under each protocol: readers find an entry by its key, a writer replaces the first two.

Two entries that are neighbours go at once. So a reader who stands on the first one is about to step to another that is
retired as well: who protects the object in hand only, and not what it points to, is caught.

Source: the list of the kernel's documentation on RCU (Documentation/RCU/listRCU.rst), written for every protocol.
"""

from stress import Outcome, Protocol, Struct, Structure, study
from stress.kernel import Cpu, aim, aimed, has_contents, kernel, new, note, prandom, static, walk_on, write_contents
from stress.protocols import BROKEN, WHOLE

KEYS = 8
CONTENTS = 4
LONGEST = 64
"""In type-stable memory links may make a ring for a while: a walk gives up, and the protocol says whether it counts."""

Entry = Struct("entry", next="pointer", key="word", contents=CONTENTS)
HEAD = static("list_head")
OUT = Outcome.table(
    right=("acceptable", "the entry that was asked for, whole"),
    absent=("acceptable", "there is no such entry just now, or the list has changed meanwhile"),
    wrong=("forbidden", "contents of something else"),
    lost=("forbidden", "walked further than the list is long, in a list that did not change"),
)


@kernel
def insert(cpu: Cpu, p: Protocol, key: int) -> None:
    """Put a new entry in front, if there is memory."""
    entry = new(cpu, Entry)
    if entry == 0:
        return
    cpu.store(entry + Entry.key, key)
    write_contents(cpu, entry + Entry.contents, CONTENTS, key)
    p.write_lock(cpu)
    cpu.store(entry + Entry.next, cpu.load(HEAD))
    p.publish(cpu, HEAD, entry)
    p.write_unlock(cpu)


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """One entry for each key."""
    for key in range(KEYS):
        insert(cpu, p, key)


@kernel
def take_off(cpu: Cpu, p: Protocol) -> int:
    """Take the first entry off; it, or 0. The caller holds the lock."""
    entry = cpu.load(HEAD)
    if entry != 0:
        p.publish(cpu, HEAD, p.mark_removed(cpu, entry + Entry.next))
    return entry


@kernel
def retire_if_any(cpu: Cpu, p: Protocol, entry: int) -> None:
    """Retire an entry; nothing for 0."""
    if entry != 0:
        p.retire(cpu, entry)


@kernel
def aim_at_first(cpu: Cpu) -> None:
    """Let readers look for what goes next."""
    entry = cpu.load(HEAD)
    if entry != 0:
        aim(cpu, cpu.load(entry + Entry.key))


@kernel
def replace(cpu: Cpu, p: Protocol) -> int:
    """The writer: take the first two entries off, retire them, and put two others in."""
    p.write_lock(cpu)
    first = take_off(cpu, p)
    second = take_off(cpu, p)
    p.write_unlock(cpu)
    retire_if_any(cpu, p, first)
    retire_if_any(cpu, p, second)
    insert(cpu, p, prandom(cpu, KEYS))
    insert(cpu, p, prandom(cpu, KEYS))
    aim_at_first(cpu)
    return 0


@kernel
def look(cpu: Cpu, p: Protocol, key: int) -> int:
    """Walk to the entry with this key, hand over hand: an entry is held until the next one is."""
    entry = p.dereference(cpu, HEAD, 0)
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
    outcome = look(cpu, p, key)
    return outcome if p.read_end(cpu) else OUT.absent


LIST = Structure("linked_list", [Entry], fill, outcomes=OUT, objects=4096)
SCENARIOS = study(LIST, readers=find, writer=replace, held=WHOLE, violated=BROKEN)
