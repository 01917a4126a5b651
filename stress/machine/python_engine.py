"""The python engine: kernel functions run as they are, each CPU on an OS thread of its own.

Nothing here relies on the GIL for correctness. Each word has one writer, or is guarded by compare-exchange, which takes
the RAM's lock. A load or store of one item of a memoryview is one access of the machine, so no word is seen half
stored. Each CPU makes its own views from the mapping: views share a counter that is not thread-safe on free-threaded
builds (CPython issue 127716). The accesses repeat each other on purpose: each is the hot path of every run, and a
call that they shared would cost a third of their speed.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from stress.host import clocks
from stress.host.system import offers
from stress.machine.blocks import SHADOW_UNMAPPED
from stress.machine.events import take_delay, take_event
from stress.machine.faults import must_reach, note_fault, note_hit
from stress.machine.features import Features
from stress.machine.gil import share_one_core
from stress.machine.language.errors import KernelCodeError, error_of_exception, error_of_outcome
from stress.machine.loop import run_program
from stress.machine.machine import Play
from stress.machine.ram import Ram
from stress.machine.seam import BrokenKernelCodeError, Cpu, Oops, Operation
from stress.machine.stacks import take_stack
from stress.machine.words import (
    BOUND,
    LONGEST_SLEEP,
    LOW,
    READ_BYTE,
    READ_WORD,
    SLEEPS,
    SPINNING_ON,
    SPINS,
    WRITE_BYTE,
    WRITE_WORD,
    WRONG_OUTCOME,
    area_address,
)

Read = Callable[[int], int]
Write = Callable[[int, int], None]
Change = Callable[[int, int, int], int]
See = Callable[[int, int, int], None]
NEVER = -1
AT_ONCE = 1
WORD_MODULUS = 1 << 64
SIGN = 1 << 63

sched_yield: Callable[[], None] = os.sched_yield if offers("yield") else lambda: clocks.sleep(0)


class Fault(Protocol):
    """Notes why an access is not possible, and raises Oops."""

    def __call__(self, address: int, access: int = 0) -> None:
        """`access` is the kind, 0 where kernel code only waits."""


def wrapped(value: int) -> int:
    """`value` as a signed 64-bit word."""
    return (value + SIGN) % WORD_MODULUS - SIGN


class BareCpu:
    """A CPU as the harness alone uses it: its number, its words, and accesses without check, shadow or event."""

    def __init__(self, ram: Ram, number: int, words: memoryview, octets: memoryview) -> None:
        """Build CPU `number` over two views of RAM, as words and as bytes."""
        self.number = number
        self.area = area_address(number)
        self.log = ram.map.log(number)
        self._traces = ram.traces

        def peek(address: int) -> int:
            return words[address >> 3]

        def poke(address: int, value: int) -> None:
            try:
                words[address >> 3] = value
            except ValueError:
                words[address >> 3] = wrapped(value)

        def peek8(address: int) -> int:
            return octets[address]

        self.peek, self.poke, self.peek8 = peek, poke, peek8

    def remember_stack(self, word: int) -> None:
        """Keep the caller's stack."""
        self._traces[word] = take_stack()


class PythonCpu(BareCpu):
    """One CPU of the python engine; provides `seam.Cpu`. Its accesses are closures over views of its own.

    No closure refers to its CPU: each machine has CPUs of its own, which keep its RAM, and in a reference cycle they
    would keep it until the garbage collector finds them, some hundred machines later. So faults and hits are noted
    through a `BareCpu` of the same number.
    """

    def __init__(self, ram: Ram, number: int, features: Features, left: list[int] | None = None) -> None:
        """Build CPU `number` on the thread that will run it.

        `left[0]` is the number of accesses up to the next event; a handler's CPU shares that of the CPU it runs on.
        """
        self._words = memoryview(ram.mapping).cast("q")
        self._bytes = memoryview(ram.mapping)
        super().__init__(ram, number, self._words, self._bytes)
        self._mapping = ram.mapping
        self._lock = ram.lock
        self._left = left if left is not None else [AT_ONCE if features.delays else NEVER]
        self._fault, self._see = self._make_notes(BareCpu(ram, number, self._words, self._bytes), features)
        self._event = self._make_event(ram, features)
        self._build_accesses(features)

    def _make_notes(self, bare: BareCpu, features: Features) -> tuple[Fault, See]:
        """What an access does that is not possible, and one to memory that is not allocated.

        The first notes why, and raises Oops. The second faults if the memory is unmapped, else it notes the first one.
        """

        def fault(address: int, access: int = 0) -> None:
            note_fault(bare, wrapped(address), access)
            raise Oops

        def see(address: int, access: int, shadow: int) -> None:
            if features.unmapped and shadow == SHADOW_UNMAPPED:
                fault(address, access)
            note_hit(bare, address, access, shadow)

        return fault, see

    def _make_event(self, ram: Ram, features: Features) -> Callable[[], int]:
        """A function that takes one event and returns the number of accesses up to the next one.

        A handler counts down the same count; its first access ends that count, so that handlers have delays too.
        """
        if not features.delays:
            return lambda: NEVER
        left = self._left
        undisturbed = PythonCpu(ram, self.number, features.undisturbed())
        if not features.handled:
            return lambda: take_delay(undisturbed)
        inside = PythonCpu(ram, self.number, features.inside(), left)

        def event() -> int:
            left[0] = AT_ONCE
            return take_event(undisturbed, inside, features.interrupt, features.nmi)

        return event

    def _build_accesses(self, features: Features) -> None:
        """The accesses under test. Each counts down to the next event, and reads the bound again: power-off zeroes it.

        A load takes its value first and looks at the shadow after it: a block that is freed in between is marked before
        it is poisoned, so no poison is read unnoticed. A store and a compare-exchange look first, even if the
        compare-exchange then stores nothing: the write may be what lets another CPU free the memory, and after it this
        CPU must not look at that memory again.
        """
        self._shadowed = features.kasan or features.unmapped
        self.load, self.load8 = self._reads()
        self.store, self.store8 = self._writes()
        self.cmpxchg, self._replace = self._changes()

    def _reads(self) -> tuple[Read, Read]:
        """Of a word, of a byte."""
        words, octets, fault, see, event = self._words, self._bytes, self._fault, self._see, self._event
        left, bound, shadowed = self._left, BOUND >> 3, self._shadowed

        def load(address: int) -> int:
            if address & 7 or not 0 <= address - LOW < words[bound]:
                fault(address, READ_WORD)
            value = words[address >> 3]
            if shadowed and (shadow := octets[address >> 3]):
                see(address, READ_WORD, shadow)
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()
            return value

        def load8(address: int) -> int:
            if not 0 <= address - LOW < words[bound]:
                fault(address, READ_BYTE)
            value = octets[address]
            if shadowed and (shadow := octets[address >> 3]):
                see(address, READ_BYTE, shadow)
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()
            return value

        return load, load8

    def _writes(self) -> tuple[Write, Write]:
        """Of a word, of a byte."""
        words, octets, fault, see, event = self._words, self._bytes, self._fault, self._see, self._event
        left, bound, shadowed = self._left, BOUND >> 3, self._shadowed

        def store(address: int, value: int) -> None:
            if address & 7 or not 0 <= address - LOW < words[bound]:
                fault(address, WRITE_WORD)
            if shadowed and (shadow := octets[address >> 3]):
                see(address, WRITE_WORD, shadow)
            words[address >> 3] = value if -SIGN <= value < SIGN else wrapped(value)
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()

        def store8(address: int, value: int) -> None:
            if not 0 <= address - LOW < words[bound]:
                fault(address, WRITE_BYTE)
            if shadowed and (shadow := octets[address >> 3]):
                see(address, WRITE_BYTE, shadow)
            octets[address] = value & 0xFF
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()

        return store, store8

    def _changes(self) -> tuple[Change, Change]:
        """Compare-exchange; and what stores `value + kept * (what was there)`."""
        words, octets, fault, see, event = self._words, self._bytes, self._fault, self._see, self._event
        left, bound, shadowed, lock = self._left, BOUND >> 3, self._shadowed, self._lock

        def cmpxchg(address: int, old: int, new: int) -> int:
            if address & 7 or not 0 <= address - LOW < words[bound]:
                fault(address, READ_WORD)
            if shadowed and (shadow := octets[address >> 3]):
                see(address, READ_WORD, shadow)
            # The lock keeps out other compare-exchanges, but no plain store, which could be lost here. So kernel code
            # stores plainly only to words that no compare-exchange changes meanwhile: a lock's, by its holder.
            with lock:
                seen = words[address >> 3]
                if seen == old:
                    words[address >> 3] = new if -SIGN <= new < SIGN else wrapped(new)
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()
            return seen

        def replace(address: int, value: int, kept: int) -> int:
            if address & 7 or not 0 <= address - LOW < words[bound]:
                fault(address, WRITE_WORD)
            if shadowed and (shadow := octets[address >> 3]):
                see(address, WRITE_WORD, shadow)
            with lock:  # as in cmpxchg
                seen = words[address >> 3]
                words[address >> 3] = wrapped(value + kept * seen)
            left[0] = rest = left[0] - 1
            if not rest:
                left[0] = event()
            return seen

        return cmpxchg, replace

    def copy_stack(self, target: int, source: int) -> None:
        """Keep a stack for another word too; where there is none, forget what that word had."""
        if source in self._traces:
            self._traces[target] = self._traces[source]
        else:
            self._traces.pop(target, None)

    def xchg(self, address: int, value: int) -> int:
        """Store a word; what was there."""
        return self._replace(address, value, 0)

    def fetch_add(self, address: int, amount: int) -> int:
        """Add to a word; what was there."""
        return self._replace(address, amount, 1)

    def load_acquire(self, address: int) -> int:
        """Load a word, before what comes after."""
        value = self.load(address)
        self.barrier()
        return value

    def store_release(self, address: int, value: int) -> None:
        """Store a word, after what comes before."""
        self.barrier()
        self.store(address, value)

    def barrier(self) -> None:
        """Full memory barrier: take the RAM's lock and release it."""
        with self._lock:  # an atomic read-modify-write, which is a full barrier on x86-64
            pass

    rmb = wmb = barrier

    def relax(self, address: int) -> None:
        """One turn of a spin: note it, raise Oops after power-off, yield the core."""
        words, log = self._words, self.log
        words[log + SPINNING_ON >> 3] = address if -SIGN <= address < SIGN else wrapped(address)
        words[log + SPINS >> 3] += 1  # last: the watchdog reads it first, so it never pairs a spin with an older word
        if words[BOUND >> 3] == 0:
            self._fault(address)
        sched_yield()

    def yield_core(self) -> None:
        """Let another thread run."""
        sched_yield()

    def sleep(self, nanoseconds: int) -> None:
        """Sleep off the core; Oops if the power is off."""
        if self._words[BOUND >> 3] == 0:
            self._fault(BOUND)
        self._words[self.log + SLEEPS >> 3] += 1
        clocks.sleep(min(max(nanoseconds, 0), LONGEST_SLEEP) / 1e9)

    def hand_over(self, this: int, other: int) -> None:
        """Not here: this CPU runs whenever its thread does."""
        raise NotImplementedError

    def unexplained(self) -> None:
        """Raise an error whose cause is the exception that is being handled; that itself if it was raised here."""
        error = sys.exc_info()[1]
        if isinstance(error, KernelCodeError) or (isinstance(error, BrokenKernelCodeError) and error.__cause__):
            raise error
        raise error_of_exception(error) from error

    def clock(self) -> int:
        """Monotonic nanoseconds."""
        return clocks.monotonic_ns()

    def fill(self, address: int, size: int, byte: int) -> None:
        """Set memory to one byte; not one step."""
        must_reach(self, address, size, WRITE_WORD)
        self._look_through(address, size, WRITE_WORD)
        self._set(address, size, byte & 0xFF)

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy memory; not one step."""
        must_reach(self, source, size, READ_WORD)
        must_reach(self, target, size, WRITE_WORD)
        self._look_through(target, size, WRITE_WORD)
        PythonCpu.copy_unchecked(self, target, source, size)
        self._look_through(source, size, READ_WORD)

    def _look_through(self, address: int, size: int, access: int) -> None:
        """Look at the shadow of a range, as an access to each of its words would."""
        marks = self._mapping[address >> 3 : address + size >> 3]
        if self._shadowed and marks.strip(b"\0"):
            for at, mark in enumerate(marks):
                if mark:
                    self._see(address + at * 8, access, mark)

    def _set(self, address: int, size: int, byte: int) -> None:
        self._mapping[address : address + size] = bytes((byte,)) * size

    def fill_unchecked(self, address: int, size: int, byte: int) -> None:
        """Set memory to one byte; not one step."""
        self._set(address, size, byte & 0xFF)

    def fill_shadow(self, address: int, size: int, byte: int) -> None:
        """Set the shadow of a range to one byte."""
        self._set(address >> 3, size >> 3, byte & 0xFF)

    def memchr_inv(self, address: int, size: int, byte: int) -> int:
        """The address of the first byte that differs; 0 if none does."""
        data = self._mapping[address : address + size]
        same = size - len(data.lstrip(bytes((byte & 0xFF,))))
        return 0 if same == size else address + same

    def copy_unchecked(self, target: int, source: int, size: int) -> None:
        """Copy memory; not one step."""
        self._mapping[target : target + size] = self._mapping[source : source + size]


class PythonEngine:
    """Runs programs as the Python functions that they are."""

    name = "python"

    def programs(
        self, operations: Sequence[Operation], safepoint: Callable[[Cpu], None], features: Features
    ) -> Sequence[Play]:
        """For each of `operations`, a function that plays a CPU."""
        return [self.program(operation, safepoint, features) for operation in operations]

    def program(self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features) -> Play:
        """A function that plays CPU `number` of a machine with `operation` until power-off, on the calling thread."""

        def play(ram: Ram, number: int) -> None:
            share_one_core()
            try:
                run_program(PythonCpu(ram, number, features), operation, safepoint)
            except BrokenKernelCodeError as error:
                outcome = ram.peek(ram.map.log(number) + WRONG_OUTCOME)
                raise (error if error.__cause__ else error_of_outcome(operation, outcome)) from error.__cause__

        return play
