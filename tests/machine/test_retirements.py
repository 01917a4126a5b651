"""What is retired and freed later: who retired it is told of the right life of its block, and a second time refused."""

import pytest

from stress.judge.harvest import Slice, harvest
from stress.judge.outcomes import OUTCOMES, Code
from stress.judge.violation import Violation
from stress.machine.blocks import RETIRED_IN, record_of
from stress.machine.loop import begin_operation, count_outcome
from stress.machine.notes import note_bad_call, note_step
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Oops
from stress.machine.slab import kfree, kmalloc, sign_retirement
from stress.machine.words import (
    BAD_ARGUMENT,
    BAD_FREE,
    DOUBLE_RETIRE,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FORBIDDEN,
    UNENDED_SECTION,
)
from stress.runs.codec import CODEC
from stress.runs.violation_text import report_lines
from tests.support import booted, python_cpu, simple_corpus

SIZE = 3000
"""Bytes of a block that no module has, so that one that was freed is the next that is handed out."""


def machine() -> tuple[Ram, PythonCpu, int]:
    """RAM, a CPU of it, and a block."""
    ram = booted(simple_corpus(4))
    ram.poke(FORBIDDEN, 1 << Code.TORN)
    cpu = python_cpu(ram)
    return ram, cpu, kmalloc(cpu, SIZE)


def live(cpu: PythonCpu, block: int, deeds: str) -> None:
    """Do to a block what the letters say: allocate, retire, free."""
    for deed in deeds:
        if deed == "a":
            assert kmalloc(cpu, SIZE) == block
        else:
            {"r": sign_retirement, "f": kfree}[deed](cpu, block)


def reported(ram: Ram, cpu: PythonCpu, block: int) -> Violation:
    """A violation of an operation that came by a block."""
    begin_operation(cpu)
    note_step(cpu, block, 0)
    count_outcome(cpu, Code.TORN)
    [violation] = harvest(Slice(ram, ["made"], OUTCOMES, 0, 0.0), ())
    return violation


@pytest.mark.parametrize(
    ("deeds", "told"),
    [
        ("", "Allocated"),
        ("r", "Allocated Retired"),
        ("rf", "Allocated Retired Freed"),
        ("f", "Allocated Freed"),
        ("rfa", "Retired Freed Allocated"),
        ("rfar", "Freed Allocated Retired"),
        ("fa", "Freed Allocated"),
        ("rfaf", "Allocated Freed"),
        ("rfafa", "Freed Allocated"),
        ("farf", "Allocated Retired Freed"),
        ("rfarfa", "Retired Freed Allocated"),
    ],
)
def test_what_was_done_to_a_block_is_told_in_the_order_of_time(deeds: str, told: str) -> None:
    ram, cpu, block = machine()
    live(cpu, block, deeds)
    violation = reported(ram, cpu, block)
    lines = report_lines(violation, OUTCOMES, "again")
    assert [line.split()[0] for line in lines if line.startswith(("Allocated", "Retired", "Freed"))] == told.split()
    assert CODEC.structure(CODEC.unstructure(violation), Violation) == violation


def test_json_has_a_retirement_only_where_there_was_one() -> None:
    for deeds in ("f", "rf"):
        ram, cpu, block = machine()
        live(cpu, block, deeds)
        written = CODEC.unstructure(reported(ram, cpu, block))["block"]
        assert ("retired" in written) == ("r" in deeds)


@pytest.mark.parametrize(("before", "kind"), [("r", DOUBLE_RETIRE), ("rfar", DOUBLE_RETIRE), ("rf", BAD_FREE)])
def test_a_second_retirement_and_one_behind_the_free_are_bad_calls(before: str, kind: int) -> None:
    ram, cpu, block = machine()
    live(cpu, block, before)
    with pytest.raises(Oops):
        sign_retirement(cpu, block)
    assert (ram.peek(cpu.log + FAULT_ADDRESS), ram.peek(cpu.log + FAULT_ACCESS)) == (block, kind)


@pytest.mark.parametrize("kind", [BAD_ARGUMENT, UNENDED_SECTION])
def test_what_else_is_refused_behind_a_retired_block_is_not_called_a_second_retirement(kind: int) -> None:
    ram, cpu, block = machine()
    ram.poke(FORBIDDEN, 1 << Code.WILD)
    live(cpu, block, "r")
    begin_operation(cpu)
    note_step(cpu, block, 0)
    note_bad_call(cpu, 7, kind)
    count_outcome(cpu, Code.WILD)
    [violation] = harvest(Slice(ram, ["made"], OUTCOMES, 0, 0.0), ())
    assert violation.block is not None
    assert violation.block.is_retired
    assert violation.bug == ("bad-argument" if kind == BAD_ARGUMENT else "unended-section")
    assert not any("Second retirement" in line for line in report_lines(violation, OUTCOMES, "again"))


def test_a_second_retirement_is_called_one_though_the_block_is_freed_before_the_report_is_made() -> None:
    ram, cpu, block = machine()
    ram.poke(FORBIDDEN, 1 << Code.WILD)
    live(cpu, block, "r")
    begin_operation(cpu)
    with pytest.raises(Oops):
        sign_retirement(cpu, block)
    live(cpu, block, "f")
    count_outcome(cpu, Code.WILD)
    [violation] = harvest(Slice(ram, ["made"], OUTCOMES, 0, 0.0), ())
    lines = report_lines(violation, OUTCOMES, "again")
    assert lines[1].startswith("BUG: kstress: double-retire in ")
    assert lines[2].startswith("Second retirement of 0x")
    assert CODEC.structure(CODEC.unstructure(violation), Violation) == violation


def test_a_refused_block_that_is_retired_is_no_second_retirement() -> None:
    ram, cpu, block = machine()
    ram.poke(FORBIDDEN, 1 << Code.WILD)
    live(cpu, block, "r")
    begin_operation(cpu)
    note_bad_call(cpu, block, BAD_ARGUMENT)
    count_outcome(cpu, Code.WILD)
    [violation] = harvest(Slice(ram, ["made"], OUTCOMES, 0, 0.0), ())
    assert violation.bug == "bad-argument"


def test_a_signature_that_is_half_written_is_not_told() -> None:
    ram, cpu, block = machine()
    live(cpu, block, "rfar")
    ram.poke(record_of(cpu, block) + RETIRED_IN, 0)
    kept = reported(ram, cpu, block).block
    assert kept is not None
    assert kept.retired is None


@pytest.mark.parametrize("changes", [True, False])
def test_a_block_that_is_being_retired_meanwhile_is_not_at_rest(changes: bool) -> None:
    ram, cpu, block = machine()
    copy, word = cpu.copy_unchecked, record_of(cpu, block) + RETIRED_IN

    def while_retired(target: int, source: int, size: int) -> None:
        copy(target, source, size)
        ram.poke(word, ram.peek(word) + changes)

    cpu.copy_unchecked = while_retired  # type: ignore[method-assign]
    kept = reported(ram, cpu, block).block
    assert kept is not None
    assert kept.at_rest != changes
