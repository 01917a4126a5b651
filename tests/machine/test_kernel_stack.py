"""Stacks of the python engine: power-off leaves where each CPU was in kernel code, told by its own thread."""

from stress.kernel.spinlock import spin_lock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.kernel_stack import kernel_stack
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.words import SPINS
from tests.support import blank_ram, program_of, run_machine


@kernel
def take_twice(cpu: Cpu) -> int:
    """Hang."""
    spin_lock(cpu, MODLIST_LOCK)
    spin_lock(cpu, MODLIST_LOCK)
    return 1


def spins(ram: Ram) -> bool:
    """Whether CPU 0 has spun."""
    return ram.log_words(SPINS)[0][0] > 0


def test_power_off_leaves_the_kernel_functions_innermost_first() -> None:
    ram = blank_ram(1)
    run_machine(ram, [program_of("python", take_twice)], lambda: spins(ram))
    inner, outer = ram.stacks[0]
    assert inner.startswith("spin_lock (stress/kernel/spinlock.py:")
    assert outer.startswith("take_twice (tests/machine/test_kernel_stack.py:")


def test_before_power_off_there_is_no_stack() -> None:
    ram = blank_ram(1)
    assert ram.stacks == [()]


def test_a_thread_outside_of_kernel_code_has_an_empty_stack() -> None:
    assert kernel_stack() == ()
