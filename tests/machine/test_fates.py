"""What becomes of freed memory: poisoned (see test_slab), handed out again as it is, or unmapped."""

import pytest

from stress.corpus import bundled
from stress.machine.blocks import MIN_SHIFT, SHADOW_FREED, SHADOW_UNMAPPED, SHIFT, record_of
from stress.machine.features import Features
from stress.machine.ram import SHADOW_SHIFT, Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import FATE, LEAST_SHIFT, REUSED, UNMAPPED, kfree, kmalloc
from stress.machine.words import AREAS, CAUSE_WILD, OPERATIONS, OUTCOMES
from stress.runs.boot import boot_ram, build_world
from tests.support import blank_ram, each_engine, loaded_modules, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

MARK = 0x1122334455667788
STALE = AREAS + 0x800


def ram_with(fate: int, least_shift: int = MIN_SHIFT) -> Ram:
    """RAM whose freed memory has this fate."""
    ram = blank_ram()
    ram.poke(FATE, fate)
    ram.poke(LEAST_SHIFT, least_shift)
    return ram


def test_reused_memory_keeps_its_contents_and_goes_to_the_next_taker_of_any_size() -> None:
    ram = ram_with(REUSED, least_shift=12)
    cpu = python_cpu(ram)
    block = kmalloc(cpu, 4000)
    cpu.store(block + 8, MARK)
    kfree(cpu, block)
    assert ram.mapping[block >> SHADOW_SHIFT] == SHADOW_FREED
    assert ram.peek(block + 8) == MARK
    assert kmalloc(cpu, 100) == block
    assert ram.peek(block + 8) == MARK


def test_where_modules_are_reused_at_once_every_module_fits_every_block() -> None:
    ram = boot_ram(build_world(bundled()), 1, "reused")
    cpu = python_cpu(ram)
    assert len({ram.peek(record_of(cpu, mod) + SHIFT) for mod in loaded_modules(ram).values()}) == 1


@kernel
def touch_stale(cpu: Cpu) -> int:
    """Load the word that a stale pointer points to."""
    if cpu.peek(cpu.log + OPERATIONS) == 0:
        cpu.load(cpu.peek(STALE) + 8)
    return 0


def wild_outcomes(ram: Ram) -> int:
    """How many operations of CPU 0 ended in a fault."""
    return ram.log_words(OUTCOMES + CAUSE_WILD * 8)[0][0]


@each_engine
@pytest.mark.parametrize("offset", [0, 8, 96])
def test_touching_unmapped_memory_faults_there(engine: str, offset: int) -> None:
    ram = ram_with(UNMAPPED)
    cpu = python_cpu(ram)
    block = kmalloc(cpu, 104)
    kfree(cpu, block)
    assert ram.mapping[block + offset >> SHADOW_SHIFT] == SHADOW_UNMAPPED
    ram.poke(STALE, block + offset - 8)
    play = program_of(engine, touch_stale, Features(unmapped=True))
    run_machine(ram, [play], lambda: ram.log_words(OPERATIONS)[0][0] > 0)
    assert wild_outcomes(ram) == 1


@each_engine
def test_memory_that_is_mapped_again_can_be_touched(engine: str) -> None:
    ram = ram_with(UNMAPPED)
    cpu = python_cpu(ram)
    kfree(cpu, kmalloc(cpu, 104))
    ram.poke(STALE, kmalloc(cpu, 104))
    play = program_of(engine, touch_stale, Features(unmapped=True))
    run_machine(ram, [play], lambda: ram.log_words(OPERATIONS)[0][0] > 0)
    assert wild_outcomes(ram) == 0
