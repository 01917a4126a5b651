"""One access from within: value before shadow, one step, power-off; and memory that was unmapped. On both engines."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from stress.machine.features import Features
from stress.machine.language.tree import CpuKind
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.slab import FATE, POISONED, REUSED, TYPE_STABLE, UNMAPPED, first_overwritten, kfree, kmalloc
from stress.machine.words import AFTER_FREE, CAUSE_WILD, COUNTERS, HIT_ADDRESS, OPERATIONS, OUT_OF_BOUNDS, OUTCOMES
from tests.support import KASAN, blank_ram, each_engine, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

UNMAPPING = Features(kasan=True, unmapped=True)
WORD, OCTET = 0x1122_3344_5566_7788, 0x88
GOOD = 5
BLOCK = COUNTERS  # In a CPU's log: the block that an operation works on.


class Meddler:
    """Stands in for a view of RAM: tells of each access, right before a read, and right before and after a write."""

    def __init__(self, view: Any, happen: Callable[[], None]) -> None:
        """Call `happen` at each access of `view`."""
        self.view = view
        self.happen = happen

    def __getitem__(self, index: int) -> int:
        """Read."""
        self.happen()
        value: int = self.view[index]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        """Write."""
        self.happen()
        self.view[index] = value
        self.happen()


class MeddledCpu(PythonCpu):
    """A CPU in the midst of whose accesses another one does something: `meddle` is called at each step with its number.

    A step lies right before or after an access to RAM of which an access under test is made. RAM's lock is another
    CPU's to take meanwhile.
    """

    def __init__(self, ram: Ram, meddle: Callable[[int], None]) -> None:
        """Build CPU 0 of `ram`."""
        self.steps = 0
        self.meddle = meddle
        ram.lock = nullcontext()  # type: ignore[assignment]
        super().__init__(ram, 0, KASAN)

    def _happen(self) -> None:
        self.meddle(self.steps)
        self.steps += 1

    def _build_accesses(self, features: Features) -> None:
        """The accesses, whose views of RAM are meddled with."""
        views = self._words, self._bytes
        self._words = Meddler(self._words, self._happen)  # type: ignore[assignment]
        self._bytes = Meddler(self._bytes, self._happen)  # type: ignore[assignment]
        super()._build_accesses(features)
        self._words, self._bytes = views


ACCESSES: dict[str, Callable[[Cpu, int], object]] = {
    "load": lambda cpu, block: cpu.load(block),
    "load8": lambda cpu, block: cpu.load8(block),
    "store": lambda cpu, block: cpu.store(block, 0),
    "store8": lambda cpu, block: cpu.store8(block, 0),
    "cmpxchg": lambda cpu, block: cpu.cmpxchg(block, WORD, 0),
    "failing-cmpxchg": lambda cpu, block: cpu.cmpxchg(block, 1, 0),
    "xchg": lambda cpu, block: cpu.xchg(block, 0),
    "fetch_add": lambda cpu, block: cpu.fetch_add(block, 1),
}

# What is noticed of a write whose block is freed at a step: 0 at the bound, 1 at the look, 2 between the look and the
# act, 3 and 4 behind it. A store lands in freed memory then, a compare-exchange finds poison there and stores nothing.
# Behind the act the free may be what the write allowed: nothing must be noticed.
BOTH, LOOK, POISON, NOTHING = (True, True), (True, False), (False, True), (False, False)
LATE_FREES = {
    ("store", 0): BOTH,
    ("store", 1): BOTH,
    ("store", 2): POISON,
    ("store", 3): NOTHING,
    ("store8", 0): BOTH,
    ("store8", 1): BOTH,
    ("store8", 2): POISON,
    ("store8", 3): NOTHING,
    ("cmpxchg", 0): LOOK,
    ("cmpxchg", 1): LOOK,
    ("cmpxchg", 2): NOTHING,
    ("cmpxchg", 4): NOTHING,
    ("failing-cmpxchg", 0): LOOK,
    ("failing-cmpxchg", 1): LOOK,
    ("failing-cmpxchg", 2): NOTHING,
    **{(access, at): BOTH for access in ("xchg", "fetch_add") for at in (0, 1)},
    **{(access, at): POISON for access in ("xchg", "fetch_add") for at in (2, 3)},
    **{(access, 4): NOTHING for access in ("xchg", "fetch_add")},
}


def shared_block() -> tuple[Ram, PythonCpu, int]:
    """RAM, the CPU that owns a block in it, and that block, which holds WORD."""
    ram = blank_ram(2)
    other = python_cpu(ram, 1)
    block = kmalloc(other, 64)
    ram.poke(block, WORD)
    return ram, other, block


def is_charged(ram: Ram) -> bool:
    """Whether CPU 0 has noted a bad access."""
    return ram.peek(ram.map.log(0) + HIT_ADDRESS) != 0


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("access", ["load", "load8"])
def test_a_block_freed_in_the_midst_of_a_load_is_never_read_unnoticed(access: str, at: int) -> None:
    ram, other, block = shared_block()
    cpu = MeddledCpu(ram, lambda step: kfree(other, block) if step == at else None)
    value = ACCESSES[access](cpu, block)
    assert is_charged(ram) or value == (WORD if access == "load" else OCTET)


@pytest.mark.parametrize(("access", "at", "noticed"), [(*late, seen) for late, seen in LATE_FREES.items()])
def test_a_block_freed_in_the_midst_of_a_write_is_noticed_by_a_look_before_it_or_by_its_poison_and_never_behind_it(
    access: str, at: int, noticed: tuple[bool, bool]
) -> None:
    ram, other, block = shared_block()
    cpu = MeddledCpu(ram, lambda step: kfree(other, block) if step == at else None)
    ACCESSES[access](cpu, block)
    assert cpu.steps > at
    assert (is_charged(ram), first_overwritten(other, block) == block) == noticed


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
    from stress.machine.native.machine_code import optimised
    from stress.machine.native.program import Library

    return optimised(Library().program(access, CpuKind(KASAN), None).units[0])


def behind(text: str, name: str) -> dict[str, str]:
    """The instructions that the value `name` of the code is made by, and those that made what they take, by name."""
    made = dict(re.findall(r"^\s*(%\S+) = (.*)$", text, re.MULTILINE))
    found, names = {}, [name]
    while names:
        one = names.pop()
        if one in made:
            found[one] = made.pop(one)
            names += re.findall(r'%[\w.$"-]+', found[one])
    return found


def loads(text: str) -> list[str]:
    """The names of all values that come from atomic loads, in the order of the code."""
    return re.findall(r"(%\S+) = load atomic ", text)


@pytest.mark.native
@pytest.mark.parametrize("access", [load_word, load_byte])
def test_native_code_loads_the_value_that_it_returns_before_it_looks_at_the_shadow(
    access: Callable[[Cpu, int], int],
) -> None:
    text = compiled_text(access)
    [returned] = re.findall(r"store i64 (%\S+), .*ptr %pointer\b", text)
    shadow = next(name for name in loads(text) if any("shr" in made for made in behind(text, name).values()))
    [value] = [name for name, made in behind(text, returned).items() if made.startswith("load atomic")]
    assert text.index(f"{value} = load") < text.index(f"{shadow} = load")


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
    return GOOD


@kernel
def write_freed(cpu: Cpu) -> int:
    """Store a byte into a block that was freed."""
    cpu.store8(block_of(cpu) + 8, 1)
    return GOOD


@kernel
def read_redzone(cpu: Cpu) -> int:
    """Load a word behind a block."""
    cpu.load(block_of(cpu) + 64)
    return GOOD


def outcomes_of(engine: str, operation: Operation, features: Features, fate: int) -> set[int]:
    """The outcomes of an operation on a machine whose freed memory has this fate."""
    ram = blank_ram(1)
    ram.poke(FATE, fate)
    run_machine(ram, [program_of(engine, operation, features)], lambda: ram.log_words(OPERATIONS)[0][0] > 3)
    [counts] = ram.log_words(OUTCOMES, 32)
    return {code for code, count in enumerate(counts) if count}


@each_engine
def test_a_store_into_unmapped_memory_faults_too(engine: str) -> None:
    assert outcomes_of(engine, write_freed, UNMAPPING, UNMAPPED) == {CAUSE_WILD}


@each_engine
def test_where_memory_is_unmapped_redzones_are_still_seen_and_can_be_read(engine: str) -> None:
    assert outcomes_of(engine, read_redzone, UNMAPPING, UNMAPPED) == {OUT_OF_BOUNDS}


@each_engine
def test_only_a_cpu_that_can_fault_on_it_does_so_on_unmapped_memory(engine: str) -> None:
    assert outcomes_of(engine, read_freed, KASAN, UNMAPPED) == {AFTER_FREE}


@kernel
def two_bad_accesses(cpu: Cpu) -> int:
    """Touch two words that are not allocated, a redzone first."""
    block = block_of(cpu)
    cpu.load(block + 64)
    cpu.store(block + 8, 0)
    return GOOD


@each_engine
def test_the_first_bad_access_of_an_operation_is_the_one_that_is_noted(engine: str) -> None:
    assert outcomes_of(engine, two_bad_accesses, KASAN, UNMAPPED) == {OUT_OF_BOUNDS}


@kernel
def touch_live(cpu: Cpu) -> int:
    """Touch the last word of a block that is live, and free it."""
    block = kmalloc(cpu, 64)
    cpu.store(block + 56, cpu.load(block + 56))
    kfree(cpu, block)
    return GOOD


@pytest.mark.parametrize("fate", [POISONED, REUSED, UNMAPPED, TYPE_STABLE])
@each_engine
def test_what_is_allocated_can_be_touched(engine: str, fate: int) -> None:
    assert outcomes_of(engine, touch_live, KASAN, fate) == {GOOD}


@pytest.mark.parametrize(
    ("operation", "outcome"), [(read_freed, GOOD), (write_freed, GOOD), (read_redzone, OUT_OF_BOUNDS)]
)
@each_engine
def test_type_stable_memory_can_be_touched_after_its_free_but_not_out_of_bounds(
    engine: str, operation: Operation, outcome: int
) -> None:
    assert outcomes_of(engine, operation, KASAN, TYPE_STABLE) == {outcome}
