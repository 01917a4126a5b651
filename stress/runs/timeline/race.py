"""The racing pair: the access that shows the bug, and what another CPU did to its word, or its block, before."""

from collections.abc import Callable, Sequence

import attrs

from stress.judge.violation import Violation
from stress.machine.words import guard_of
from stress.runs.timeline.names import Names
from stress.runs.timeline.objects import KFREE, Life, Objects
from stress.runs.timeline.shared import shared_words, touching, writes
from stress.schedule.schedule import Step

Pair = tuple[int, int]
MOST_OFFSET = 0x1000
"""A pointer to an object gives a bad address that is this far from it at most."""
SAFEPOINT = "cond_resched"


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


def find_race(trace: Sequence[Step], objects: Objects, violation: Violation | None) -> Race | None:
    """The pair that shows most: of the access to blame, else of the operation, else the last one of all."""
    ways: list[Callable[[Sequence[Step], Objects, Violation], Pair | None]]
    ways = [_of_overwritten, _of_hit, _of_fault, _of_warning, _of_operation]
    pair = next((pair for way in ways if (pair := way(trace, objects, violation))), None) if violation else None
    pair = pair or _last_conflict(trace, None)
    return _with_pointer(trace, objects, *pair) if pair else None


def _with_pointer(trace: Sequence[Step], objects: Objects, first: int, second: int) -> Race:
    """The race of a pair: where the pointer was to an object that is gone by now, the free of that is what raced."""
    life = objects.at(trace[second].address, second)
    pointer = _pointer_to(trace, objects, second)
    if life is None or pointer is None:
        return Race(first, second, life, pointer)
    then = objects.at(trace[second].address, pointer)
    if then is not None and then.freed is not None and pointer < then.freed < second:
        return Race(then.freed, second, then, pointer)
    return Race(first, second, life, pointer)


def _pointer_to(trace: Sequence[Step], objects: Objects, number: int) -> int | None:
    """The access by which a CPU came, in this operation, by the address of the block that it now accesses."""
    step = trace[number]
    block = objects.block_of(step.address)
    for at in range(number - 1, -1, -1):
        other = trace[at]
        if other.cpu == step.cpu and other.operation == step.operation and block:
            # Flags may be in the lowest bits; what points into the block from inside it leads nowhere new.
            if other.new & ~7 == block and objects.block_of(other.address) != block:
                return at
    return None


def _free_before(trace: Sequence[Step], objects: Objects, address: int, number: int) -> int | None:
    """The number of the access that freed the object at an address before another access; by any CPU."""
    life = objects.at(address, number)
    while life is not None and life.freed is None:
        life = life.before
    return life.freed if life else None


def _partner(trace: Sequence[Step], objects: Objects, number: int) -> int | None:
    """The last write by another CPU to the word of an access, or the free of its block, before it."""
    step = trace[number]
    found = (at for at, other in touching(trace[:number], step.address) if other.cpu != step.cpu and writes(other))
    at = next(found, None)
    call = objects.call_of.get(at) if at is not None else None
    return call.taken if call and call.taken is not None else at


def _of_hit(trace: Sequence[Step], objects: Objects, violation: Violation) -> Pair | None:
    """The access to memory that was not allocated, and the free."""
    if violation.hit is None:
        return None
    mine = [
        number
        for number, step in touching(trace, violation.hit.address)
        if step.cpu == violation.cpu and step.operation == violation.operation and number not in objects.call_of
    ]
    frees = {number: _free_before(trace, objects, violation.hit.address, number) for number in mine}
    bad = [number for number in mine if frees[number] is not None]
    if not bad:
        return None
    free = frees[bad[-1]] or 0
    return (free, bad[-1]) if violation.hit_freed else None


def _of_fault(trace: Sequence[Step], objects: Objects, violation: Violation) -> Pair | None:
    """The access that read the pointer which led astray, and the write that it took it from."""
    if violation.fault is None:
        return None
    for number in range(len(trace) - 1, -1, -1):
        step = trace[number]
        if step.cpu == violation.cpu and 0 <= violation.fault.address - step.old % (1 << 64) < MOST_OFFSET:
            partner = _partner(trace, objects, number)
            return None if partner is None else (partner, number)
    return None


def _of_overwritten(trace: Sequence[Step], objects: Objects, violation: Violation) -> Pair | None:
    """The write into a block that was free, and the free."""
    if violation.overwritten is None:
        return None
    for number, step in touching(trace, violation.overwritten.address):
        life = objects.at(step.address, number)
        if writes(step) and number not in objects.call_of and life and life.freed is not None and life.freed < number:
            return life.freed, number
    return None


def _of_warning(trace: Sequence[Step], objects: Objects, violation: Violation) -> Pair | None:
    """The last accesses to the word that the kernel warned of."""
    if violation.warning is None:
        return None
    address = violation.warning.address // 8 * 8
    return _last_conflict(trace, frozenset([address]))


def _of_operation(trace: Sequence[Step], objects: Objects, violation: Violation) -> Pair | None:
    """The last access of the operation to a word that another CPU wrote while the operation was under way."""
    mine = [at for at, step in enumerate(trace) if (step.cpu, step.operation) == (violation.cpu, violation.operation)]
    shared = shared_words(trace)
    for number in reversed(mine):
        step = trace[number]
        if _is_plain(step) and step.address // 8 * 8 in shared:
            partner = _partner(trace, objects, number)
            if partner is not None and partner > mine[0]:
                return partner, number
    return None


def _is_plain(step: Step) -> bool:
    """Whether an access is the program's own, and not to a lock."""
    is_safepoint = bool(step.stack) and step.stack[0].function == SAFEPOINT
    return guard_of(step.address) != step.address and not is_safepoint


def _last_conflict(trace: Sequence[Step], only: frozenset[int] | None) -> Pair | None:
    """The last two accesses of different CPUs to one word of which one is a write."""
    shared = shared_words(trace) if only is None else only
    for number in range(len(trace) - 1, -1, -1):
        step = trace[number]
        if step.address // 8 * 8 not in shared or (only is None and not _is_plain(step)):
            continue
        for at, other in touching(trace[:number], step.address):
            if other.cpu != step.cpu and (writes(other) or writes(step)):
                return at, number
    return None


def story_of(race: Race | None, trace: Sequence[Step], names: Names) -> str:
    """One sentence that says what the pair is."""
    if race is None:
        return "No two CPUs used one word, of which one wrote."
    first, second = trace[race.first], trace[race.second]
    call = names.objects.call_of.get(race.first)
    what = names.accessed(race.second, second, race.life)
    verb = "wrote" if writes(second) else "read"
    if call and call.life:
        done = "freed" if call.function == KFREE else "allocated"
        who = "itself" if first.cpu == second.cpu else f"CPU {first.cpu}"
        return f"CPU {second.cpu} {verb} {what} after {who} had {done} {names.object(call.life)}."
    did = "wrote" if writes(first) else "read"
    return f"CPU {second.cpu} {verb} {what}, which CPU {first.cpu} {did} before."
