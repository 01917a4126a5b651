"""One object behind a pointer, used as it should be, or retired too early, or twice, or read without an end."""

from collections.abc import Sequence

import attrs

from stress import Outcome, Protocol, Scenario, Struct, Structure, study
from stress.kernel import Cpu, has_contents, kernel, new, static, write_contents
from stress.protocols import EPOCH, PERCPU_REF, QSBR, RCU, SRCU, WHOLE
from stress.scenario import StructureOperation

CONTENTS = 4
KEY = 7
Thing = Struct("thing", contents=CONTENTS)
CURRENT = static("misused_current")
OUT = Outcome.table(
    right=("acceptable", "the object's own contents"),
    none=("acceptable", "there is no object just now"),
    wrong=("forbidden", "contents of something else"),
)


@kernel
def put(cpu: Cpu, p: Protocol) -> None:
    """Publish a new object, if there is memory."""
    thing = new(cpu, Thing)
    if thing != 0:
        write_contents(cpu, thing + Thing.contents, CONTENTS, KEY)
        p.publish(cpu, CURRENT, thing)


@kernel
def take_off(cpu: Cpu, p: Protocol) -> int:
    """Take the object off; it, or 0."""
    p.write_lock(cpu)
    thing = cpu.load(CURRENT)
    p.publish(cpu, CURRENT, 0)
    p.write_unlock(cpu)
    return thing


@kernel
def retire_last(cpu: Cpu, p: Protocol) -> int:
    """The writer as it should be: what is retired was taken off."""
    thing = take_off(cpu, p)
    if thing != 0:
        p.retire(cpu, thing)
    put(cpu, p)
    return 0


@kernel
def retire_first(cpu: Cpu, p: Protocol) -> int:
    """Broken: the grace period may begin before the object is taken off."""
    thing = cpu.load(CURRENT)
    if thing != 0:
        p.retire(cpu, thing)
    p.publish(cpu, CURRENT, 0)
    put(cpu, p)
    return 0


@kernel
def retire_twice(cpu: Cpu, p: Protocol) -> int:
    """Broken: what was retired is retired again."""
    thing = take_off(cpu, p)
    if thing != 0:
        p.retire(cpu, thing)
        p.retire(cpu, thing)
    put(cpu, p)
    return 0


@kernel
def look(cpu: Cpu, p: Protocol) -> int:
    """Look at the object."""
    thing = p.dereference(cpu, CURRENT, 0)
    if thing == 0:
        return OUT.none
    return OUT.right if has_contents(cpu, thing + Thing.contents, CONTENTS, KEY) else OUT.wrong


@kernel
def read(cpu: Cpu, p: Protocol) -> int:
    """The reader: what was read counts only if the protocol says so."""
    p.read_begin(cpu)
    outcome = look(cpu, p)
    return outcome if p.read_end(cpu) else OUT.none


@kernel
def stay(cpu: Cpu, p: Protocol) -> int:
    """Broken: a reader that finds no object does not say that it has ended."""
    p.read_begin(cpu)
    outcome = look(cpu, p)
    if outcome == OUT.none:
        return outcome
    return outcome if p.read_end(cpu) else OUT.none


@kernel
def end_again(cpu: Cpu, p: Protocol) -> int:
    """Broken: a reader ends twice what it began once."""
    outcome = read(cpu, p)
    p.read_end(cpu)
    return outcome


STRUCTURE = Structure("misused", [Thing], put, outcomes=OUT, objects=64)
AFTER_GRACE = (RCU, SRCU, QSBR, EPOCH)
WITH_SECTIONS = (RCU, SRCU, EPOCH, PERCPU_REF)


def under(
    protocols: Sequence[Protocol], writer: StructureOperation, reader: StructureOperation = read, suffix: str = ""
) -> list[Scenario]:
    """The scenarios of a writer and a reader, without the twins that the protocols bring along."""
    made = study(STRUCTURE, readers=reader, writer=writer, held=protocols, suffix=suffix)
    return [one for one in made if one.expect == "held"]


def broken(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Those that are to be caught."""
    return [attrs.evolve(one, expect="violated", twin=None) for one in scenarios]


SCENARIOS = [
    *(attrs.evolve(one, twin=f":{one.name}_twice") for one in under(WHOLE, retire_last)),
    *broken(under(AFTER_GRACE, retire_first, suffix="_first")),
    *broken(under(WHOLE, retire_twice, suffix="_twice")),
    *broken(under(WITH_SECTIONS, retire_last, stay, "_stays")),
    *broken(under(WITH_SECTIONS, retire_last, end_again, "_ends_again")),
]
