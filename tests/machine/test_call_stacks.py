"""Compiled code keeps the same call stacks as the python engine: who allocated, freed, touched, faulted and warned."""

import pytest

from stress.machine.blocks import ALLOCATED_BY, BY_STACK, FREED_BY, record_of
from stress.machine.loop import warn
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.stacks import Frame, readable
from stress.machine.words import COUNTERS, FAULT_STACK, HIT_STACK, OPERATIONS, WARNING_STACK
from tests.support import blank_ram, program_of, python_cpu, run_machine

pytestmark = [pytest.mark.native, pytest.mark.threads]

HERE = "tests/machine/test_call_stacks.py"


@kernel
def free(cpu: Cpu, block: int) -> None:
    """Free a block, from another depth."""
    kfree(cpu, block)


@kernel
def touch(cpu: Cpu, address: int) -> int:
    """Load a word."""
    return cpu.load(address)


@kernel
def through(cpu: Cpu, address: int) -> int:
    """Load a word, one call deeper than `touch`; and on another line."""
    if address == 0:
        touch(cpu, address)
    return touch(cpu, address)


@kernel
def offend(cpu: Cpu) -> int:
    """In the first operation alone: warn, touch what was freed, then follow a bad pointer."""
    if cpu.peek(cpu.log + OPERATIONS) != 0:
        return 0
    kept = kmalloc(cpu, 64)
    block = kmalloc(cpu, 64)
    cpu.poke(cpu.log + COUNTERS, kept)
    cpu.poke(cpu.log + COUNTERS + 8, block)
    free(cpu, block)
    warn(cpu, 5, block)
    touch(cpu, kept)
    through(cpu, block)
    return touch(cpu, 8)


def stacks(engine: str) -> dict[str, tuple[Frame, ...]]:
    """What one operation of `offend` leaves behind, when nothing has forgotten it yet."""
    ram = blank_ram(1)
    run_machine(ram, [program_of(engine, offend)], lambda: ram.log_words(OPERATIONS)[0][0] > 0)
    cpu, log = python_cpu(ram), ram.map.log(0)
    kept, block = (record_of(cpu, ram.peek(log + COUNTERS + at)) for at in (0, 8))
    words = {
        "kept": kept + ALLOCATED_BY + BY_STACK,
        "allocated": block + ALLOCATED_BY + BY_STACK,
        "freed": block + FREED_BY + BY_STACK,
        "hit": log + HIT_STACK,
        "warning": log + WARNING_STACK,
        "fault": log + FAULT_STACK,
    }
    return {name: readable(ram.stack(word, 0)) for name, word in words.items()}


def test_both_engines_keep_the_same_stacks() -> None:
    native = stacks("native")
    assert native == stacks("python")
    assert [frame.function for frame in native["freed"]] == ["kfree", "free", "offend"]
    assert [frame.function for frame in native["hit"]] == ["touch", "through", "offend"]
    assert [frame.function for frame in native["fault"]] == ["touch", "offend"]
    assert native["kept"][-1].line + 1 == native["allocated"][-1].line
    assert {frame.file for frame in native["hit"]} == {HERE}
