"""One object behind a pointer, whose writer retires it before it takes it off, or twice, or as it should."""

from collections.abc import Sequence

import attrs

from stress import Outcome, Protocol, Scenario, Struct, Structure, study
from stress.kernel import Cpu, has_contents, kernel, new, static, write_contents
from stress.protocols import EPOCH, QSBR, RCU, SRCU, WHOLE
from stress.scenario import StructureOperation

CONTENTS = 4
KEY = 7
Thing = Struct("thing", contents=CONTENTS)
CURRENT = static("retired_wrong_current")
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


STRUCTURE = Structure("retired_wrong", [Thing], put, outcomes=OUT, objects=64)
AFTER_GRACE = (RCU, SRCU, QSBR, EPOCH)


def written(writer: StructureOperation, protocols: Sequence[Protocol], suffix: str = "") -> list[Scenario]:
    """The scenarios of a writer, without the twins that its protocols bring along."""
    made = study(STRUCTURE, readers=read, writer=writer, held=protocols, suffix=suffix)
    return [one for one in made if one.expect == "held"]


def broken(writer: StructureOperation, protocols: Sequence[Protocol], suffix: str) -> list[Scenario]:
    """Those of a writer that is to be caught."""
    return [attrs.evolve(one, expect="violated", twin=None) for one in written(writer, protocols, suffix)]


SCENARIOS = [
    *(attrs.evolve(one, twin=f":{one.name}_twice") for one in written(retire_last, WHOLE)),
    *broken(retire_first, AFTER_GRACE, "_first"),
    *broken(retire_twice, WHOLE, "_twice"),
]
