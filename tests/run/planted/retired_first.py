"""One object behind a pointer, whose writer retires it before, or after, it takes it off."""

import attrs

from stress import Outcome, Protocol, Struct, Structure, study
from stress.kernel import Cpu, has_contents, kernel, new, static, write_contents
from stress.protocols import EPOCH, QSBR, RCU, SRCU

CONTENTS = 4
KEY = 7
Thing = Struct("thing", contents=CONTENTS)
CURRENT = static("retired_first_current")
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
def retire_last(cpu: Cpu, p: Protocol) -> int:
    """The writer as it should be: what is retired was taken off."""
    thing = cpu.load(CURRENT)
    p.publish(cpu, CURRENT, 0)
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


STRUCTURE = Structure("retired_first", [Thing], put, outcomes=OUT, objects=64)
PROTOCOLS = (RCU, SRCU, QSBR, EPOCH)
BROKEN = [
    attrs.evolve(one, expect="violated", twin=None)
    for one in study(STRUCTURE, readers=read, writer=retire_first, held=PROTOCOLS, suffix="_retired_first")
    if one.expect == "held"
]
WHOLE = [
    attrs.evolve(one, twin=f":{one.name}_retired_first")
    for one in study(STRUCTURE, readers=read, writer=retire_last, held=PROTOCOLS)
    if one.expect == "held"
]
SCENARIOS = [*WHOLE, *BROKEN]
