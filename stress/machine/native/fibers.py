"""Fibers: the CPUs of a machine under control on one OS thread, each on a stack of its own.

A stack has a page behind its end that nobody may touch, so that a program that needs more ends the process and
overwrites nothing. A schedule leaves its stacks as they are when it ends; the next one begins them again.
"""

import ctypes
import mmap
import struct
from collections.abc import Callable, Sequence
from functools import cache

import attrs

from stress.errors import HostError
from stress.machine.control.words import ENDED, STACKS
from stress.machine.native import machine_code
from stress.machine.native.ends import error_of
from stress.machine.native.library_switch import CONTEXT_BYTES
from stress.machine.native.program import Program
from stress.machine.native.stack_switch import BLOCK
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


Ready = Callable[[int], None]
"""`ks_ready`: makes the stack that a block of words belongs to begin afresh."""


@cache
def ready_of(code: bytes) -> Ready:
    """What makes a stack begin afresh, from the unit that has the switch."""
    address = machine_code.address_of(machine_code.linked([code]), "ks_ready")
    ready: Ready = ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)
    return ready


class Stack:
    """The stack of one CPU, with the block of words that it begins with above it, and room for its registers."""

    def __init__(self, given: Sequence[int], ready: Ready) -> None:
        """Map it, with its guard. `given` is the block up to its own place. HostError if there is no memory."""
        try:
            self._mapping = mmap.mmap(-1, PAGE + STACK_BYTES + CONTEXT_BYTES)
        except (OSError, MemoryError) as error:
            raise HostError(f"there is no memory for the stack of a CPU: {error}; use fewer CPUs") from error
        guard = ctypes.addressof(ctypes.c_char.from_buffer(self._mapping))
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(guard), PAGE, NO_ACCESS):
            raise HostError("the guard of a stack cannot be set")
        start, context = guard + PAGE, guard + PAGE + STACK_BYTES
        self.block, self._ready = context - len(BLOCK) * WORD, ready
        ctypes.memmove(self.block, _packed([*given, start, self.block - start, context]), len(BLOCK) * WORD)

    def begin(self) -> None:
        """Make it as it was before it ran."""
        self._ready(self.block)

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
        self._main = (ctypes.c_char * CONTEXT_BYTES)()  # room for the main program's registers

    def _attach(self, ram: Ram) -> None:
        """Map the stacks for the CPUs of a machine."""
        self._ram = ram
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        self._stacks = [self._stack_for(ram, number) for number in range(len(self._fibers))]
        ram.write(ram.map.control + STACKS, _packed([ctypes.addressof(self._main)]))

    def _stack_for(self, ram: Ram, number: int) -> Stack:
        """The stack of a CPU, with all that it begins with."""
        fiber, place = self._fibers[number], self._base + ram.map.control + STACKS
        ram.numbered[number] = fiber.program.stacks.stack
        cpu = (self._base, number, area_address(number), ram.map.log(number))
        block = (fiber.address, *cpu, ctypes.addressof(self._out), 0, place + (number + 1) * WORD, place)
        return Stack(block, ready_of(self._switch))

    def run(self, ram: Ram) -> int:
        """Run one schedule on RAM that was made ready for it; why it ended.

        Raises:
            KernelCodeError: for an operation that ended with an error of its own.
        """
        if self._ram is not ram:
            self._attach(ram)
        for stack in self._stacks:
            stack.begin()
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
