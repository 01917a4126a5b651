"""One access from within: value before shadow, one step, power-off; and memory that was unmapped. On both engines."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.slab import FATE, UNMAPPED, kfree, kmalloc
from stress.machine.words import CAUSE_WILD, COUNTERS, HIT_ADDRESS, OPERATIONS, OUTCOMES
from tests.support import ENGINES, KASAN, blank_ram, program_of, python_cpu, run_machine

UNMAPPING = Features(kasan=True, unmapped=True)
WORD, OCTET = 0x1122_3344_5566_7788, 0x88
BLOCK = COUNTERS  # In a CPU's log: the block that an operation works on.


class Meddler:
    """Stands in for a view of RAM: tells of each read right before it."""

    def __init__(self, view: Any, happen: Callable[[], None]) -> None:
        """Call `happen` before each read of `view`."""
        self.view = view
        self.happen = happen

    def __getitem__(self, index: int) -> int:
        """Read."""
        self.happen()
        value: int = self.view[index]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        """Write."""
        self.view[index] = value


class MeddledCpu(PythonCpu):
    """A CPU in the midst of whose loads another one frees a block: right before the access to RAM numbered `at`."""

    def __init__(self, ram: Ram, at: int, meddle: Callable[[], None]) -> None:
        """Build CPU 0 of `ram`."""
        self.left = at
        self.meddle = meddle
        super().__init__(ram, 0, KASAN)

    def _happen(self) -> None:
        if self.left == 0:
            self.meddle()
        self.left -= 1

    def _build_loads(self, features: Features) -> None:
        """The loads, whose views of RAM are meddled with."""
        views = self._words, self._bytes
        self._words = Meddler(self._words, self._happen)  # type: ignore[assignment]
        self._bytes = Meddler(self._bytes, self._happen)  # type: ignore[assignment]
        super()._build_loads(features)
        self._words, self._bytes = views


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("access", ["load", "load8"])
def test_a_block_freed_in_the_midst_of_a_load_is_never_read_unnoticed(access: str, at: int) -> None:
    ram = blank_ram(2)
    other = python_cpu(ram, 1)
    block = kmalloc(other, 64)
    ram.poke(block, WORD)
    cpu = MeddledCpu(ram, at, lambda: kfree(other, block))
    value = getattr(cpu, access)(block)
    noticed = ram.peek(cpu.log + HIT_ADDRESS) == block
    assert noticed or value == (WORD if access == "load" else OCTET)


@kernel
def load_word(cpu: Cpu, address: int) -> int:
    """A load."""
    return cpu.load(address)


@kernel
def load_byte(cpu: Cpu, address: int) -> int:
    """A load of a byte."""
    return cpu.load8(address)


def compiled_text(access: Callable[[Cpu, int], int]) -> str:
    """The optimised LLVM code of `access` on a native CPU with the shadow check."""
    numba = pytest.importorskip("numba")
    from stress.machine.native.cpu import make_constructor
    from stress.machine.native.engine import register_kernel_functions
    from stress.machine.native.linking import WholeCompiler

    register_kernel_functions()
    new_cpu = make_constructor(KASAN)

    def enter(base: int, area: int, log: int, address: int) -> int:
        return access(new_cpu(base, 0, area, log), address)

    compiled = numba.njit("int64(int64, int64, int64, int64)", pipeline_class=WholeCompiler)(enter)
    [text] = compiled.inspect_llvm().values()
    return str(text)


def behind(text: str, name: str) -> list[str]:
    """The instructions that the value `name` of the code is made by, and those that made what they take."""
    made = dict(re.findall(r"^\s*(%\S+) = (.*)$", text, re.MULTILINE))
    found, names = [], [name]
    while names:
        instruction = made.pop(names.pop(), "")
        found.append(instruction)
        names += re.findall(r'%[\w.$"-]+', instruction)
    return found


def loads(text: str) -> list[str]:
    """The names of all values that come from atomic loads, in the order of the code."""
    return re.findall(r"(%\S+) = load atomic ", text)


@pytest.mark.parametrize("access", [load_word, load_byte])
def test_native_code_loads_the_value_that_it_returns_before_it_looks_at_the_shadow(
    access: Callable[[Cpu, int], int],
) -> None:
    text = compiled_text(access)
    [returned] = re.findall(r"store i64 (%\S+), .*%retptr\b", text)
    shadow = next(name for name in loads(text) if any("shr" in made for made in behind(text, name)))
    [value] = [made for made in behind(text, returned) if made.startswith("load atomic")]
    assert text.index(value) < text.index(f"{shadow} = load")


class Intruder:
    """A lock that lets another CPU in once more, just before it is had."""

    def __init__(self, intrude: Callable[[], None]) -> None:
        """Call `intrude` when the lock is taken."""
        self.intrude = intrude

    def __enter__(self) -> None:
        """Take it."""
        self.intrude()

    def __exit__(self, *_: object) -> None:
        """Give it back."""


def test_compare_exchange_decides_under_the_rams_lock() -> None:
    ram = blank_ram()
    word = ram.map.data
    ram.lock = Intruder(lambda: ram.poke(word, 7))  # type: ignore[assignment]
    cpu = python_cpu(ram)
    assert cpu.cmpxchg(word, 0, 1) == 7
    assert ram.peek(word) == 7


@kernel
def block_of(cpu: Cpu) -> int:
    """The block of this CPU's log, allocated and freed at the first use."""
    if cpu.peek(cpu.log + BLOCK) == 0:
        block = kmalloc(cpu, 64)
        kfree(cpu, block)
        cpu.poke(cpu.log + BLOCK, block)
    return cpu.peek(cpu.log + BLOCK)


@kernel
def read_freed(cpu: Cpu) -> int:
    """Load a word of a block that was freed."""
    cpu.load(block_of(cpu) + 8)
    return 5


@kernel
def write_freed(cpu: Cpu) -> int:
    """Store a byte into a block that was freed."""
    cpu.store8(block_of(cpu) + 8, 1)
    return 5


@kernel
def read_redzone(cpu: Cpu) -> int:
    """Load a word behind a block; the outcome says whether that was noted."""
    cpu.load(block_of(cpu) + 64)
    return 6 if cpu.peek(cpu.log + HIT_ADDRESS) == 0 else 5


def outcomes_of(engine: str, operation: Operation, features: Features, fate: int) -> set[int]:
    """The outcomes of an operation on a machine whose freed memory has this fate."""
    ram = blank_ram(1)
    ram.poke(FATE, fate)
    run_machine(ram, [program_of(engine, operation, features)], lambda: ram.log_words(OPERATIONS)[0][0] > 3)
    [counts] = ram.log_words(OUTCOMES, 32)
    return {code for code, count in enumerate(counts) if count}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_into_unmapped_memory_faults_too(engine: str) -> None:
    assert outcomes_of(engine, write_freed, UNMAPPING, UNMAPPED) == {CAUSE_WILD}


@pytest.mark.parametrize("engine", ENGINES)
def test_where_memory_is_unmapped_redzones_are_still_seen_and_can_be_read(engine: str) -> None:
    assert outcomes_of(engine, read_redzone, UNMAPPING, UNMAPPED) == {5}


@pytest.mark.parametrize("engine", ENGINES)
def test_only_a_cpu_that_can_fault_on_it_does_so_on_unmapped_memory(engine: str) -> None:
    assert outcomes_of(engine, read_freed, KASAN, UNMAPPED) == {5}


@kernel
def two_bad_accesses(cpu: Cpu) -> int:
    """Touch two freed words; the outcome says whether the first one is the one noted."""
    block = block_of(cpu)
    cpu.load(block + 16)
    cpu.store(block + 8, 0)
    return 5 if cpu.peek(cpu.log + HIT_ADDRESS) == block + 16 else 6


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_bad_access_of_an_operation_is_the_one_that_is_noted(engine: str) -> None:
    assert outcomes_of(engine, two_bad_accesses, KASAN, 0) == {5}
