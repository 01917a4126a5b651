"""A protocol: what is made of it calls its functions, is made once, and has a name that stacks show."""

from contextlib import nullcontext

import attrs
import pytest

from stress.kernel.modlist import LOCKED, STOPPED, insmod_under, rmmod_under
from stress.kernel.protocol import must_be_ended
from stress.machine.python_engine import PythonCpu
from stress.machine.seam import KERNEL_FUNCTIONS, Cpu, Oops
from stress.machine.slab import kfree
from stress.machine.words import FAULT_ACCESS, IN_HANDLER, UNENDED_SECTION
from stress.programs.modprobe import modprobe_locked, modprobe_stopped, modprobe_under
from stress.scenario import Program
from tests.support import (
    KASAN,
    blank_ram,
    booted,
    image_of,
    link_alone,
    loaded_modules,
    name_in_image,
    python_cpu,
    simple_corpus,
    unlink_alone,
)

ALONE = LOCKED.but("alone", link=link_alone, unlink=unlink_alone)


def test_the_system_calls_of_a_protocol_link_unlink_and_free_as_it_says() -> None:
    ram, called = booted(simple_corpus(4)), list[tuple[str, int]]()

    def link(cpu: Cpu, mod: int) -> None:
        called.append(("link", mod))
        link_alone(cpu, mod)

    def unlink(cpu: Cpu, mod: int) -> None:
        called.append(("unlink", mod))
        unlink_alone(cpu, mod)

    def free(cpu: Cpu, mod: int) -> None:
        called.append(("free", mod))
        kfree(cpu, mod)

    noted = LOCKED.but("noted", link=link, unlink=unlink, retire=free)
    cpu, mod = PythonCpu(ram, 0, KASAN), loaded_modules(ram)["mod1"]
    assert rmmod_under(noted)(cpu, name_in_image(ram, 1)) == 0
    assert insmod_under(noted)(cpu, image_of(ram, 1)) == 0
    assert called == [("unlink", mod), ("free", mod), ("link", loaded_modules(ram)["mod1"])]


def test_what_is_made_of_a_protocol_is_made_once_and_is_kernel_code() -> None:
    assert modprobe_under(LOCKED) is modprobe_locked
    assert modprobe_under(attrs.evolve(LOCKED)) is modprobe_locked
    assert modprobe_under(STOPPED) is modprobe_stopped
    assert rmmod_under(ALONE) is not rmmod_under(LOCKED)
    assert {modprobe_locked, modprobe_stopped, rmmod_under(ALONE)} <= set(KERNEL_FUNCTIONS)


def test_its_name_is_in_stacks() -> None:
    assert (modprobe_locked.__name__, modprobe_locked.__code__.co_name) == ("modprobe_locked",) * 2
    ram = booted(simple_corpus(4))

    def free(cpu: Cpu, mod: int) -> None:
        raise Oops

    with pytest.raises(Oops) as caught:
        rmmod_under(ALONE.but("failing", retire=free))(PythonCpu(ram, 0, KASAN), name_in_image(ram, 1))
    assert "rmmod_failing" in [entry.name for entry in caught.traceback]


@pytest.mark.parametrize(("word", "in_handler", "refused"), [(64, 0, True), (0, 0, False), (64, 1, False)])
def test_an_operation_must_not_end_in_a_read_section_and_a_handler_may(
    word: int, in_handler: int, refused: bool
) -> None:
    cpu = python_cpu(blank_ram())
    cpu.poke(cpu.log + IN_HANDLER, in_handler)
    with pytest.raises(Oops) if refused else nullcontext():
        must_be_ended(cpu, word)
    assert cpu.peek(cpu.log + FAULT_ACCESS) == (UNENDED_SECTION if refused else 0)


def test_a_program_is_an_operation_or_made_of_the_protocol() -> None:
    assert Program("modprobe", modprobe_under).under(LOCKED) is modprobe_locked
    assert Program("modprobe", modprobe_stopped).under(LOCKED) is modprobe_stopped
