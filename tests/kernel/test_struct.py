"""Structures of a scenario's own: fields and their names, objects, notes, what readers aim at, walks without an end."""

import pytest

from stress.kernel import Oops, aim, aimed, new, note, walk_on
from stress.kernel.module import LOADS
from stress.kernel.struct import LONGEST_WALK, Struct
from stress.machine.blocks import label_of
from stress.machine.features import Features
from stress.machine.notes import name_of_value
from stress.machine.python_engine import PythonCpu
from stress.machine.words import CAUSE_ENDLESS, FAULT_CAUSE, NOTED, RANDOM, VALUES, WALKED, WRITERS
from tests.support import blank_ram

Rule = Struct("rule", next="pointer", ports=3, check="word")


def cpu_of(cpus: int = 1, heap: int = 0x1000) -> PythonCpu:
    """CPU 0 of a blank machine, whose generator is seeded."""
    cpu = PythonCpu(blank_ram(cpus, heap), 0, Features())
    cpu.poke(cpu.log + RANDOM, 1)
    return cpu


def test_fields_follow_each_other_behind_the_count_of_references() -> None:
    assert (Rule.refs, Rule.next, Rule.ports, Rule.check, Rule.SIZE) == (0, 8, 16, 40, 48)
    named = [Rule.field_at(offset) for offset in (0, 8, 15, 16, 24, 39, 40, 47, 48, -1)]
    assert named == ["refs", "next", "next", "ports", "ports[1]", "ports[2]", "check", "check", None, None]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"next": "text"}, "rule.next is 'text'; give 'word', 'pointer' or a number of words"),
        ({"next": 0}, "rule.next is 0; give 'word', 'pointer' or a number of words"),
        ({"next": True}, "rule.next is True; give 'word', 'pointer' or a number of words"),
        ({"refs": "word"}, "rule cannot have a field 'refs'; use lower case, and not 'refs'"),
        ({"SIZE": "word"}, "rule cannot have a field 'SIZE'; use lower case, and not 'refs'"),
    ],
)
def test_a_field_that_cannot_be_is_refused(fields: dict[str, str | int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Struct("rule", **fields)
    with pytest.raises(AttributeError, match="a rule has no field nxt"):
        _ = Rule.nxt


def test_a_new_object_has_one_reference_and_its_kind_until_memory_is_short() -> None:
    cpu = cpu_of()
    made = [new(cpu, Rule) for _ in range(17)]
    assert made[-1] == 0
    assert len(set(made)) == 17
    assert {label_of(cpu, block) for block in made[:-1]} == {Rule.LABEL}
    assert [cpu.load(block + Rule.refs) for block in made[:-1]] == [1] * 16
    assert cpu.peek(cpu.log + LOADS) == 16


def test_the_last_four_values_are_noted_with_their_names() -> None:
    cpu = cpu_of()
    for value in range(6):
        note(cpu, f"value{value}", -value)
    assert cpu.peek(cpu.log + NOTED) == 6
    kept = [(cpu.peek(cpu.log + VALUES + at * 16), cpu.peek(cpu.log + VALUES + at * 16 + 8)) for at in range(4)]
    assert [(name_of_value(number), value) for number, value in kept] == [
        ("value4", -4), ("value5", -5), ("value2", -2), ("value3", -3),
    ]  # fmt: skip
    assert name_of_value(7) == "0x7"


def test_half_of_the_reads_aim_where_the_writer_does() -> None:
    cpu = cpu_of()
    cpu.poke(WRITERS, 1)
    before = [aimed(cpu, 100) for _ in range(400)]
    assert set(before) <= set(range(100))
    assert before.count(7) < 40
    aim(cpu, 7)
    after = [aimed(cpu, 100) for _ in range(400)]
    assert 120 < after.count(7) < 280
    aim(cpu, 0)
    assert [aimed(cpu, 100) for _ in range(400)].count(0) > 120


def test_a_walk_without_an_end_is_a_fault_with_a_cause() -> None:
    cpu = cpu_of()
    assert walk_on(cpu, 0x100, 0) == 1
    assert walk_on(cpu, 0x200, 1) == 2
    assert cpu.peek(cpu.log + WALKED) == 2
    with pytest.raises(Oops):
        walk_on(cpu, 0x300, LONGEST_WALK + 1)
    assert cpu.peek(cpu.log + FAULT_CAUSE) == CAUSE_ENDLESS
