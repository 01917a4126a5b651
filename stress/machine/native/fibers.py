"""Fibers: the CPUs of a machine under control on one OS thread, each on a stack of its own.

A stack has a page behind its end that nobody may touch, so that a program that needs more ends the process and
overwrites nothing. A schedule leaves its stacks as they are when it ends; the next one begins them again.
"""

import ctypes
import mmap
import struct
from collections.abc import Sequence
from functools import cache

import attrs

from stress.errors import HostError
from stress.machine.control.words import ENDED, STACKS
from stress.machine.native import machine_code
from stress.machine.native.ends import error_of
from stress.machine.native.program import Program
from stress.machine.native.stack_switch import BLOCK, first_words
from stress.machine.ram import PAGE, Ram
from stress.machine.seam import Operation
from stress.machine.words import area_address

STACK_BYTES = 1 << 18
NO_ACCESS = 0
WORD = 8
STATUS = BLOCK.index("status") * WORD


@attrs.frozen
class Fiber:
    """What a CPU runs."""

    operation: Operation
    program: Program
    address: int
    """Where its entry lies."""


@cache
def switch_addresses(code: bytes) -> tuple[int, int]:
    """Where a new stack begins, and what it runs first."""
    engine = machine_code.linked([code])
    asked = ("ks_run_address", "ks_begin_address")
    run, begin = (ctypes.CFUNCTYPE(ctypes.c_int64)(machine_code.address_of(engine, name))() for name in asked)
    return run, begin


class Stack:
    """The stack of one CPU, with the block of words that it begins with above it."""

    def __init__(self, block: Sequence[int], addresses: tuple[int, int]) -> None:
        """Map it, with its guard. HostError if there is no memory."""
        try:
            self._mapping = mmap.mmap(-1, PAGE + STACK_BYTES)
        except (OSError, MemoryError) as error:
            raise HostError(f"there is no memory for the stack of a CPU: {error}; use fewer CPUs") from error
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._mapping))
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(start), PAGE, NO_ACCESS):
            raise HostError("the guard of a stack cannot be set")
        self.block = start + PAGE + STACK_BYTES - len(BLOCK) * WORD
        ctypes.memmove(self.block, _packed(block), len(BLOCK) * WORD)
        self._first = _packed(first_words(machine_code.target().triple, self.block, *addresses))
        # Both processors want a stack that is aligned to 16 bytes once the first words are taken off.
        self.pointer = (self.block - WORD & -16) - len(self._first)

    def begin(self) -> None:
        """Make it as it was before it ran."""
        ctypes.memmove(self.pointer, self._first, len(self._first))
        ctypes.memset(self.block + STATUS, 0, WORD)

    @property
    def status(self) -> int:
        """What its program has returned; 0 while it runs."""
        return ctypes.c_int64.from_address(self.block + STATUS).value


def _packed(words: Sequence[int]) -> bytes:
    """Words as they lie in memory."""
    return struct.pack(f"<{len(words)}q", *words)


class Fibers:
    """The compiled CPUs of one machine. `run` runs one schedule."""

    def __init__(self, fibers: Sequence[Fiber], conductor: machine_code.Entry, switch: bytes) -> None:
        """Nothing is mapped yet."""
        self._fibers, self._conductor, self._switch = fibers, conductor, switch
        self._ram: Ram | None = None
        self._base = 0
        self._out = (ctypes.c_int64 * 2)()
        self._stacks: list[Stack] = []
        self._starts = b""

    def _attach(self, ram: Ram) -> None:
        """Map the stacks for the CPUs of a machine."""
        self._ram = ram
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        self._stacks = [self._stack_for(ram, number) for number in range(len(self._fibers))]
        self._starts = _packed([0, *(stack.pointer for stack in self._stacks)])

    def _stack_for(self, ram: Ram, number: int) -> Stack:
        """The stack of a CPU, with all that it begins with."""
        fiber, place = self._fibers[number], self._base + ram.map.control + STACKS
        ram.numbered[number] = fiber.program.stacks.stack
        cpu = (self._base, number, area_address(number), ram.map.log(number))
        block = (fiber.address, *cpu, ctypes.addressof(self._out), 0, place + (number + 1) * WORD, place)
        return Stack(block, switch_addresses(self._switch))

    def run(self, ram: Ram) -> int:
        """Run one schedule on RAM that was made ready for it; why it ended.

        Raises:
            KernelCodeError: for an operation that ended with an error of its own.
        """
        if self._ram is not ram:
            self._attach(ram)
        for stack in self._stacks:
            stack.begin()
        ram.write(ram.map.control + STACKS, self._starts)
        self._conductor(self._base, 0, area_address(0), ram.map.log(0), ctypes.addressof(self._out))
        if ended := ram.peek(ENDED):
            return ended
        raise self._error(ram)

    def _error(self, ram: Ram) -> Exception:
        """The error of the CPU whose program has ended."""
        for number, (fiber, stack) in enumerate(zip(self._fibers, self._stacks, strict=True)):
            if stack.status:
                return error_of(stack.status, fiber.program.stacks, fiber.operation, ram, ram.map.log(number))
        return RuntimeError("a schedule ended without a reason")

    def finish(self, ram: Ram) -> None:
        """Nothing: stacks are begun again."""
