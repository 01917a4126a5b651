"""RAM as each schedule finds it: what one has changed is written back before the next."""

import ctypes

from stress.machine import blocks, words
from stress.machine.ram import SHADOW_SHIFT, Ram
from stress.programs import modprobe
from stress.runs.boot import SLOT_STRIDE

SHADOW_START = words.LOW >> SHADOW_SHIFT


class Pristine:
    """RAM as each schedule finds it, and which parts of it a schedule may have changed."""

    def __init__(self, ram: Ram) -> None:
        """Keep copies of what `ram` has now: of its shadow, and of all from its lowest word on."""
        self._ram = ram
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        self._end = ram.map.control
        self._shadow = ctypes.create_string_buffer(ram.mapping[SHADOW_START : ram.map.bound >> SHADOW_SHIFT])
        self._words = ctypes.create_string_buffer(ram.mapping[words.LOW : self._end])
        self._starts = ctypes.addressof(self._shadow), ctypes.addressof(self._words)
        self._heap_used = ram.peek(blocks.HEAP_NEXT)
        self._layout = ram.map.heap, ram.map.data, ram.map.logs, ram.map.records, ram.map.tables

    def _restore_shadow(self, start: int, end: int) -> None:
        ctypes.memmove(self._base + start, self._starts[0] + start - SHADOW_START, end - start)

    def _restore(self, start: int, end: int) -> None:
        ctypes.memmove(self._base + start, self._starts[1] + start - words.LOW, end - start)

    def restore(self, everything: bool) -> None:
        """Write back what a schedule may have changed; `everything` after one that did what it must not."""
        peek = self._ram.peek
        if everything:
            self._restore_shadow(SHADOW_START, self._ram.map.bound >> SHADOW_SHIFT)
            self._restore(words.LOW, self._end)
            return
        heap, data, logs, records, tables = self._layout
        used = max(peek(blocks.HEAP_NEXT), self._heap_used)
        self._restore_shadow(heap >> SHADOW_SHIFT, used >> SHADOW_SHIFT)
        self._restore(words.LOW, words.statics_end())
        self._restore(words.TURNS, data)
        self._restore(heap, used)
        self._restore(logs, records + (used - heap) // blocks.MIN_BLOCK * blocks.RECORD_BYTES)
        self._restore(tables, tables + peek(modprobe.NUM_SLOTS) * SLOT_STRIDE)
