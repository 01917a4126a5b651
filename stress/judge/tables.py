"""Building the judge's tables: the targets that readers draw from and the index of all names of a corpus."""

import struct
from collections.abc import Sequence

import attrs

from stress.judge.names import LENGTH_SHIFT, NAME_BYTES
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.machine.slab import POISON_FREE


@attrs.frozen
class Target:
    """What a reader may look up: an address, the name that it has, the slot of its module."""

    address: int
    name: bytes
    slot: int


def padded(name: bytes) -> bytes:
    """`name` as a right lookup leaves it in a buffer: cut at KSYM_NAME_LEN bytes, then zeros."""
    return name[:KSYM_NAME_LEN].ljust(NAME_BYTES, b"\0")


def pack_targets(targets: Sequence[Target], listed: Sequence[int], modnames: Sequence[int]) -> bytes:
    """The target table; `listed` and `modnames` have the addresses of each slot's listed word and module name."""
    return b"".join(
        padded(target.name) + struct.pack("<qqq", target.address, listed[target.slot], modnames[target.slot])
        for target in targets
    )


def pack_names(names: set[bytes], address: int) -> tuple[bytes, int, int]:
    """The name index at `address`: its bytes, where the forward table starts, where the backward one does."""
    cut = sorted({name[:KSYM_NAME_LEN] for name in names if name})
    offsets: dict[bytes, int] = {}
    blob = bytearray()
    for name in cut:
        offsets[name] = len(blob)
        blob += name + b"\0"
    blob += bytes(-len(blob) % 8)

    def entries(order: list[bytes]) -> bytes:
        return b"".join(struct.pack("<q", len(name) << LENGTH_SHIFT | address + offsets[name]) for name in order)

    forward = address + len(blob)
    backward = forward + 8 * len(cut)
    return bytes(blob) + entries(cut) + entries(sorted(cut, key=lambda name: name[::-1])), forward, backward


def poison_run(names: set[bytes], poison: int = POISON_FREE) -> int:
    """How many poison bytes in a row no name has."""
    run = 2
    while any(bytes([poison]) * run in name for name in names):
        run += 1
    return run
