"""What is looked at once a machine is off: the poison of every block that is still free, by the slab's own code."""

from collections.abc import Iterator

from stress.machine.blocks import FREE_LISTS, MAX_SHIFT, NEXT_FREE, record_of
from stress.machine.evidence import KEPT_AT_POWER_OFF, KEPT_OUTCOME, slot_of
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.slab import FATE, POISONED, check_poison
from stress.machine.words import OVERWRITTEN

INSPECTOR = 0
"""The CPU that is charged with the counting; its program found nothing, and reports do not say that it did."""


def free_blocks(ram: Ram, cpu: PythonCpu) -> Iterator[int]:
    """Every block in the free lists: power-off cuts no kfree short between the poison and the list."""
    for head in range(FREE_LISTS, FREE_LISTS + (MAX_SHIFT + 1) * 8, 8):
        block = ram.peek(head)
        while block:
            yield block
            block = ram.peek(record_of(cpu, block) + NEXT_FREE)


def inspect_free_blocks(ram: Ram) -> None:
    """Count every free block of a machine that is off whose poison is broken, as the slab does when one is taken."""
    if ram.peek(FATE) != POISONED:
        return
    cpu = PythonCpu(ram, INSPECTOR, Features(kasan=False))
    slot = slot_of(cpu, OVERWRITTEN)
    seen_before = ram.peek(slot + KEPT_OUTCOME)
    for block in free_blocks(ram, cpu):
        check_poison(cpu, block)
    if ram.peek(slot + KEPT_OUTCOME) and not seen_before:
        ram.poke(slot + KEPT_AT_POWER_OFF, 1)
