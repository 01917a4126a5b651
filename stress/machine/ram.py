"""RAM: one anonymous mapping that every CPU shares, and the map of what lies where in it.

From low to high addresses: the shadow (in the hole below `LOW`), static words, CPU areas, read-only data that kernel
code may read (module images, the kernel's own symbols), the heap. Behind the bound, where kernel code cannot reach:
the CPUs' logs, the slab's records, the judge's tables and the evidence of violations.
"""

import mmap
from collections.abc import Callable
from functools import cache
from typing import Annotated

import attrs

from stress.errors import out_of_memory
from stress.host import threads
from stress.machine import blocks, evidence
from stress.machine.stacks import RawStack
from stress.machine.words import (
    AREA_BYTES,
    AREAS,
    BOUND,
    CPUS,
    LOG_BYTES,
    LOW,
    STATICS_BYTES,
    spare_statics,
    statics_end,
)
from stress.units import counted

PAGE = 4096
SHADOW_SHIFT = 3
REDZONE = bytes([blocks.SHADOW_REDZONE])
LARGEST = LOW << SHADOW_SHIFT

Address = Annotated[int, "an offset into RAM, as in the kernel; in JSON hex"]


def round_up(size: int, step: int = PAGE) -> int:
    """`size` rounded up to a multiple of `step`."""
    return -(-size // step) * step


@cache
def _static_shadow(end: int) -> bytes:
    """The shadow of all static words, once they are declared up to `end`: a redzone where there is none."""
    shadow = bytearray(STATICS_BYTES >> SHADOW_SHIFT)
    for spare in spare_statics():
        shadow[spare.start >> SHADOW_SHIFT : spare.stop >> SHADOW_SHIFT] = REDZONE * (len(spare) >> SHADOW_SHIFT)
    return bytes(shadow)


@attrs.frozen
class RamMap:
    """What lies where in one machine's RAM. Sizes are in bytes; each region begins on a new page.

    Raises:
        ValueError: when the regions need more addresses than the shadow covers (512 MiB).
    """

    cpus: int
    data_bytes: int
    heap_bytes: int
    table_bytes: int
    control_bytes: int = 0

    def __attrs_post_init__(self) -> None:
        if self.end > LARGEST:
            raise ValueError(f"it needs {self.end - LOW} bytes of RAM, more than the maximum of {LARGEST - LOW}")

    @property
    def data(self) -> int:
        """Start of the read-only data, behind the CPU areas."""
        return AREAS + self.cpus * AREA_BYTES

    @property
    def heap(self) -> int:
        """Start of the heap."""
        return self.data + round_up(self.data_bytes)

    @property
    def bound(self) -> int:
        """First address that kernel code cannot reach."""
        return self.heap + round_up(self.heap_bytes)

    @property
    def logs(self) -> int:
        """Start of the CPUs' logs."""
        return self.bound

    @property
    def records(self) -> int:
        """Start of the slab's records."""
        return self.logs + round_up(self.cpus * LOG_BYTES)

    @property
    def tables(self) -> int:
        """Start of the judge's tables."""
        return self.records + round_up(round_up(self.heap_bytes) // blocks.MIN_BLOCK * blocks.RECORD_BYTES)

    @property
    def reports(self) -> int:
        """Start of the evidence of violations."""
        return self.tables + round_up(self.table_bytes)

    @property
    def control(self) -> int:
        """Start of what a machine needs whose CPUs run one at a time."""
        return self.reports + round_up(self.cpus * evidence.SLOTS_BYTES)

    @property
    def end(self) -> int:
        """Size of the whole mapping."""
        return self.control + round_up(self.control_bytes)

    def log(self, number: int) -> int:
        """Address of the log of CPU `number`."""
        return self.logs + number * LOG_BYTES


class Ram:
    """One machine's RAM. `lock` makes compare-exchange one step on the python engine, as the bus lock does on x86.

    `traces` has the stacks that CPUs of the python engine remember, by the word that each is for. Each word has one
    writer at a time: the CPU whose log or evidence it lies in, or the holder of `slab_lock` for a record of the slab.
    END_STACK in a CPU's log is for the place where power-off reached that CPU. The CPU's own thread writes it: another
    thread would have to read its frames with `sys._current_frames()`, and they change meanwhile where there is no GIL
    (CPython issue 152355). Compiled code stores a number in the word itself; `numbered` has for each CPU what makes a
    stack of such a number.
    """

    def __init__(self, ram_map: RamMap, image: bytes | None = None) -> None:
        """Map RAM laid out by `ram_map`, blank or with what `image` saved. HostError where that is refused."""
        self.map = ram_map
        try:
            self.mapping = mmap.mmap(-1, ram_map.end)
        except (OSError, MemoryError) as error:
            what = f"no {-(-ram_map.end >> 20):,} MiB for the RAM of a machine with {counted(ram_map.cpus, 'CPU')}"
            raise out_of_memory(error, what) from error
        self.lock = threads.new_lock()
        self.traces: dict[int, RawStack] = {}
        self.numbered: dict[int, Callable[[int], RawStack]] = {}
        self._words = memoryview(self.mapping).cast("q")
        if image is None:
            self._lay_out()
        else:
            self._restore(image)

    def stack(self, word: int, cpu: int) -> RawStack:
        """The stack that a CPU remembered for a word; empty if it has none."""
        if word not in self.traces and cpu in self.numbered:
            return self.numbered[cpu](self.peek(word))
        return self.traces.get(word, ())

    def _lay_out(self) -> None:
        """Write the words that a blank machine starts with."""
        ram_map = self.map
        for address, value in {
            BOUND: ram_map.bound - LOW,
            CPUS: ram_map.cpus,
            blocks.HEAP_START: ram_map.heap,
            blocks.HEAP_NEXT: ram_map.heap,
            blocks.HEAP_END: ram_map.bound,
            blocks.RECORDS: ram_map.records,
            evidence.REPORTS: ram_map.reports,
        }.items():
            self.poke(address, value)
        self._shade(LOW, _static_shadow(statics_end()))
        self._shade(ram_map.heap, REDZONE * (ram_map.bound - ram_map.heap >> SHADOW_SHIFT))

    def _shade(self, start: int, shadow: bytes) -> None:
        """Write the shadow of a region from `start` on."""
        self.mapping[start >> SHADOW_SHIFT : (start >> SHADOW_SHIFT) + len(shadow)] = shadow

    def image(self) -> bytes:
        """The whole content of RAM, shadow included, for machines that start from it."""
        return self.mapping[LOW >> SHADOW_SHIFT : self.map.bound >> SHADOW_SHIFT] + self.mapping[LOW:]

    def _restore(self, image: bytes) -> None:
        """Write back what `image` saved."""
        shadow = slice(LOW >> SHADOW_SHIFT, self.map.bound >> SHADOW_SHIFT)
        size = shadow.stop - shadow.start
        self.mapping[shadow] = image[:size]
        self.mapping[LOW : LOW + len(image) - size] = image[size:]

    def peek(self, address: int) -> int:
        """The word at `address`."""
        return self._words[address >> 3]

    def poke(self, address: int, value: int) -> None:
        """Store a word at `address`."""
        self._words[address >> 3] = value

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at `address`, before any CPU runs."""
        self.mapping[address : address + len(data)] = data

    def log_words(self, offset: int, words: int = 1) -> list[list[int]]:
        """The `words` words at `offset` of every CPU's log, a list for each CPU."""
        starts = (self.map.log(number) + offset >> 3 for number in range(self.map.cpus))
        return [self._words[start : start + words].tolist() for start in starts]

    def power_off(self) -> None:
        """Set the bound to 0, so that every checked access, spin and sleep of every CPU raises from now on."""
        self.poke(BOUND, 0)  # a plain store: every access loads the bound again, so each CPU sees it soon
