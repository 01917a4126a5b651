"""Stacks: which functions they show, at which lines, and what becomes of them when they are copied."""

import inspect
from pathlib import Path

import pytest

from stress.machine.blocks import ALLOCATED_BY, BY_STACK, FREED_BY, record_of
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.stacks import DEEPEST, Frame, readable
from tests.support import blank_ram, python_cpu

pytestmark = pytest.mark.threads

HERE = "tests/machine/test_stacks.py"


@kernel
def allocate_twice(cpu: Cpu) -> int:
    """Two allocations, on two lines; the second one's block."""
    first = kmalloc(cpu, 100)
    second = kmalloc(cpu, 100)
    kfree(cpu, first)
    return second


@kernel
def recurse(cpu: Cpu, depth: int) -> int:
    """An allocation deep down."""
    return recurse(cpu, depth - 1) if depth else kmalloc(cpu, 100)


def stack_at(ram: Ram, key: int) -> tuple[Frame, ...]:
    """What is remembered for a record's entry."""
    return readable(ram.traces[key + BY_STACK])


def line_of(text: str) -> int:
    """The line of this file that has a text, within `allocate_twice`."""
    lines, start = inspect.getsourcelines(allocate_twice)
    return start + next(number for number, line in enumerate(lines) if text in line)


def test_a_stack_has_the_kernels_functions_with_their_lines_and_nothing_of_the_machines_own() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    second = allocate_twice(cpu)
    first = second - 256
    for key, function, line in (
        (record_of(cpu, first) + ALLOCATED_BY, "kmalloc", "first = kmalloc"),
        (record_of(cpu, second) + ALLOCATED_BY, "kmalloc", "second = kmalloc"),
        (record_of(cpu, first) + FREED_BY, "kfree", "kfree(cpu, first)"),
    ):
        inner, outer = stack_at(ram, key)
        assert (inner.function, inner.file) == (function, "stress/machine/slab.py")
        assert outer == Frame("allocate_twice", HERE, line_of(line))


def test_a_frame_is_told_with_its_file_and_line_which_has_the_call() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    inner, _ = stack_at(ram, record_of(cpu, allocate_twice(cpu)) + ALLOCATED_BY)
    source = Path(inspect.getfile(kmalloc)).read_text().splitlines()
    assert "dress_block(" in source[inner.line - 1]
    assert str(inner) == f"kmalloc (stress/machine/slab.py:{inner.line})"


def test_of_a_deep_stack_the_innermost_are_kept() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    stack = stack_at(ram, record_of(cpu, recurse(cpu, 100)) + ALLOCATED_BY)
    assert [frame.function for frame in stack[:2]] == ["kmalloc", "recurse"]
    assert 2 < len(stack) <= DEEPEST


def test_a_copied_stack_stays_when_the_first_is_overwritten_and_a_copy_of_none_is_none() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    cpu.remember_stack(8)
    cpu.copy_stack(16, 8)
    kept = ram.traces[16]
    kmalloc(cpu, 100)
    cpu.remember_stack(8)
    assert ram.traces[16] is kept
    cpu.copy_stack(16, 24)
    assert ram.stack(16, 0) == ()
