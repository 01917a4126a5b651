"""What an address in a report is called: the poison that it was read from, or the kernel's word that lies there."""

from stress.kernel.list import LIST_POISON1, LIST_POISON2
from stress.machine.ram import LARGEST
from stress.machine.slab import POISON_FREE, POISON_INUSE
from stress.machine.words import name_of

# What an address is called, from where, and over how many bytes: pointers get offsets, offsets of 32 bits get pointers.
POISONS: tuple[tuple[int, int, str], ...] = (
    (LIST_POISON1, 0x1000, "LIST_POISON1"),
    (LIST_POISON2, 0x1000, "LIST_POISON2"),
    (int.from_bytes(bytes([POISON_FREE]) * 8, "little"), 1 << 32, "poison of freed memory"),
    (int.from_bytes(bytes([POISON_FREE]) * 4, "little"), LARGEST, "32 bits of poison of freed memory"),
    (int.from_bytes(bytes([POISON_INUSE]) * 8, "little"), 1 << 32, "filling of new memory"),
    (int.from_bytes(bytes([POISON_INUSE]) * 4, "little"), LARGEST, "32 bits of filling of new memory"),
)

MOST_ADDED = 0x100
"""How much of an offset a noted value may have and still be called poison."""


def hexed(address: int) -> str:
    """An address as reports show it."""
    return f"0x{address:x}"


def poison_name(address: int) -> str | None:
    """The name of an address that only poison gives, None for any other: `LIST_POISON1`, or with an offset."""
    for poison, span, name in POISONS:
        if 0 <= address - poison < span:
            return name if address == poison else f"{name} + {hexed(address - poison)}"
    return None


def value_name(value: int) -> str | None:
    """The name of a value that is poison; None for any other. A number is no pointer: little may be added to it."""
    return next((name for poison, _, name in POISONS if 0 <= value - poison < MOST_ADDED), None)


def outside_name(address: int) -> str | None:
    """The name of an address outside of all blocks: of poison, or of the kernel's word that lies there."""
    name = name_of(address)
    return poison_name(address) or (None if name == hexed(address) else name)


def called(address: int) -> str:
    """An address with its name if it is poison."""
    name = poison_name(address)
    return hexed(address) if name is None else f"{hexed(address)} ({name})"
