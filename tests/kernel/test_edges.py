"""Where writers mark the edges of race windows: around the change of the list, and around the free; nowhere else."""

from stress.kernel.init_tables import drop_init_tables, link_with_init_tables
from stress.kernel.module import free_module, load_module, sys_delete_module, sys_init_module
from stress.kernel.struct_module import LIST
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu
from stress.machine.words import EDGES
from tests.support import (
    KASAN,
    booted,
    image_of,
    link_alone,
    loaded_modules,
    name_in_image,
    simple_corpus,
    unlink_alone,
)


class MarkedCpu(PythonCpu):
    """A CPU that notes how many edges it has passed, since it was made, when memory is freed."""

    def __init__(self, ram: Ram) -> None:
        """Build CPU 0 of `ram`."""
        super().__init__(ram, 0, KASAN)
        self.start = ram.peek(self.log + EDGES)
        self.marks: dict[str, int] = {}

    def mark(self, what: str) -> None:
        """Note that `what` happens now."""
        self.marks[what] = self.passed()

    def passed(self) -> int:
        """How many edges have been passed."""
        return self.peek(self.log + EDGES) - self.start

    def fill_shadow(self, address: int, size: int, byte: int) -> None:
        """The shadow is marked when memory is freed."""
        super().fill_shadow(address, size, byte)
        if byte == 0xFB:
            self.mark("free")


def test_one_edge_comes_before_the_unlink_one_behind_it_one_before_the_free_and_one_behind_it() -> None:
    ram = booted(simple_corpus(4))
    cpu = MarkedCpu(ram)

    def unlink(_: Cpu, mod: int) -> None:
        cpu.mark("unlink begins")
        unlink_alone(cpu, mod)
        cpu.mark("unlink ends")

    free_module(cpu, loaded_modules(ram)["mod1"], unlink)
    assert cpu.marks == {"unlink begins": 1, "unlink ends": 1, "free": 3}
    assert cpu.passed() == 4


def test_one_edge_comes_before_the_link_and_one_behind_it() -> None:
    ram = booted(simple_corpus(4))
    sys_delete_module(PythonCpu(ram, 0, KASAN), name_in_image(ram, 1), unlink_alone)
    cpu = MarkedCpu(ram)

    def link(_: Cpu, mod: int) -> None:
        cpu.mark("link begins")
        link_alone(cpu, mod)
        cpu.mark("link ends")

    assert sys_init_module(cpu, image_of(ram, 1), link) == 0
    assert cpu.marks == {"link begins": 1, "link ends": 1}
    assert cpu.passed() == 2


def test_a_switch_of_symbol_tables_has_edges_as_an_unlink_has() -> None:
    ram = booted(simple_corpus(4))
    plain = PythonCpu(ram, 0, KASAN)
    sys_delete_module(plain, name_in_image(ram, 1), unlink_alone)
    mod = load_module(plain, image_of(ram, 1))
    link_with_init_tables(plain, mod)
    cpu = MarkedCpu(ram)

    def switch(_: Cpu, mod: int) -> None:
        assert mod + LIST in [at + LIST for at in loaded_modules(ram).values()]
        cpu.mark("switch")

    drop_init_tables(cpu, mod, switch)
    assert cpu.marks == {"switch": 1, "free": 3}
    assert cpu.passed() == 4
