"""Power-off leaves where each CPU was in kernel code, noted by its own thread."""

import pytest

from stress.kernel.spinlock import spin_lock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.stacks import shown
from stress.machine.words import END_STACK, SPINS
from tests.support import blank_ram, each_engine, program_of, run_machine

pytestmark = pytest.mark.threads


@kernel
def take_twice(cpu: Cpu) -> int:
    """Hang."""
    spin_lock(cpu, MODLIST_LOCK)
    spin_lock(cpu, MODLIST_LOCK)
    return 1


def spins(ram: Ram) -> bool:
    """Whether CPU 0 has spun."""
    return ram.log_words(SPINS)[0][0] > 0


@each_engine
def test_power_off_leaves_the_kernel_functions_innermost_first(engine: str) -> None:
    ram = blank_ram(1)
    run_machine(ram, [program_of(engine, take_twice)], lambda: spins(ram))
    inner, outer = shown(ram.stack(ram.map.log(0) + END_STACK, 0))
    assert inner.startswith("spin_lock (stress/kernel/spinlock.py:")
    assert outer.startswith("take_twice (tests/machine/test_power_off_stack.py:")
