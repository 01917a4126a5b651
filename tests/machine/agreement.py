"""Runs the functions of a source on both engines, from the same RAM, and says where they differ."""

import ctypes
import itertools
import linecache
from collections.abc import Callable
from typing import Any

import attrs

from stress.machine.language.errors import KernelCodeError, error_in_line
from stress.machine.language.tree import CpuKind
from stress.machine.loop import BROKEN
from stress.machine.native import machine_code
from stress.machine.native.program import Library
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import FAULT_CAUSE, UNEXPLAINED, area_address
from tests.support import KASAN, blank_ram, code_of, python_cpu

from .stack_words import stack_words
from .stepper import turn

BLOCK_BYTES = 64
_numbers = itertools.count()


def first_ram() -> tuple[Ram, dict[str, int]]:
    """RAM with a block that is allocated and one that is freed; their addresses."""
    ram = blank_ram(heap=0x1000, data=0x1000)
    cpu = python_cpu(ram)
    live, freed = kmalloc(cpu, BLOCK_BYTES), kmalloc(cpu, BLOCK_BYTES)
    kfree(cpu, freed)
    return ram, {"LIVE": live, "FREED": freed}


def functions_of(source: str, known: dict[str, Any]) -> dict[str, Any]:
    """What a source defines, which has no file; the front end finds it by its name."""
    name = f"<source {next(_numbers)}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    found = dict(known)
    exec(compile(source, name, "exec", dont_inherit=True), found)
    return found


@attrs.frozen
class Outcome:
    """What one call did: its value, or the line that ended it; the cause of its fault; all of RAM behind it."""

    ended: int | str
    cause: int
    ram: bytes = attrs.field(repr=False)


class Pair:
    """The function `chosen` of a source, on two machines of one CPU that start from one image."""

    def __init__(self, source: str) -> None:
        """Compile it."""
        python, known = first_ram()
        self.rams, self.image = (python, Ram(python.map, python.image())), python.image()
        self.log, self.stack_words = python.map.log(0), stack_words(python)
        self.chosen: Callable[..., int] = functions_of(source, known)["chosen"]
        program = Library().program(turn, CpuKind(KASAN), self.chosen, None, None, None)
        self.stacks = program.stacks
        self.entry = machine_code.load(list(map(code_of, program.units)), words=3)

    def python(self, *words: int) -> int | str:
        """A turn on the python engine."""
        try:
            value = turn(PythonCpu(self.rams[0], 0, KASAN), self.chosen, *words)
        except KernelCodeError as error:
            return place(error)
        return (value + (1 << 63)) % (1 << 64) - (1 << 63)

    def native(self, *words: int) -> int | str:
        """A turn on the native engine."""
        ram, value = self.rams[1], ctypes.c_int64()
        base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        assert self.entry(base, 0, area_address(0), self.log, ctypes.addressof(value), *words) == 0
        status = ram.peek(self.log + UNEXPLAINED)
        ram.poke(self.log + UNEXPLAINED, 0)  # the python engine has the exception itself
        site = self.stacks.site(status)
        return value.value if value.value != BROKEN or site is None else place(error_in_line(*attrs.astuple(site)))

    def outcomes(self, *words: int) -> tuple[Outcome, Outcome]:
        """What a call does on the two engines, which must be the same."""
        for ram in self.rams:
            ram._restore(self.image)
        ended = self.python(*words), self.native(*words)
        for ram, word in itertools.product(self.rams, self.stack_words):
            ram.poke(word, 0)
        one, other = (
            Outcome(end, ram.peek(self.log + FAULT_CAUSE), ram.image())
            for end, ram in zip(ended, self.rams, strict=True)
        )
        return one, other


def place(error: Exception) -> str:
    """The file and line that an error names."""
    return ":".join(str(error).split(":")[:2])
