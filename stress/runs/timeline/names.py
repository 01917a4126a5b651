"""Names of addresses and values in a trace: `rule#2.next`, `update_lock`, NULL, poison."""

from collections.abc import Sequence

from stress.judge.addresses import hexed, poison_name
from stress.judge.harvest import Slice
from stress.kernel import struct_module as module
from stress.kernel.kallsyms import SYM_BYTES
from stress.machine import words
from stress.machine.slab import POISON_FREE, POISON_INUSE, POISON_LAST_WORD
from stress.runs.timeline.objects import Life, Objects
from stress.schedule.schedule import Step

MODULE_FIELDS = {
    module.LIST: "list.next",
    module.LIST + 8: "list.prev",
    module.STATE: "state",
    module.NAME: "name",
    module.MODULE_INIT: "module_init",
    module.INIT_SIZE: "init_size",
    module.INIT_TEXT_SIZE: "init_text_size",
    module.MODULE_CORE: "module_core",
    module.CORE_SIZE: "core_size",
    module.CORE_TEXT_SIZE: "core_text_size",
    module.SYMTAB: "symtab",
    module.NUM_SYMTAB: "num_symtab",
    module.STRTAB: "strtab",
    module.REFCOUNT: "refcount",
}
BYTES_OF = {
    int.from_bytes(bytes([POISON_FREE]) * 8, "little", signed=True): "poison",
    int.from_bytes(bytes([POISON_INUSE]) * 8, "little", signed=True): "uninitialised",
    POISON_LAST_WORD: "poison",
}
NEAR = {0: "NULL", **BYTES_OF}
FEW = 1 << 16
"""A number below it is no address, and is shown as decimal."""
FIRST_TAGS = 8
"""Pointers to objects may have flags in their lowest bits."""


class Names:
    """Names for what a trace touched; objects of one kind get numbers in the order in which they are named first."""

    def __init__(self, slice_: Slice, objects: Objects, trace: Sequence[Step]) -> None:
        """See which fields have pointers in `trace`."""
        self._ram, self._slice, self.objects = slice_.ram, slice_, objects
        self._numbers: dict[Life, int] = {}
        self._counts: dict[str, int] = {}
        self._pointers = {
            self._kind_of(step.address, number)
            for number, step in enumerate(trace)
            if objects.block_of(step.new) or objects.block_of(step.old)
        }

    def object(self, life: Life) -> str:
        """An object: the name of its kind, and a number; a module has one only if there are several of its name."""
        kind = self._slice.module(life.label) or "block"
        if life not in self._numbers:
            self._numbers[life] = self._counts[kind] = self._counts.get(kind, 0) + 1
        number = self._numbers[life]
        is_alone = life.label not in self._slice.structs and kind != "block" and number == 1
        return kind if is_alone else f"{kind}#{number}"

    def field(self, life: Life, offset: int) -> str:
        """What lies at an offset of an object: the name of a field, or the offset."""
        struct = self._slice.structs.get(life.label)
        found = struct.field_at(offset) if struct else self._module_field(life, offset)
        return found or f"+{hexed(offset)}"

    def address(self, address: int, number: int) -> str:
        """What lies at an address at the time of an access: with the field, if it is an object."""
        life = self.objects.at(address, number)
        if life is None:
            return self.static(address)
        return f"{self.object(life)}.{self.field(life, address - life.block)}"

    def accessed(self, number: int, step: Step, meant: Life | None) -> str:
        """What an access is to: where the block has another object by now than the one that is `meant`, both."""
        life = self.objects.at(step.address, number)
        if life is None or meant is None or meant is life or meant.block != life.block:
            return self.address(step.address, number)
        return f"{self.object(meant)}.{self.field(meant, step.address - life.block)} (now {self.object(life)})"

    def wild(self, address: int) -> str:
        """A bad address: how far it is from poison, or from NULL."""
        signed = address - (1 << 64) if address >= 1 << 63 else address
        near = (_with_offset(name, signed - base) for base, name in NEAR.items() if 0 <= signed - base < FEW)
        return next(near, poison_text(address) or hexed(address))

    def static(self, address: int) -> str:
        """The word of the kernel at an address, with its index in several words; else hex."""
        if module.MODULES <= address < module.MODULES + 16:
            return "modules.next" if address == module.MODULES else "modules.prev"
        return poison_text(address) or words.name_of(address, self._ram.map.cpus)

    def value(self, value: int, address: int, number: int) -> str:
        """A value that was read from or written to an address: what it points to, poison, or a number."""
        if value in BYTES_OF:
            return BYTES_OF[value]
        if pointed := self.pointed(value, number):
            return pointed
        if value == 0 and self._kind_of(address, number) in self._pointers:
            return "NULL"
        return str(value) if abs(value) < FEW else poison_text(value) or hexed(value % (1 << 64))

    def pointed(self, value: int, number: int) -> str | None:
        """What a value points to, None if it is no pointer."""
        life = self.objects.at(value, number)
        if life is None:
            name = self.static(value) if words.LOW <= value < self._ram.map.data else ""
            return f"&{name.removesuffix('.next')}" if name and not name.startswith("0x") else None
        offset = value - life.block
        if offset == 0:
            return self.object(life)
        if offset < FIRST_TAGS:
            return f"{self.object(life)}|{offset}"
        return f"&{self.object(life)}.{self.field(life, offset)}"

    def _kind_of(self, address: int, number: int) -> str:
        """The field at an address whatever the object, or the word."""
        life = self.objects.at(address, number)
        return f"{life.label}.{self.field(life, address - life.block)}" if life else self.static(address)

    def _module_field(self, life: Life, offset: int) -> str | None:
        """The field of a module, or the place in its symbols or strings; None where the image is not known."""
        if not self._ram.map.data <= life.label < self._ram.map.heap:
            return None
        if offset < module.MODULE_BYTES:
            start, name = max((start, name) for start, name in MODULE_FIELDS.items() if start <= offset)
            return f"{name}[{offset - start}]" if offset != start else name
        image = life.label + module.IMAGE_MODULE
        symbols, strings = self._ram.peek(image + module.SYMTAB), self._ram.peek(image + module.STRTAB)
        if offset >= strings:
            return f"strtab[{offset - strings}]"
        return f"symtab[{(offset - symbols) // SYM_BYTES}]" if offset >= symbols else None


def poison_text(address: int) -> str | None:
    """The name of an address that only poison gives, in few words; None for any other."""
    name = poison_name(address)
    return name and name.replace("poison of freed memory", "poison").replace("filling of new memory", "uninitialised")


def _with_offset(name: str, offset: int) -> str:
    """A name, and how far behind it."""
    return f"{name} + {hexed(offset)}" if offset else name
