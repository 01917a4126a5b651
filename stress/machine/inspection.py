"""The check of a machine that is off: the poison of every block that is still free, by the slab's own code."""

from collections.abc import Iterator

from stress.machine.blocks import FREE_LISTS, MAX_SHIFT, NEXT_FREE, record_of
from stress.machine.evidence import KEPT_AT_POWER_OFF, KEPT_OUTCOME, slot_of
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.slab import FATE, POISONED, check_poison
from stress.machine.words import OVERWRITTEN

INSPECTOR = 0
"""The CPU in whose log these findings are counted. Its program did not find them; `KEPT_AT_POWER_OFF` says so."""


def free_blocks(ram: Ram, cpu: PythonCpu) -> Iterator[int]:
    """Every block in the free lists.

    None is missed: no access of kfree between the poison and the list is checked, so power-off cannot end it there.
    """
    for head in range(FREE_LISTS, FREE_LISTS + (MAX_SHIFT + 1) * 8, 8):
        block = ram.peek(head)
        while block:
            yield block
            block = ram.peek(record_of(cpu, block) + NEXT_FREE)


def inspect_free_blocks(ram: Ram) -> None:
    """Count every free block whose poison is broken, as the slab does when it hands a block out. The machine is off."""
    if ram.peek(FATE) != POISONED:
        return
    cpu = PythonCpu(ram, INSPECTOR, Features(kasan=False))
    slot = slot_of(cpu, OVERWRITTEN)
    seen_before = ram.peek(slot + KEPT_OUTCOME)
    for block in free_blocks(ram, cpu):
        check_poison(cpu, block)
    if ram.peek(slot + KEPT_OUTCOME) and not seen_before:
        ram.poke(slot + KEPT_AT_POWER_OFF, 1)
