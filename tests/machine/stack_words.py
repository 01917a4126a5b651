"""The words of RAM for call stacks: compiled code stores numbers there, the python engine keeps stacks elsewhere."""

from stress.machine.blocks import ALLOCATED_BY, BY_STACK, FREED_BY, RECORD_BYTES, RETIRED_BY
from stress.machine.evidence import KEPT_NOTES, KEPT_RECORD, KEPT_STACK, SLOT_BYTES, SLOTS_BYTES
from stress.machine.ram import Ram
from stress.machine.words import END_STACK, FAULT_STACK, HIT_STACK, NOTES, NOTES_KEPT, WARNING_STACK


def stack_words(ram: Ram) -> list[int]:
    """The addresses of all words for stacks."""
    log = ram.map.log(0)
    slots = range(ram.map.reports, ram.map.reports + SLOTS_BYTES, SLOT_BYTES)
    records = [*range(ram.map.records, ram.map.tables, RECORD_BYTES), *(slot + KEPT_RECORD for slot in slots)]
    notes = [log + NOTES, log + NOTES_KEPT, *(slot + KEPT_NOTES for slot in slots)]
    found = [note + word - NOTES for note in notes for word in (HIT_STACK, FAULT_STACK, WARNING_STACK)]
    found += [record + by + BY_STACK for record in records for by in (ALLOCATED_BY, RETIRED_BY, FREED_BY)]
    return [*found, *(slot + KEPT_STACK for slot in slots), log + END_STACK]
