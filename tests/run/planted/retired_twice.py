"""One object behind a pointer, whose writer retires it once, or twice, after it was taken off."""

import attrs

from stress import Outcome, Protocol, Struct, Structure, study
from stress.kernel import Cpu, has_contents, kernel, new, static, write_contents
from stress.protocols import WHOLE

CONTENTS = 4
KEY = 7
Thing = Struct("thing", contents=CONTENTS)
CURRENT = static("retired_twice_current")
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
def retire_once(cpu: Cpu, p: Protocol) -> int:
    """The writer as it should be."""
    thing = take_off(cpu, p)
    if thing != 0:
        p.retire(cpu, thing)
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
def read(cpu: Cpu, p: Protocol) -> int:
    """The reader: what was read counts only if the protocol says so."""
    p.read_begin(cpu)
    thing = p.dereference(cpu, CURRENT, 0)
    outcome = OUT.none
    if thing != 0:
        outcome = OUT.right if has_contents(cpu, thing + Thing.contents, CONTENTS, KEY) else OUT.wrong
    return outcome if p.read_end(cpu) else OUT.none


STRUCTURE = Structure("retired_twice", [Thing], put, outcomes=OUT, objects=64)
TWICE = [
    attrs.evolve(one, expect="violated", twin=None)
    for one in study(STRUCTURE, readers=read, writer=retire_twice, held=WHOLE, suffix="_twice")
    if one.expect == "held"
]
ONCE = [
    attrs.evolve(one, twin=f":{one.name}_twice")
    for one in study(STRUCTURE, readers=read, writer=retire_once, held=WHOLE)
    if one.expect == "held"
]
SCENARIOS = [*ONCE, *TWICE]
