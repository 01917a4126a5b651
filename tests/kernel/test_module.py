"""insmod and rmmod: return codes, stops, edges, states and memory, with nothing left locked whatever the outcome."""

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.kernel.kallsyms import NAMEBUF, kallsyms_lookup
from stress.kernel.list import LIST_POISON1
from stress.kernel.modlist import link_stopped, unlink_stopped
from stress.kernel.module import (
    EBUSY,
    EEXIST,
    ENOENT,
    ENOMEM,
    EWOULDBLOCK,
    ListChange,
    load_module,
    sys_delete_module,
    sys_init_module,
)
from stress.kernel.stop_machine import STOPMACHINE_MUTEX
from stress.kernel.struct_module import (
    IMAGE_BYTES,
    INIT_SIZE,
    INIT_TEXT_SIZE,
    LIST,
    MODULE_INIT,
    MODULE_MUTEX,
    MODULE_STATE_COMING,
    MODULE_STATE_GOING,
    MODULE_STATE_LIVE,
    MODULES,
    REFCOUNT,
    STATE,
    STRTAB,
    SYMTAB,
)
from stress.machine.blocks import HEAP_NEXT, STOPS
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu
from stress.machine.slab import kmalloc
from stress.machine.words import EDGES, HIT_ADDRESS, IRQS_DISABLED, PREEMPT_COUNT
from tests.support import (
    booted,
    bounded,
    image_of,
    link_alone,
    loaded_modules,
    name_in_image,
    put_string,
    python_cpu,
    simple_corpus,
    string_at,
    unlink_alone,
)

CHANGES: dict[str, tuple[ListChange, ListChange]] = {
    "alone": (link_alone, unlink_alone),
    "stopped": (link_stopped, unlink_stopped),
}


@attrs.frozen
class Box:
    """A machine of one CPU with modules mod0 to mod3 loaded, and insmod and rmmod by their number."""

    ram: Ram
    cpu: PythonCpu

    def insmod(self, number: int, link: ListChange = link_alone) -> int:
        """sys_init_module of the corpus's module `number`."""
        return sys_init_module(self.cpu, image_of(self.ram, number), link)

    def rmmod(self, number: int, unlink: ListChange = unlink_alone) -> int:
        """sys_delete_module of the corpus's module `number`."""
        return sys_delete_module(self.cpu, name_in_image(self.ram, number), unlink)

    def mod(self, number: int) -> int:
        """Where module `number` is loaded."""
        return loaded_modules(self.ram)[f"mod{number}"]

    def tally(self) -> tuple[int, int]:
        """Stops and edges so far."""
        return self.ram.peek(STOPS), self.ram.peek(self.cpu.log + EDGES)

    def counted(self, change: Callable[[], int]) -> tuple[int, int, int]:
        """What `change` returns and how many stops and edges it passes; nothing may be left locked by it."""
        stops, edges = self.tally()
        result = change()
        held = [self.ram.peek(lock) for lock in (MODULE_MUTEX, STOPMACHINE_MUTEX)]
        registers = [self.ram.peek(self.cpu.area + word) for word in (PREEMPT_COUNT, IRQS_DISABLED)]
        assert held + registers == [0, 0, 0, 0]
        return result, self.tally()[0] - stops, self.tally()[1] - edges


@pytest.fixture
def box() -> Box:
    """A machine with four modules loaded."""
    ram = booted(simple_corpus(4))
    return Box(ram, python_cpu(ram))


def test_boot_loads_every_module_the_last_one_first_in_the_list(box: Box) -> None:
    assert list(loaded_modules(box.ram)) == ["mod3", "mod2", "mod1", "mod0"]


@pytest.mark.parametrize(("change", "stops", "edges"), [("alone", 1, 4), ("stopped", 2, 5)])
def test_rmmod_stops_for_the_state_and_once_more_if_unlink_does_and_passes_four_edges_one_more_inside_a_stop(
    box: Box, change: str, stops: int, edges: int
) -> None:
    assert box.counted(lambda: box.rmmod(1, CHANGES[change][1])) == (0, stops, edges)
    assert list(loaded_modules(box.ram)) == ["mod3", "mod2", "mod0"]


@pytest.mark.parametrize(("change", "stops", "edges"), [("alone", 0, 2), ("stopped", 1, 3)])
def test_insmod_stops_only_if_link_does_and_passes_two_edges_one_more_inside_a_stop(
    box: Box, change: str, stops: int, edges: int
) -> None:
    box.rmmod(1)
    assert box.counted(lambda: box.insmod(1, CHANGES[change][0])) == (0, stops, edges)
    assert list(loaded_modules(box.ram)) == ["mod1", "mod3", "mod2", "mod0"]


def test_insmod_of_a_loaded_module_is_eexist_and_takes_no_memory(box: Box) -> None:
    before, heap = loaded_modules(box.ram), box.ram.peek(HEAP_NEXT)
    assert box.counted(lambda: box.insmod(2)) == (-EEXIST, 0, 0)
    assert (loaded_modules(box.ram), box.ram.peek(HEAP_NEXT)) == (before, heap)


def test_insmod_without_memory_is_enomem_and_lists_nothing(box: Box) -> None:
    box.rmmod(1)
    while kmalloc(box.cpu, box.ram.peek(image_of(box.ram, 1) + IMAGE_BYTES)) != 0:
        pass
    assert box.counted(lambda: box.insmod(1)) == (-ENOMEM, 0, 0)
    assert "mod1" not in loaded_modules(box.ram)


def test_rmmod_of_an_unknown_name_is_enoent_as_is_a_second_rmmod(box: Box) -> None:
    name = put_string(box.ram, box.cpu.area + NAMEBUF, b"mod")
    assert box.counted(lambda: sys_delete_module(box.cpu, name, unlink_alone)) == (-ENOENT, 0, 0)
    box.rmmod(0)
    assert box.counted(lambda: box.rmmod(0)) == (-ENOENT, 0, 0)


@pytest.mark.parametrize("state", [MODULE_STATE_COMING, MODULE_STATE_GOING])
def test_rmmod_of_a_module_that_is_not_live_is_ebusy_and_changes_nothing(box: Box, state: int) -> None:
    before = loaded_modules(box.ram)
    box.ram.poke(box.mod(1) + STATE, state)
    assert box.counted(lambda: box.rmmod(1)) == (-EBUSY, 0, 0)
    assert loaded_modules(box.ram) == before
    assert box.ram.peek(box.mod(1) + STATE) == state


def test_rmmod_of_a_module_in_use_is_ewouldblock_after_one_stop_and_leaves_it_live(box: Box) -> None:
    before = loaded_modules(box.ram)
    box.ram.poke(box.mod(1) + REFCOUNT, 1)
    assert box.counted(lambda: box.rmmod(1)) == (-EWOULDBLOCK, 1, 0)
    assert loaded_modules(box.ram) == before
    assert box.ram.peek(box.mod(1) + STATE) == MODULE_STATE_LIVE
    box.ram.poke(box.mod(1) + REFCOUNT, 0)
    assert box.rmmod(1) == 0


def test_the_error_numbers_are_those_of_linux() -> None:
    assert (ENOENT, EWOULDBLOCK, ENOMEM, EBUSY, EEXIST) == (2, 11, 12, 16, 17)


def test_a_module_is_coming_when_it_is_linked_live_afterwards_and_going_when_it_is_unlinked(box: Box) -> None:
    states: list[int] = []

    def link(cpu: Cpu, mod: int) -> None:
        states.append(cpu.peek(mod + STATE))
        link_alone(cpu, mod)

    def unlink(cpu: Cpu, mod: int) -> None:
        states.append(cpu.peek(mod + STATE))
        unlink_alone(cpu, mod)

    box.rmmod(1, unlink)
    box.insmod(1, link)
    states.append(box.ram.peek(box.mod(1) + STATE))
    assert states == [MODULE_STATE_GOING, MODULE_STATE_COMING, MODULE_STATE_LIVE]


def test_the_list_changes_only_between_the_first_and_the_last_edge_and_before_the_free(box: Box) -> None:
    passed: list[int] = []

    def unlink(cpu: Cpu, mod: int) -> None:
        passed.append(cpu.peek(cpu.log + EDGES))
        assert cpu.peek(mod + REFCOUNT) == 0, "not poisoned yet"
        unlink_alone(cpu, mod)

    _, before = box.tally()
    box.rmmod(1, unlink)
    assert passed == [before + 1]


def test_load_module_copies_the_image_and_makes_its_pointers_absolute(box: Box) -> None:
    box.rmmod(1)
    image = image_of(box.ram, 1)
    mod = load_module(box.cpu, image)
    size = box.ram.peek(image)
    packed, copy = (bytearray(box.ram.mapping[at : at + size]) for at in (image + 8, mod))
    assert [box.ram.peek(mod + word) - mod for word in (SYMTAB, STRTAB)] == [
        box.ram.peek(image + 8 + word) for word in (SYMTAB, STRTAB)
    ]
    for block in (packed, copy):
        block[STATE : STATE + 8] = block[SYMTAB : SYMTAB + 8] = block[STRTAB : STRTAB + 8] = bytes(8)
    assert copy == packed
    assert string_at(box.ram, box.ram.peek(mod + STRTAB) + 1) == b"mod1_sym0"


def test_the_init_range_is_known_while_a_module_comes_and_zero_when_it_is_live(box: Box) -> None:
    words: list[list[int]] = []

    def link(cpu: Cpu, mod: int) -> None:
        words.append([cpu.peek(mod + word) for word in (MODULE_INIT, INIT_SIZE, INIT_TEXT_SIZE)])
        link_alone(cpu, mod)

    box.rmmod(1)
    box.insmod(1, link)
    mod = box.mod(1)
    init = simple_corpus(4).modules[1].init
    assert words == [[init.base, init.size, init.text_size]]
    assert [box.ram.peek(mod + word) for word in (MODULE_INIT, INIT_SIZE, INIT_TEXT_SIZE)] == [0, 0, 0]


def test_what_is_unloaded_is_poisoned_and_its_memory_goes_to_the_next_module_loaded(box: Box) -> None:
    first, second = box.mod(0), box.mod(2)
    box.rmmod(0)
    box.rmmod(2)
    assert box.ram.mapping[second + STATE : second + STATE + 8] == b"k" * 8
    box.insmod(0)
    assert box.mod(0) == second
    box.insmod(2)
    assert box.mod(2) == first


def test_unlink_leaves_list_poison_in_the_entry_until_the_free(box: Box) -> None:
    left: list[int] = []

    def unlink(cpu: Cpu, mod: int) -> None:
        unlink_alone(cpu, mod)
        left.append(cpu.peek(mod + LIST))

    box.rmmod(3, unlink)
    assert left == [LIST_POISON1]
    assert box.ram.peek(MODULES) == box.mod(2) + LIST


def assert_lookups_fit(box: Box, loaded: set[int]) -> None:
    """Every loaded module's symbols are found from live memory, all others are not."""
    buffer = box.cpu.area + NAMEBUF
    for number, module in enumerate(simple_corpus(4).modules):
        for symbol in module.symbols:
            assert kallsyms_lookup(box.cpu, symbol.value, buffer) == (number in loaded)
            assert string_at(box.ram, buffer).decode() == (symbol.name if number in loaded else "")


@pytest.mark.parametrize("change", ["alone", "stopped"])
@bounded(25)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=16))
def test_any_loads_and_unloads_give_what_they_give_on_a_set(change: str, steps: list[tuple[bool, int]]) -> None:
    link, unlink = CHANGES[change]
    ram = booted(simple_corpus(4))
    box = Box(ram, python_cpu(ram))
    model = {0, 1, 2, 3}
    for load, number in steps:
        if load:
            assert box.insmod(number, link) == (-EEXIST if number in model else 0)
            model.add(number)
        else:
            assert box.rmmod(number, unlink) == (0 if number in model else -ENOENT)
            model.discard(number)
        assert set(loaded_modules(ram)) == {f"mod{n}" for n in model}
        assert_lookups_fit(box, model)
    assert ram.peek(box.cpu.log + HIT_ADDRESS) == 0
