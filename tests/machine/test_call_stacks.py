"""Compiled code keeps the same call stacks as the python engine: who allocated, freed, touched, faulted and warned."""

import pytest

from stress.machine.blocks import ALLOCATED_BY, BY_STACK, FREED_BY, record_of
from stress.machine.language.instances import CPU
from stress.machine.loop import run_program, warn
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.stacks import Frame, readable
from stress.machine.words import COUNTERS, FAULT_STACK, HIT_STACK, OPERATIONS, WARNING_STACK
from stress.scenario import Scenario
from stress.scenario_files import catalogue
from tests.support import KASAN, blank_ram, program_of, python_cpu, run_machine

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


def numbers_of(scenario: Scenario) -> list[int]:
    """The numbers of all stacks and errors of a scenario's programs."""
    from stress.machine.native.program import library_for

    found = []
    for program in scenario.deal(4):
        operation = program.under(scenario.protocol)
        stacks = library_for(KASAN).program(run_program, CPU, operation, scenario.protocol.safepoint).stacks
        found.append([number for number, _ in stacks._steps()])
    return max(found, key=len)


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_no_two_stacks_have_one_number(scenario: Scenario) -> None:
    numbers = numbers_of(scenario)
    assert len(numbers) > 100
    assert 0 not in numbers
    assert len(set(numbers)) == len(numbers)


def test_two_stacks_with_one_number_and_stacks_beyond_the_bound_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from stress.machine.native import call_stacks
    from stress.machine.native.program import Library

    def shown() -> list[int]:
        stacks = Library(KASAN).program(through, CPU, None).stacks
        return [len(stacks.stack(number)) for number, _ in stacks._steps()]

    assert shown()[:3] == [1, 1, 2]
    with monkeypatch.context() as bounded:
        bounded.setattr(call_stacks, "MOST_STACKS", 1)
        assert shown()[:3] == [1, 0, 0]
    monkeypatch.setattr(call_stacks, "inner_number", lambda outer, ordinal, leads_to: outer + 1)
    assert set(shown()) == {0}
