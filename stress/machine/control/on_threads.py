"""The python engine under control: of the threads that play CPUs one runs at a time; the others wait for the baton.

A thread gives the baton to another one by releasing the lock that this one waits for. So one thread at a time runs
kernel code, with or without a GIL, and sees what the one before it stored: releasing and taking a lock orders them.
"""

import os
import threading
from collections.abc import Callable, Sequence

import attrs

from stress.errors import out_of_memory
from stress.machine.control import turns
from stress.machine.control.events import no_event, take_chosen
from stress.machine.control.traces import note_step
from stress.machine.control.words import ENDED, LEFT, MAIN, PENDING, PIECE_BYTES, READ_MODIFY_WRITE, WRITE_PIECE, YIELDS
from stress.machine.faults import must_reach
from stress.machine.features import Features
from stress.machine.gil import share_one_core
from stress.machine.language.errors import error_of_outcome
from stress.machine.loop import run_program
from stress.machine.machine import JOIN_LOOK_SECONDS, JOIN_SECONDS, LONGEST_WAIT_SECONDS
from stress.machine.patience import Patience
from stress.machine.python_engine import PythonCpu, wrapped
from stress.machine.ram import Ram
from stress.machine.seam import BrokenKernelCodeError, Cpu, Operation
from stress.machine.words import (
    BOUND,
    READ_BYTE,
    READ_WORD,
    SLEEPS,
    SPINNING_ON,
    SPINS,
    WRITE_BYTE,
    WRITE_WORD,
    WRONG_OUTCOME,
)


class Baton:
    """One lock for the main program and one for each CPU; who may run has just got its own."""

    def __init__(self, cpus: int) -> None:
        """Everybody waits."""
        self._locks = [threading.Lock() for _ in range(cpus + 1)]
        self.is_off = False
        for lock in self._locks:
            lock.acquire()

    def wait(self, this: int) -> None:
        """Wait for this one's turn."""
        self._locks[this - MAIN].acquire()

    def give(self, other: int) -> None:
        """Let another one run; the caller must wait, or end."""
        self._locks[other - MAIN].release()

    def end(self) -> None:
        """Let every CPU run to its end; the power is off."""
        self.is_off = True
        for lock in self._locks[1:]:
            if lock.locked():
                lock.release()


class ControlledCpu(PythonCpu):
    """A CPU of the python engine that runs only in its turns."""

    def __init__(self, ram: Ram, number: int, features: Features, baton: Baton) -> None:
        """Build a CPU as any other, with a point before each access and a note behind it."""
        super().__init__(ram, number, features)
        self._baton = baton
        assert features.choose
        self._choose = features.choose
        self._handle = self._handle_for(ram, features, baton)
        self._note = note_step if features.traced else _no_note

    def _build_accesses(self, features: Features) -> None:
        """Keep the accesses of any other CPU for the ones below, which put a point before them and a note behind them.

        These are methods: a closure would refer to its CPU, and keep RAM (`PythonCpu`).
        """
        self._shadowed = features.kasan or features.unmapped
        self._load, self._load8 = self._reads()
        self._store, self._store8 = self._writes()
        self._cmpxchg, self._change = self._changes()

    def _handle_for(self, ram: Ram, features: Features, baton: Baton) -> Callable[[Cpu, int], None]:
        """What takes interrupts and NMIs."""
        if not features.handled:
            return no_event
        inside = ControlledCpu(ram, self.number, features.inside(), baton)
        return lambda cpu, event: take_chosen(cpu, inside, event, features.interrupt, features.nmi)

    def _point(self, address: int, access: int) -> None:
        """Before an access."""
        if self._baton.is_off:
            self._fault(address, access)
        words, left = self._words, LEFT >> 3
        words[left] = rest = words[left] - 1
        words[self.log + PENDING >> 3] = wrapped(address)
        if rest < 0:
            turns.take_turn_at(self, access, self._choose, self._handle)

    def load(self, address: int) -> int:
        """Load a word."""
        self._point(address, READ_WORD)
        value = self._load(address)
        self._note(self, READ_WORD, address, value, value)
        return value

    def load8(self, address: int) -> int:
        """Load a byte."""
        self._point(address, READ_BYTE)
        value = self._load8(address)
        self._note(self, READ_BYTE, address, value, value)
        return value

    def store(self, address: int, value: int) -> None:
        """Store a word."""
        self._point(address, WRITE_WORD)
        self._store(address, value)
        self._note(self, WRITE_WORD, address, value, value)

    def store8(self, address: int, value: int) -> None:
        """Store a byte."""
        self._point(address, WRITE_BYTE)
        self._store8(address, value)
        self._note(self, WRITE_BYTE, address, value & 0xFF, value & 0xFF)

    def cmpxchg(self, address: int, old: int, new: int) -> int:
        """Compare and exchange a word; what was there."""
        self._point(address, READ_MODIFY_WRITE)
        seen = self._cmpxchg(address, old, new)
        self._note(self, READ_MODIFY_WRITE, address, seen, new if seen == old else seen)
        return seen

    def _replace(self, address: int, value: int, kept: int) -> int:
        """Store `value + kept * (what was there)`; what was there."""
        self._point(address, READ_MODIFY_WRITE)
        seen = self._change(address, value, kept)
        self._note(self, READ_MODIFY_WRITE, address, seen, self.peek(address))
        return seen

    def hand_over(self, this: int, other: int) -> None:
        """Give the baton to another CPU, or the main program, and wait for it; Oops if the power is off."""
        if not self._baton.is_off:
            self._baton.give(other)
            self._baton.wait(this)
        if self._baton.is_off:
            self._fault(BOUND)

    def relax(self, address: int) -> None:
        """Wait until another CPU changes the word."""
        if self._baton.is_off:
            self._fault(address)
        self._words[self.log + SPINNING_ON >> 3] = address = wrapped(address)
        self._words[self.log + SPINS >> 3] += 1
        turns.relax(self, address, self._choose, self._handle)

    def yield_core(self) -> None:
        """Let others go first."""
        turns.take_turn(self, YIELDS, self._choose, self._handle)

    def sleep(self, nanoseconds: int) -> None:
        """Let others go first, for however long."""
        self._words[self.log + SLEEPS >> 3] += 1
        turns.sleep(self, nanoseconds, self._choose, self._handle)

    def clock(self) -> int:
        """The time of a machine under control."""
        return turns.clock(self)

    def fill(self, address: int, size: int, byte: int) -> None:
        """Set memory to one byte; each piece is a step. Of a range that leaves memory nothing is written."""
        must_reach(self, address, size, WRITE_WORD)
        for offset in range(0, size, PIECE_BYTES):
            self._begin_piece(address + offset, word_of(byte))
            super().fill(address + offset, min(PIECE_BYTES, size - offset), byte)

    def fill_unchecked(self, address: int, size: int, byte: int) -> None:
        """Set memory to one byte; each piece is a step."""
        for offset in range(0, size, PIECE_BYTES):
            self._begin_piece(address + offset, word_of(byte))
            super().fill_unchecked(address + offset, min(PIECE_BYTES, size - offset), byte)

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy memory; each piece is a step. Of a range that leaves memory nothing is written."""
        must_reach(self, source, size, READ_WORD)
        must_reach(self, target, size, WRITE_WORD)
        for offset in range(0, size, PIECE_BYTES):
            self._begin_piece(target + offset, 0)
            super().copy(target + offset, source + offset, min(PIECE_BYTES, size - offset))

    def _begin_piece(self, address: int, word: int) -> None:
        """Before a piece of memory that is written; `word` is what is noted of it."""
        self._point(address, WRITE_PIECE)
        self._note(self, WRITE_PIECE, address, word, word)


def word_of(byte: int) -> int:
    """The word whose bytes are all `byte`."""
    return int.from_bytes(bytes((byte & 0xFF,)) * 8, "little", signed=True)


def _no_note(cpu: Cpu, access: int, address: int, old: int, new: int) -> None:
    """Note nothing."""


@attrs.define
class Threads:
    """The CPUs of one machine of the python engine. `run` runs a schedule, and leaves the threads where they stand."""

    operations: Sequence[Operation]
    safepoint: Callable[[Cpu], None]
    features: Features
    conductor: Operation
    _baton: Baton = attrs.field(init=False)
    _threads: list[threading.Thread] = attrs.field(init=False, factory=list)
    _error: BaseException | None = attrs.field(init=False, default=None)

    def run(self, ram: Ram) -> int:
        """Run one schedule on RAM that was made ready for it; why it ended.

        Raises:
            KernelCodeError: for an operation that ended with an error of its own.
            HostError: when the host has no thread for a CPU.
        """
        self._baton, self._error = Baton(len(self.operations)), None
        ram.traces.clear()
        for number in range(len(self.operations)):
            self._start(ram, number)
        self.conductor(ControlledCpu(ram, 0, attrs.evolve(self.features, handled=False, traced=False), self._baton))
        if self._error:
            raise self._error
        return ram.peek(ENDED)

    def _start(self, ram: Ram, number: int) -> None:
        """Start the thread of a CPU, which waits for its first turn."""
        thread = threading.Thread(target=self._play, args=(ram, number), name=f"cpu{number}", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            raise out_of_memory(error, f"no thread for CPU {number} of {len(self.operations)}") from error
        self._threads.append(thread)

    def _play(self, ram: Ram, number: int) -> None:
        """The body of a CPU's thread. An error of its own ends the schedule."""
        share_one_core()
        baton, operation = self._baton, self.operations[number]
        baton.wait(number)
        if baton.is_off:
            return
        try:
            run_program(ControlledCpu(ram, number, self.features, baton), operation, self.safepoint)
        except BrokenKernelCodeError as error:
            outcome = ram.peek(ram.map.log(number) + WRONG_OUTCOME)
            self._error = error if error.__cause__ else error_of_outcome(operation, outcome)
        except BaseException as error:
            self._error = error
        if not baton.is_off:
            baton.give(MAIN)

    def finish(self, ram: Ram) -> None:
        """End the threads of the last schedule. RuntimeError if one does not end."""
        ram.power_off()
        self._baton.end()
        patience = Patience(os.getpid(), JOIN_SECONDS, LONGEST_WAIT_SECONDS, self._alive)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(JOIN_LOOK_SECONDS)
                if thread.is_alive() and (why := patience.spent()):
                    raise RuntimeError(f"{thread.name} did not end after power-off, {why}")
        self._threads.clear()

    def _alive(self) -> list[int]:
        """The native ids of the threads that have not ended."""
        return [thread.native_id or 0 for thread in self._threads if thread.is_alive()]
