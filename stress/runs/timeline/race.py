"""The racing pair: the access that shows the bug, and what another CPU did to its word, or its block, before."""

from collections.abc import Callable, Sequence

import attrs

from stress.judge.violation import Violation
from stress.machine.control.words import READ_MODIFY_WRITE
from stress.machine.words import guard_of
from stress.runs.timeline.names import Names
from stress.runs.timeline.objects import KFREE, Life, Objects
from stress.runs.timeline.shared import WORD, Uses, is_in, writes
from stress.schedule.schedule import Step

Pair = tuple[int, int]
LOADED, FOUND, STORED = range(3)
"""How a CPU has to do with an address; who stores one has it from elsewhere."""
MOST_OFFSET = 0x1000
"""A pointer to an object gives a bad address that is this far from it at most."""
SAFEPOINT = "cond_resched"
OF_STOPS = (SAFEPOINT, "stop_machine", "restart_machine", "stopmachine")


@attrs.frozen
class Race:
    """The racing pair by numbers of its accesses, in their order.

    life: the object that it is about, if any. pointer: the access by which the CPU of the second one came by the
    address of that object, None if it was no access of the trace.
    """

    first: int
    second: int
    life: Life | None
    pointer: int | None = None


def find_race(uses: Uses, objects: Objects, violation: Violation | None) -> Race | None:
    """The pair that shows most: of the access to blame, else of the operation; the last one of all for a stall."""
    ways: list[Callable[[Uses, Objects, Violation], Pair | None]]
    ways = [_of_overwritten, _of_hit, _of_unmapped, _of_fault, _of_warning, _of_operation, _of_focus, _of_earlier]
    if violation:
        pair = next((pair for way in ways if (pair := way(uses, objects, violation))), None)
    else:
        pair = _last_conflict(uses, objects)
    return _with_pointer(uses, objects, *pair) if pair else None


def _with_pointer(uses: Uses, objects: Objects, first: int, second: int) -> Race:
    """The race of a pair: where the pointer was to an object that is gone by now, the free of that is what raced."""
    call = objects.call_of.get(second)
    if call is not None:
        return Race(first, second, call.life, first)
    life = objects.at(uses.trace[second].address, second)
    pointer = _pointer_to(uses, objects, second)
    if life is None or pointer is None:
        return Race(first, second, life, pointer)
    then = objects.at(uses.trace[second].address, pointer)
    if then is not None and then.freed is not None and pointer < then.freed < second:
        return Race(then.freed, second, then, pointer)
    return Race(first, second, life, pointer)


def _pointer_to(uses: Uses, objects: Objects, number: int) -> int | None:
    """The access by which a CPU came, in this operation, by the address of the block that it now accesses.

    It is the last load of it; where none was, the last exchange that found it; else the last one that stored it.
    """
    step, found = uses.trace[number], dict[int, int]()
    block = objects.block_of(step.address)
    for at in range(number - 1, -1, -1):
        other = uses.trace[at]
        if other.cpu == step.cpu and other.operation == step.operation and block:
            # Flags may be in the lowest bits; what points into the block from inside it leads nowhere new.
            if block in (other.old & ~7, other.new & ~7) and objects.block_of(other.address) != block:
                found.setdefault(_way_to(other, block), at)
    return found[min(found)] if found else None


def _way_to(step: Step, block: int) -> int:
    """How an access has to do with the address of a block: LOADED, FOUND in an exchange, or STORED."""
    if step.access < 0 or step.old & ~7 != block:
        return STORED
    return FOUND if step.access == READ_MODIFY_WRITE else LOADED


def _free_before(objects: Objects, address: int, number: int) -> int | None:
    """The number of the access that freed the object at an address before another access; by any CPU."""
    life = objects.at(address, number)
    while life is not None and (life.freed is None or life.freed > number):
        life = life.before
    return life.freed if life else None


def _partner(uses: Uses, objects: Objects, number: int) -> int | None:
    """The last write by another CPU to the word of an access, or the free of its block, before it."""
    step = uses.trace[number]
    found = (at for at, other in uses.before(step.address, number) if other.cpu != step.cpu and writes(other))
    at = next(found, None)
    life = objects.at(step.address, number)
    if at is not None and life is not None and at < life.born:
        return None
    call = objects.call_of.get(at) if at is not None else None
    return call.taken if call and call.taken is not None else at


def _of_hit(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The access to memory that was not allocated, and the free."""
    if violation.hit is None:
        return None
    mine = [
        number
        for number, step in uses.before(violation.hit.address)
        if step.cpu == violation.cpu and step.operation == violation.operation and number not in objects.call_of
    ]
    frees = {number: _free_before(objects, violation.hit.address, number) for number in mine}
    bad = [number for number in mine if frees[number] is not None]
    if not bad:
        return None
    free = frees[bad[-1]] or 0
    return (free, bad[-1]) if violation.hit_freed else None


def _of_fault(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The access that read the pointer which led astray, and the write that it took it from."""
    if violation.fault is None:
        return None
    for number in range(len(uses.trace) - 1, -1, -1):
        step = uses.trace[number]
        if step.cpu == violation.cpu and 0 <= violation.fault.address - step.old % (1 << 64) < MOST_OFFSET:
            partner = _partner(uses, objects, number)
            if partner is None:
                # A CPU can be led astray by what it wrote itself, in a handler that comes between.
                partner = next((at for at, other in uses.before(step.address, number) if writes(other)), None)
            return None if partner is None else (partner, number)
    return None


def _of_unmapped(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """How a CPU came by the address of an object whose memory is gone, and the free: the access itself only faulted."""
    last = len(uses.trace)
    free = _free_before(objects, violation.fault.address, last) if violation.fault else None
    block = objects.block_of(violation.fault.address) if violation.fault else 0
    mine = (at for at in reversed(_operation(uses, violation)) if uses.trace[at].new & ~7 == block)
    pointer = next(mine, None)
    if free is None or pointer is None:
        return None
    return min(free, pointer), max(free, pointer)


def _of_overwritten(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The write into a block that was free, and the free."""
    if violation.overwritten is None:
        return None
    for number, step in uses.before(violation.overwritten.address):
        life = objects.at(step.address, number)
        if writes(step) and number not in objects.call_of and life and life.freed is not None and life.freed < number:
            return life.freed, number
    return None


def _of_warning(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The access after which the kernel warned of a word, and the nearest one of another CPU that conflicts."""
    if violation.warning is None or not violation.warning.stack:
        return None
    warned_in, address = violation.warning.stack[0], violation.warning.address
    looks = (at for at, step in uses.before(address) if step.cpu == violation.cpu and is_in(step, warned_in.function))
    look = next(looks, None)
    if look is None:
        return None
    step = uses.trace[look]
    others = (*uses.before(address, look), *uses.after(address, look))
    found = next((at for at, other in others if other.cpu != step.cpu and (writes(other) or writes(step))), None)
    return None if found is None else (min(found, look), max(found, look))


def _of_operation(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The last access of the operation to a word that another CPU wrote while the operation was under way."""
    mine = _operation(uses, violation)
    for number in reversed(mine):
        step = uses.trace[number]
        is_own = _is_plain(step) and number not in objects.call_of
        if is_own and step.address // WORD * WORD in uses.shared:
            partner = _partner(uses, objects, number)
            if partner is not None and partner > mine[0]:
                return partner, number
    return None


def _of_focus(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The last access of the operation to the block that was looked at, and the last write of another CPU there."""
    block = objects.block_of(violation.focus or (violation.walk[-1].address if violation.walk else 0))
    touched = [at for at, step in enumerate(uses.trace) if block and objects.block_of(step.address) == block]
    mine = frozenset(_operation(uses, violation))
    second = next((at for at in reversed(touched) if at in mine and at not in objects.call_of), None)
    if second is None:
        return None
    cpu = uses.trace[second].cpu
    others = (at for at in reversed(touched) if at < second and uses.trace[at].cpu != cpu and writes(uses.trace[at]))
    first = next(others, None)
    return None if first is None else (first, second)


def _of_earlier(uses: Uses, objects: Objects, violation: Violation) -> Pair | None:
    """The last access of the operation to a word that another CPU had written, at any time."""
    for number in reversed(_operation(uses, violation)):
        step = uses.trace[number]
        is_own = _is_plain(step) and number not in objects.call_of
        if is_own and (partner := _partner(uses, objects, number)) is not None:
            return partner, number
    return None


def _operation(uses: Uses, violation: Violation) -> list[int]:
    """The accesses of the operation that was found wrong."""
    wanted = violation.cpu, violation.operation
    return [at for at, step in enumerate(uses.trace) if (step.cpu, step.operation) == wanted]


def _is_plain(step: Step) -> bool:
    """Whether an access is the program's own, to no lock and not for a stop."""
    return guard_of(step.address) != step.address and not any(frame.function in OF_STOPS for frame in step.stack)


def _last_conflict(uses: Uses, objects: Objects) -> Pair | None:
    """The last two accesses of different CPUs to one word of which one is a write."""
    for number in range(len(uses.trace) - 1, -1, -1):
        step = uses.trace[number]
        if step.address // WORD * WORD in uses.shared and _is_plain(step) and number not in objects.call_of:
            others = (at for at, one in uses.before(step.address, number) if one.cpu != step.cpu and _clash(one, step))
            if (found := next(others, None)) is not None:
                return found, number
    return None


def _clash(one: Step, other: Step) -> bool:
    """Whether one of two accesses is a write."""
    return writes(one) or writes(other)


def story_of(race: Race | None, trace: Sequence[Step], names: Names) -> str:
    """One sentence that says what the pair is."""
    if race is None:
        return "No access of another CPU is known to have led to it: look at what the CPU does that shows it."
    first, second = trace[race.first], trace[race.second]
    if freeing := names.objects.call_of.get(race.second):
        source, gone = names.address(first.address, race.first), names.object(freeing.life) if freeing.life else "it"
        return f"CPU {second.cpu} freed {gone}, whose address CPU {first.cpu} had read from {source}."
    call = names.objects.call_of.get(race.first)
    what = names.accessed(race.second, second, race.life)
    verb = "wrote" if writes(second) else "read"
    if call and call.life:
        done = "freed" if call.function == KFREE else "allocated"
        who = "it" if first.cpu == second.cpu else f"CPU {first.cpu}"
        said = f"CPU {second.cpu} {verb} {what} after {who} had {done} {names.object(call.life)}."
        return f"{said}{_origin(race, trace, names)}"
    other = names.address(first.address, race.first)
    did = "written" if writes(first) else "read"
    where = "it" if first.address // WORD == second.address // WORD else other
    who = "it" if first.cpu == second.cpu else f"CPU {first.cpu}"
    return f"CPU {second.cpu} {verb} {what} after {who} had {did} {where}."


def _origin(race: Race, trace: Sequence[Step], names: Names) -> str:
    """A sentence that says where the pointer came from."""
    if race.pointer is None or race.life is None or _way_to(trace[race.pointer], race.life.block) == STORED:
        return ""
    source = names.address(trace[race.pointer].address, race.pointer)
    return f" It had read its pointer to {names.object(race.life)} from {source} at step {race.pointer + 1}."
