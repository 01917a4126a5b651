"""Structures of a scenario's own: objects with named fields, made by `new`; what readers should look for next.

    Rule = Struct("rule", next="pointer", key="word", check="word")

gives `Rule.next`, `Rule.key`, ...: the offsets of the fields in bytes. Reports name the object and the field.
"""

import zlib
from collections.abc import Mapping

from stress.kernel.module import LOADS, count
from stress.kernel.updates import MEMORY_SHORT
from stress.machine.blocks import label_block
from stress.machine.notes import note_step
from stress.machine.random import prandom
from stress.machine.seam import Cpu, KernelValue, Oops, kernel
from stress.machine.slab import kmalloc
from stress.machine.words import AIM, CAUSE_ENDLESS, FAULT_CAUSE, LOG_BYTES, WRITERS

WORD_BYTES = 8
KINDS = ("word", "pointer")
LABELS = 1 << 40
"""Labels of objects are no addresses, which are less."""
LONGEST_WALK = 100_000


class Struct(KernelValue):
    """The layout of a kind of object: a reference count, then the fields in their order, each on words of its own.

    A field is "word", "pointer", or a number of words. The offset of each, in bytes, is an attribute. `SIZE` is the
    size of an object in bytes, `NAME` what reports call it, `FIELDS` the offsets by name.

    Raises:
        ValueError: for a field of another kind, or a name that a field cannot have.
    """

    def __init__(self, name: str, /, **fields: str | int) -> None:
        """Lay the fields out."""
        self.NAME = name
        self.LABEL = LABELS + zlib.crc32(name.encode())
        self.FIELDS: dict[str, int] = {"refs": 0}
        self.SIZE = WORD_BYTES
        for field, kind in fields.items():
            self._add(field, kind)

    def _add(self, field: str, kind: str | int) -> None:
        """Lay one field out behind the others."""
        words = 1 if kind in KINDS else kind
        if not isinstance(words, int) or isinstance(words, bool) or words < 1:
            raise ValueError(f"{self.NAME}.{field} is {kind!r}; give 'word', 'pointer' or a number of words")
        if field in self.FIELDS or not field.islower():
            raise ValueError(f"{self.NAME} cannot have a field {field!r}; use lower case, and not 'refs'")
        self.FIELDS[field] = self.SIZE
        self.SIZE += words * WORD_BYTES

    def __getattr__(self, field: str) -> int:
        """The offset of a field."""
        fields: Mapping[str, int] = self.__dict__.get("FIELDS", {})
        if field not in fields:
            raise AttributeError(f"a {self.__dict__.get('NAME', 'struct')} has no field {field}")
        return fields[field]

    def field_at(self, offset: int) -> str | None:
        """The field at `offset` bytes from the start of an object, with an index in one of several words; or None."""
        if not 0 <= offset < self.SIZE:
            return None
        start, name = max((start, name) for name, start in self.FIELDS.items() if start <= offset)
        index = (offset - start) // WORD_BYTES
        return f"{name}[{index}]" if index else name


@kernel
def new(cpu: Cpu, struct: Struct) -> int:
    """An object with one reference, whose fields have what memory had; 0 when memory is short."""
    made = kmalloc(cpu, struct.SIZE)
    if made != 0:
        label_block(cpu, made, struct.LABEL)
        cpu.store(made + struct.refs, 1)
        count(cpu, LOADS)
    else:
        count(cpu, MEMORY_SHORT)
    return made


@kernel
def walk_on(cpu: Cpu, node: int, walked: int) -> int:
    """Note that a walk comes to `node` after `walked` others; one more than `walked`.

    Raises Oops (CAUSE_ENDLESS) after 100,000 of them: links that were freed and reused can make a ring.
    """
    if walked > LONGEST_WALK:
        cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_ENDLESS)
        raise Oops
    note_step(cpu, node, walked)
    return walked + 1


@kernel
def aim(cpu: Cpu, value: int) -> None:
    """Say what readers should look for next, a number of 0 or more: what this writer is about to take off.

    Only this CPU stores the word, and no order is needed: a late reader aims at what went before.
    """
    cpu.poke(cpu.log + AIM, value + 1)


@kernel
def aimed(cpu: Cpu, below: int) -> int:
    """What to look for: half of the time what a writer, drawn at random, aims at; else a number below `below`.

    The race needs readers who stand on what is about to go.
    """
    writers = max(cpu.peek(WRITERS), 1)
    writer = prandom(cpu, 2 * writers)
    wanted = 0
    if writer < writers:
        wanted = cpu.peek(cpu.log + (writer - cpu.number) * LOG_BYTES + AIM)
    return prandom(cpu, below) if wanted == 0 else wanted - 1
