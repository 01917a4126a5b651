"""The evidence of a violation: what a CPU keeps of the first of each outcome, on RAM made by hand, on both engines."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.judge.harvest import Slice, harvest
from stress.judge.lookups import TARGET_BYTES, TARGETS
from stress.judge.outcomes import OUTCOMES, Code
from stress.judge.violation import Violation
from stress.kernel.kallsyms import NAMEBUF
from stress.kernel.list import LIST_POISON1, LIST_POISON2
from stress.kernel.struct_module import IMAGE_BYTES, MODULES
from stress.machine import evidence
from stress.machine.blocks import SHADOW_FREED, SLAB_LOCK, STOPS, block_of, label_block
from stress.machine.loop import begin_operation, count_outcome
from stress.machine.operation_notes import note_step
from stress.machine.ram import Ram
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import COPIED, FORBIDDEN, HIT_ADDRESS, OPERATIONS, SUBJECT, WALKED, area_address
from tests.support import (
    ENGINES,
    blank_ram,
    booted,
    bounded,
    image_of,
    loaded_modules,
    name_in_image,
    oops_of,
    python_cpu,
    simple_corpus,
)

from .stepper import INSMOD, KFREE, NESTED, READ, RMMOD, TURNS

EVERYTHING = 0xFFFF_FFFE
MODULE_COUNT = 20
Turn = Callable[..., int]

each_engine = pytest.mark.parametrize("turn", [TURNS[engine] for engine in ENGINES], ids=ENGINES)


def machine(cpus: int = 1) -> Ram:
    """Twenty modules, every outcome but `found` forbidden."""
    ram = booted(simple_corpus(MODULE_COUNT), cpus)
    ram.poke(FORBIDDEN, EVERYTHING & ~(1 << Code.FOUND))
    return ram


def target(ram: Ram, module: int) -> int:
    """The first target of a module."""
    return ram.peek(TARGETS) + module * 3 * TARGET_BYTES


def read(turn: Turn, ram: Ram, module: int) -> Code:
    """Look a module's first symbol up, as a reader does."""
    return Code(turn(ram, READ, target(ram, module), area_address(0) + NAMEBUF))


def reports(ram: Ram) -> dict[str, Violation]:
    """What the slots say, by outcome."""
    found = harvest(Slice(ram, ["made", "other"], OUTCOMES, 0, 0.0), ())
    return {violation.outcome: violation for violation in found}


def list_order(ram: Ram) -> Iterator[int]:
    """The modules in the list's order."""
    entry = ram.peek(MODULES)
    while entry != MODULES:
        yield entry
        entry = ram.peek(entry)


@each_engine
def test_what_is_acceptable_leaves_no_evidence(turn: Turn) -> None:
    ram = machine()
    assert read(turn, ram, 3) == Code.FOUND
    assert reports(ram) == {}


@each_engine
def test_a_read_of_a_freed_module_is_kept_with_its_walk_its_block_and_its_memory(turn: Turn) -> None:
    ram = machine()
    mods, order = loaded_modules(ram), list(list_order(ram))
    ram.poke(STOPS, 7)
    turn(ram, KFREE, mods["mod15"])
    ram.poke(ram.map.log(0) + OPERATIONS, 41)
    assert read(turn, ram, 0) == Code.WILD
    kept = reports(ram)["wild"]
    assert (kept.cpu, kept.operation, kept.stop, kept.in_handler) == (0, 41, 7, False)
    assert [node.address for node in kept.walk[:-1]] == order[: order.index(mods["mod15"]) + 1]
    assert [node.module for node in kept.walk[:-1]] == ["mod19", "mod18", "mod17", "mod16", "mod15"]
    assert [node.state for node in kept.walk] == ["live"] * 4 + ["freed", None]
    assert kept.walk[-1].address == 0x6B6B_6B6B_6B6B_6B6B
    assert kept.hit is not None
    assert kept.fault is not None
    assert kept.block is not None
    assert mods["mod15"] == kept.block.address <= kept.hit.address == kept.focus
    assert (kept.hit.size, kept.hit.write, kept.hit.shadow) == (8, False, 0xFB)
    assert kept.fault.address - 0x6B6B_6B6B_6B6B_6B6B in range(160)
    assert (kept.block.live, kept.block.at_rest, kept.block.allocated.program) == (False, True, "made")
    assert kept.block.freed is not None
    assert (kept.block.allocated.module, kept.block.freed.module, kept.block.freed.stop) == ("mod15", "mod15", 7)
    assert kept.block.allocated.age_s >= kept.block.freed.age_s >= 0
    for row in kept.memory:
        assert row.data == ram.mapping[row.address : row.address + 16]
        assert row.shadow == ram.mapping[row.address >> 3 : (row.address >> 3) + 2]
    assert [row.address - kept.focus // 16 * 16 for row in kept.memory] == [-32, -16, 0, 16, 32]


@each_engine
def test_the_first_of_each_outcome_is_kept_and_the_others_are_not(turn: Turn) -> None:
    ram = machine()
    turn(ram, RMMOD, name_in_image(ram, 3))
    turn(ram, RMMOD, name_in_image(ram, 4))
    assert read(turn, ram, 3) == Code.MISSED
    start, end = ram.map.reports, ram.map.end
    first = ram.mapping[start:end]
    assert read(turn, ram, 4) == Code.MISSED
    assert ram.mapping[start:end] == first
    ram.poke(MODULES, LIST_POISON1)
    assert read(turn, ram, 5) == Code.WILD
    kept = reports(ram)
    assert {name: one.asked and one.asked.name for name, one in kept.items()} == {
        "missed": b"mod3_sym0",
        "wild": b"mod5_sym0",
    }


@each_engine
def test_of_a_long_walk_the_last_nodes_are_kept_and_all_are_counted(turn: Turn) -> None:
    ram = machine()
    turn(ram, RMMOD, name_in_image(ram, 0))
    order = [*list_order(ram), LIST_POISON1]
    ram.poke(order[-2], LIST_POISON1)
    assert read(turn, ram, 0) == Code.WILD
    kept = reports(ram)["wild"]
    assert kept.steps == len(order) == MODULE_COUNT
    assert [node.address for node in kept.walk] == order[-16:]


@each_engine
def test_a_wild_pointer_points_at_the_node_that_the_walk_last_stood_on(turn: Turn) -> None:
    ram = machine()
    mod = loaded_modules(ram)["mod7"]
    ram.poke(mod, LIST_POISON1)
    assert read(turn, ram, 0) == Code.WILD
    kept = reports(ram)["wild"]
    assert kept.hit is None
    assert kept.fault is not None
    assert kept.fault.address - LIST_POISON1 in range(160)
    assert kept.focus == mod
    assert kept.block is not None
    assert (kept.block.address, kept.block.live, kept.block.freed) == (mod, True, None)


@each_engine
def test_a_module_that_took_the_memory_of_another_is_told_with_both(turn: Turn) -> None:
    ram = machine()
    mod = loaded_modules(ram)["mod3"]
    for number in (3, 4):
        turn(ram, RMMOD, name_in_image(ram, number))
    turn(ram, INSMOD, image_of(ram, 3))
    turn(ram, INSMOD, image_of(ram, 4))
    assert loaded_modules(ram)["mod4"] == mod
    ram.poke(mod, LIST_POISON1)
    assert read(turn, ram, 0) == Code.WILD
    block = reports(ram)["wild"].block
    assert block is not None
    assert block.freed is not None
    assert (block.freed.module, block.allocated.module, block.live) == ("mod3", "mod4", True)


@each_engine
def test_an_nmi_that_violates_is_kept_apart_and_leaves_the_interrupted_operation_as_it_was(turn: Turn) -> None:
    ram = machine()
    ram.poke(ram.map.bound - 8, 0)
    ram.mapping[ram.map.bound - 8 >> 3] = SHADOW_FREED
    assert turn(ram, NESTED, target(ram, 2), ram.map.bound - 8) == Code.FREED
    inner, outer = reports(ram)["wild"], reports(ram)["freed"]
    assert (inner.in_handler, outer.in_handler) == (True, False)
    assert inner.asked is not None
    assert outer.asked is not None
    assert (inner.asked.name, outer.asked.name) == (b"mod0_sym0", b"mod2_sym0")
    assert [node.address for node in inner.walk] == [LIST_POISON2, LIST_POISON2 + 1, LIST_POISON2 + 2]
    assert [node.address for node in outer.walk] == [ram.map.bound - 8]
    assert inner.hit is not None
    assert outer.hit is not None
    assert (inner.hit.size, outer.hit.size, outer.hit.address) == (1, 8, ram.map.bound - 8)
    assert inner.fault is not None
    assert outer.fault is None
    if turn is TURNS["python"]:
        assert [inner.hit.stack[0].function, outer.hit.stack[0].function] == ["oopsing_handler", "interrupted"]
        assert "take_nmi" in [frame.function for frame in inner.fault.stack]


def test_notes_of_an_earlier_operation_are_forgotten() -> None:
    ram = machine()
    cpu = python_cpu(ram)
    for note in (HIT_ADDRESS, SUBJECT, COPIED, WALKED):
        ram.poke(cpu.log + note, 8)
    begin_operation(cpu)
    count_outcome(cpu, Code.TORN)
    kept = reports(ram)["torn"]
    assert (kept.hit, kept.fault, kept.asked, kept.copied, kept.answer, kept.walk) == (None,) * 5 + ((),)
    assert (kept.block, kept.memory, kept.focus) == (None, (), None)


@pytest.mark.parametrize("offset", [0, 8, 27, 40, 159])
def test_the_rows_are_those_around_the_address_whatever_its_place_in_a_row(offset: int) -> None:
    ram = machine()
    cpu = python_cpu(ram)
    mod = loaded_modules(ram)["mod4"]
    begin_operation(cpu)
    note_step(cpu, mod + offset, 0)
    count_outcome(cpu, Code.TORN)
    rows = reports(ram)["torn"].memory
    assert [row.address for row in rows] == [mod + offset // 16 * 16 + 16 * step for step in range(-2, 3)]
    assert b"".join(row.data for row in rows) == ram.mapping[rows[0].address : rows[0].address + 80]


def test_each_cpu_keeps_its_own() -> None:
    ram = machine(cpus=2)
    for number in (1, 0):
        cpu = python_cpu(ram, number)
        begin_operation(cpu)
        note_step(cpu, ram.map.heap + number, 0)
        count_outcome(cpu, Code.TORN)
    kept = [slot.address for slot in Slice(ram, ["made", "other"], OUTCOMES, 0, 0.0).slots()]
    assert kept == [ram.map.reports + cpu * evidence.SLOTS_BYTES + Code.TORN * evidence.SLOT_BYTES for cpu in (0, 1)]
    assert reports(ram)["torn"].cpu == 1


def test_a_free_of_what_is_no_block_is_kept_with_its_stack() -> None:
    ram = machine()
    cpu = python_cpu(ram)
    assert oops_of(cpu, lambda: kfree(cpu, LIST_POISON2))[1] == LIST_POISON2
    count_outcome(cpu, Code.WILD)
    fault = reports(ram)["wild"].fault
    assert fault is not None
    assert (fault.address, fault.size, fault.stack[0].function) == (LIST_POISON2, 0, "kfree")


@pytest.mark.parametrize(("held", "at_rest"), [(0, True), (1, False), (2, False)])
def test_a_record_that_is_being_changed_is_kept_all_the_same_but_not_called_at_rest(held: int, at_rest: bool) -> None:
    ram = machine()
    cpu = python_cpu(ram)
    begin_operation(cpu)
    note_step(cpu, loaded_modules(ram)["mod1"], 0)
    ram.poke(SLAB_LOCK, held)
    count_outcome(cpu, Code.TORN)
    block = reports(ram)["torn"].block
    assert block is not None
    assert (block.at_rest, block.allocated.module) == (at_rest, "mod1")


@bounded(60)
@given(st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=12), st.lists(st.integers(-600, 0x1_0000)))
def test_every_address_of_the_heap_lies_in_the_block_that_was_given_there(
    steps: list[tuple[int, bool]], offsets: list[int]
) -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    sizes: dict[int, int] = {}
    for size, free in steps:
        block = kmalloc(cpu, size)
        if block:
            sizes[block] = max(256, 1 << (size - 1).bit_length())
        if block and free:
            kfree(cpu, block)
    for address in (ram.map.heap + offset for offset in offsets):
        expected = [block for block, size in sizes.items() if block <= address < block + size]
        assert [block_of(cpu, address)] == (expected or [0])
    for block, size in sizes.items():
        assert (block_of(cpu, block), block_of(cpu, block + size - 1)) == (block, block)
        assert block_of(cpu, block + size) in {0, block + size}


def test_a_label_stays_past_the_free_until_the_next_one_and_is_gone_with_a_new_allocation() -> None:
    ram = machine()
    cpu = python_cpu(ram)
    mod = loaded_modules(ram)["mod5"]
    label_block(cpu, mod, image_of(ram, 0))
    kfree(cpu, mod)
    assert kmalloc(cpu, ram.peek(image_of(ram, 5) + IMAGE_BYTES)) == mod
    begin_operation(cpu)
    note_step(cpu, mod, 0)
    count_outcome(cpu, Code.TORN)
    block = reports(ram)["torn"].block
    assert block is not None
    assert block.freed is not None
    assert (block.freed.module, block.allocated.module) == ("mod0", None)
    assert block.freed.age_s >= block.allocated.age_s
