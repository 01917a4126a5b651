"""list_add and list_del: the stores of 2.6.11 in their order, and lists that are what a Python list says."""

from hypothesis import given
from hypothesis import strategies as st

from stress.kernel.list import LIST_POISON1, LIST_POISON2, NEXT, PREV, init_list_head, list_add, list_del, list_del_rcu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu
from tests.support import RecordingCpu, blank_ram, bounded, python_cpu

Change = tuple[bool, int]


def entry_at(ram: Ram, number: int) -> int:
    """Address of list entry `number` of a test, 0 for the head."""
    return ram.map.data + 16 * number


def walk(ram: Ram, link: int = NEXT) -> list[int]:
    """The numbers of all entries as met from the head, along `link`."""
    head, numbers = ram.map.data, []
    entry = ram.peek(head + link)
    while entry != head:
        numbers.append((entry - head) // 16)
        entry = ram.peek(entry + link)
    return numbers


def list_of(ram: Ram, cpu: Cpu, entries: int) -> None:
    """Make the list 1, 2, ... `entries`."""
    init_list_head(cpu, entry_at(ram, 0))
    for number in range(entries, 0, -1):
        list_add(cpu, entry_at(ram, number), entry_at(ram, 0))


def test_an_empty_list_points_to_itself_both_ways() -> None:
    ram = blank_ram()
    list_of(ram, python_cpu(ram), 0)
    assert (ram.peek(ram.map.data + NEXT), ram.peek(ram.map.data + PREV)) == (ram.map.data, ram.map.data)


def test_list_add_makes_four_stores_and_publishes_with_the_last() -> None:
    ram = blank_ram()
    cpu = RecordingCpu(ram)
    list_of(ram, cpu, 1)
    head, first, new = (entry_at(ram, number) for number in range(3))
    cpu.stores.clear()
    list_add(cpu, new, head)
    assert cpu.stores == [(first + PREV, new), (new + NEXT, first), (new + PREV, head), (head + NEXT, new)]


def test_list_del_links_the_neighbours_first_and_then_poisons_the_entry() -> None:
    ram = blank_ram()
    cpu = RecordingCpu(ram)
    list_of(ram, cpu, 3)
    _, first, gone, last = (entry_at(ram, number) for number in range(4))
    cpu.stores.clear()
    list_del(cpu, gone)
    assert cpu.stores == [
        (last + PREV, first),
        (first + NEXT, last),
        (gone + NEXT, LIST_POISON1),
        (gone + PREV, LIST_POISON2),
    ]


def test_list_del_rcu_links_the_neighbours_and_leaves_the_entrys_way_on() -> None:
    ram = blank_ram()
    cpu = RecordingCpu(ram)
    list_of(ram, cpu, 3)
    _, first, gone, last = (entry_at(ram, number) for number in range(4))
    cpu.stores.clear()
    list_del_rcu(cpu, gone)
    assert cpu.stores == [(last + PREV, first), (first + NEXT, last), (gone + PREV, LIST_POISON2)]
    assert ram.peek(gone + NEXT) == last


def test_list_poison_has_the_values_of_the_kernel() -> None:
    assert (LIST_POISON1, LIST_POISON2) == (0x0010_0100, 0x0020_0200)


def test_a_reader_between_any_two_stores_walks_the_old_list_or_the_new_one() -> None:
    ram = blank_ram()
    cpu = RecordingCpu(ram)
    list_of(ram, cpu, 2)
    seen: list[list[int]] = []
    cpu.after_store = lambda: seen.append(walk(ram))
    list_add(cpu, entry_at(ram, 3), entry_at(ram, 0))
    list_del(cpu, entry_at(ram, 1))
    assert seen == [[1, 2]] * 3 + [[3, 1, 2]] * 2 + [[3, 2]] * 3


def apply_change(ram: Ram, cpu: Cpu, model: list[int], change: Change, number: int) -> None:
    """Add entry `number` behind the head or an entry, or delete an entry, in RAM and in the model."""
    add, at = change
    if add or not model:
        place = at % (len(model) + 1)
        list_add(cpu, entry_at(ram, number), entry_at(ram, ([0, *model])[place]))
        model.insert(place, number)
        return
    gone = entry_at(ram, model.pop(at % len(model)))
    list_del(cpu, gone)
    assert (ram.peek(gone + NEXT), ram.peek(gone + PREV)) == (LIST_POISON1, LIST_POISON2)


@bounded(100)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=30))
def test_any_changes_give_what_they_give_on_a_python_list(changes: list[Change]) -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    init_list_head(cpu, entry_at(ram, 0))
    model: list[int] = []
    for number, change in enumerate(changes, start=1):
        apply_change(ram, cpu, model, change, number)
        assert walk(ram) == model
        assert walk(ram, PREV) == model[::-1]
