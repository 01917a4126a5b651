"""What the tests of kernel, machine and judge share: small machines, CPUs that tell what they do, bounded runs."""

import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import settings

from stress.corpus import Corpus, Module, Region, Symbol
from stress.kernel.list import list_add, list_del
from stress.kernel.stop_machine import cond_resched
from stress.kernel.struct_module import IMAGE_MODULE, LIST, MODULES, NAME
from stress.machine.features import Features
from stress.machine.language.tree import Kind
from stress.machine.loop import BROKEN, begin_operation, faulted
from stress.machine.machine import Machine, Play
from stress.machine.python_engine import PythonCpu, PythonEngine
from stress.machine.ram import Ram, RamMap
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.words import FAULT_ADDRESS, FAULT_CAUSE
from stress.programs.modprobe import SLOT_BYTES, SLOT_IMAGE, SLOTS
from stress.runs.boot import boot_ram, build_world

ENGINES = ("python", pytest.param("native", marks=pytest.mark.native))
"""The parameters of a test that runs on each engine."""
each_engine = pytest.mark.parametrize("engine", ENGINES)
KASAN = Features(kasan=True)
PLAIN = Features(kasan=False)
RUN_SECONDS = 30.0
UNTIL_FOUND = ("-x", "--stress-duration", "30s")
"""Options of a stress item that must find a race: it ends at the first one, however slow the host is."""


T = TypeVar("T")
THOROUGH = os.environ.get("KSTRESS_TEST_THOROUGH") == "1"


def part_of(times: int) -> int:
    """How often something is tried that takes long: a fourth of all times, or all where tests are to be thorough."""
    return times if THOROUGH else -(-times // 4)


def some_of(everything: Sequence[T], start: int = 0) -> Sequence[T]:
    """Those that are tried of what takes long: every fourth from `start` on, or all where tests are to be thorough."""
    return everything if THOROUGH else everything[start::4]


def bounded(examples: int) -> settings:
    """Hypothesis settings of every property test: the same examples each time, none too slow to count."""
    return settings(max_examples=part_of(examples), deadline=None, derandomize=True)


def blank_ram(cpus: int = 1, heap: int = 0x1_0000, data: int = 0x2000) -> Ram:
    """RAM of a machine on which no kernel was booted; its data area, all zeros, is free for a test's own words."""
    return Ram(RamMap(cpus, data_bytes=data, heap_bytes=heap, table_bytes=0x1000))


def python_cpu(ram: Ram, number: int = 0) -> PythonCpu:
    """A CPU of the python engine, with the shadow check, for the calling thread."""
    return PythonCpu(ram, number, KASAN)


class RecordingCpu(PythonCpu):
    """A CPU that remembers its accesses: words stored as (address, value), and the addresses of single bytes."""

    def __init__(self, ram: Ram) -> None:
        """Build CPU 0 of `ram`; `after_store` may be set to look at RAM after each word that is stored."""
        super().__init__(ram, 0, PLAIN)
        self.stores: list[tuple[int, int]] = []
        self.stored_bytes: list[int] = []
        self.loaded_bytes: list[int] = []
        self.after_store: Callable[[], None] = lambda: None
        plain_store, plain_store8, plain_load8 = self.store, self.store8, self.load8

        def store(address: int, value: int) -> None:
            plain_store(address, value)
            self.stores.append((address, value))
            self.after_store()

        def store8(address: int, value: int) -> None:
            plain_store8(address, value)
            self.stored_bytes.append(address)

        def load8(address: int) -> int:
            self.loaded_bytes.append(address)
            return plain_load8(address)

        self.store, self.store8, self.load8 = store, store8, load8


class ScriptedCpu(PythonCpu):
    """A CPU whose every spin calls `on_relax` with the address spun on, so that a test plays the other CPUs."""

    def __init__(self, ram: Ram, on_relax: Callable[[int], None]) -> None:
        """Build CPU 0 of `ram`."""
        super().__init__(ram, 0, PLAIN)
        self.on_relax = on_relax
        self.spins_left = 1000

    def relax(self, address: int) -> None:
        """Let the script go on; a spin that it never ends fails the test."""
        self.spins_left -= 1
        assert self.spins_left > 0, f"spins on {address:#x} for ever"
        self.on_relax(address)


def oops_of(cpu: PythonCpu, operation: Callable[[], object]) -> tuple[int, int]:
    """Run one operation on `cpu` as its loop would; how it faulted, (cause, address), or (0, 0) if it did not."""
    begin_operation(cpu)
    try:
        operation()
    except Exception:
        if faulted(cpu) == BROKEN:
            raise
        return cpu.peek(cpu.log + FAULT_CAUSE), cpu.peek(cpu.log + FAULT_ADDRESS)
    return 0, 0


def string_at(ram: Ram, address: int) -> bytes:
    """The bytes from `address` up to a NUL."""
    return ram.mapping[address : ram.mapping.find(b"\0", address)]


def put_string(ram: Ram, address: int, text: bytes) -> int:
    """Write `text` and a NUL at `address`, and return `address`."""
    ram.write(address, text + b"\0")
    return address


@functools.cache
def program_of(engine: str, operation: Operation, features: Features = KASAN) -> Play:
    """What plays `operation` on a CPU of `engine`, compiled once for all tests."""
    if engine == "python":
        return PythonEngine().program(operation, cond_resched, features)
    from stress.machine.native.engine import NativeEngine

    [play] = NativeEngine().programs([operation], cond_resched, features)
    return play


@functools.cache
def code_of(unit: str) -> bytes:
    """The machine code of a unit, compiled once for all tests: most programs have most units in common."""
    from stress.machine.native import machine_code

    return machine_code.machine_code(unit)


def compiled(function: Callable[..., object], *kinds: Kind) -> Callable[..., int]:
    """A kernel function as machine code; it takes the four numbers of a CPU, and the arguments of kind None."""
    from stress.machine.native import machine_code
    from stress.machine.native.program import Library

    units = Library().program(function, *kinds).units
    entry = machine_code.load(list(map(code_of, units)), words=kinds.count(None))

    def call(base: int, number: int, area: int, log: int, *words: int) -> int:
        value = ctypes.c_int64()
        status = entry(base, number, area, log, ctypes.addressof(value), *words)
        assert status == 0, f"ended with status {status}"
        return value.value

    return call


def cpu_threads() -> set[threading.Thread]:
    """The threads of CPUs that there are in this process; earlier tests may have left some that wait for ever."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("cpu")}


def run_machine(ram: Ram, plays: Sequence[Play], done: Callable[[], bool]) -> Machine:
    """Run a machine until `done()`, power it off and join its CPUs; fails if that takes RUN_SECONDS or a CPU died."""
    machine = Machine(ram, plays)
    machine.boot()
    deadline = time.monotonic() + RUN_SECONDS
    while not done() and not machine.errors and time.monotonic() < deadline:
        time.sleep(0.001)
    finished = done()
    machine.power_off()
    machine.check()
    assert finished, f"the machine did not get there in {RUN_SECONDS:.0f} s"
    return machine


def simple_corpus(modules: int, symbols: int = 3) -> Corpus:
    """Modules `mod0`, `mod1`, ... of a page of text each, with symbols `mod0_sym0`, ... 64 bytes apart."""
    return Corpus("made for a test", 0, (), tuple(simple_module(number, symbols) for number in range(modules)))


def simple_module(number: int, symbols: int = 3) -> Module:
    """Module `number` of a simple corpus: core at 0x100000 * (number + 1), one page of init behind it."""
    base = 0x10_0000 * (number + 1)
    table = tuple(Symbol(base + 64 * i, 64, 1, 2, f"mod{number}_sym{i}") for i in range(symbols))
    return Module(f"mod{number}", Region(base, 0x2000, 0x1000), Region(base + 0x8000, 0x1000, 0x800), table)


def booted(corpus: Corpus, cpus: int = 1) -> Ram:
    """RAM with every module of `corpus` loaded."""
    return boot_ram(build_world(corpus), cpus)


def image_of(ram: Ram, number: int) -> int:
    """Address of the image of the corpus's module `number`."""
    return ram.peek(ram.peek(SLOTS) + number * SLOT_BYTES + SLOT_IMAGE)


def name_in_image(ram: Ram, number: int) -> int:
    """Address of the name of the corpus's module `number`, in its image."""
    return image_of(ram, number) + IMAGE_MODULE + NAME


def loaded_modules(ram: Ram) -> dict[str, int]:
    """Name and address of each module in the list, read without a CPU; its backward links are checked too."""
    found: dict[str, int] = {}
    before, entry = MODULES, ram.peek(MODULES)
    while entry != MODULES:
        assert ram.peek(entry + 8) == before, "a backward link does not fit"
        found[string_at(ram, entry - LIST + NAME).decode()] = entry - LIST
        before, entry = entry, ram.peek(entry)
    return found


@kernel
def link_alone(cpu: Cpu, mod: int) -> None:
    """Link with no protection."""
    list_add(cpu, mod + LIST, MODULES)


@kernel
def unlink_alone(cpu: Cpu, mod: int) -> None:
    """Unlink with no protection."""
    list_del(cpu, mod + LIST)
