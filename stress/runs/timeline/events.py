"""From accesses to events: calls of the slab, locks and stops are one event each, like accesses are joined."""

from collections.abc import Sequence

import attrs

from stress.machine.blocks import SLAB_LOCK
from stress.machine.control.words import READ_MODIFY_WRITE
from stress.machine.stacks import Frame
from stress.machine.words import READ_BYTE, WRITE_BYTE, guard_of, holder_of, name_of
from stress.runs.timeline.model import AGAIN, ALWAYS, Event
from stress.runs.timeline.names import Names
from stress.runs.timeline.objects import KFREE
from stress.runs.timeline.race import SAFEPOINT, Race
from stress.runs.timeline.shared import Uses, is_in, words_of, writes
from stress.schedule.schedule import Step

STOPS = {
    "stop_machine": "stop_machine: stops the other CPUs",
    "restart_machine": "stop_machine: lets the others go on",
    "stopmachine": "is held by stop_machine",
}
HANDLERS = {"take_nmi": "NMI: ", "take_interrupt": "interrupt: "}
"""What an event begins with that a handler made, by the function that runs the handler."""
HELPERS = (
    "stress/kernel/protocol.py",
    "stress/kernel/list.py",
    "stress/kernel/spinlock.py",
    "stress/kernel/stop_machine.py",
    "stress/kernel/string.py",
    "stress/kernel/struct.py",
    "stress/kernel/contents.py",
    "stress/machine/",
)
"""Files whose functions are called from where the reader wants to be shown."""
OF_FOCUS, POINTS_THERE, LOCKS, LATE, WRITES, READS, CALLS = 8, 7, 6, 5, 4, 3, 2
LAST_STEPS = 4
MOST_PARTS = 3


@attrs.frozen
class Told:
    """What one access tells: `key` is equal for accesses that may be joined, `parts` are then put together."""

    key: tuple[object, ...]
    head: str
    part: str
    weight: int


class Teller:
    """Tells the accesses of a trace one by one."""

    def __init__(self, uses: Uses, names: Names, race: Race | None, culprit: int | None) -> None:
        """See what matters; `culprit` is the CPU whose operation was found wrong, if one was."""
        self.uses, self.trace, self.names, self.race = uses, uses.trace, names, race
        self._last: dict[int, str] = {}
        mine = [
            number
            for number, step in enumerate(uses.trace)
            if step.cpu == culprit and not writes(step) and not _is_safepoint(step)
        ]
        self.late = frozenset(mine[-LAST_STEPS:])

    def told(self, number: int) -> Told | None:
        """What an access tells; None if it does not matter."""
        step = self.trace[number]
        if self._is_racing(number) and number not in self.names.objects.call_of:
            return self._access(number)
        if number in self.names.objects.call_of:
            return self._call(number)
        if stop := next((text for name, text in STOPS.items() if is_in(step, name)), None):
            return Told(("stop", stop), stop, "", self._weight_of_lock(number, stop))
        if _is_safepoint(step):
            return None
        if guard_of(step.address) == step.address:
            return self._lock(number)
        self._last.pop(step.cpu, None)
        if number in self.late or any(word in self.uses.shared for word in words_of(step)) or self._is_racing(number):
            return self._access(number)
        return None

    def _is_racing(self, number: int) -> bool:
        return self.race is not None and number in (self.race.first, self.race.second)

    def _call(self, number: int) -> Told | None:
        """A call of kmalloc or kfree, which may come in parts."""
        call = self.names.objects.call_of[number]
        step = self.trace[number]
        if step.address == SLAB_LOCK and step.access == READ_MODIFY_WRITE and step.old:
            return Told(("slab", number), f"waits for slab_lock (CPU {step.old - 1} has it)", "", CALLS)
        life = call.life
        what = self.names.object(life) if life else ""
        text = f"{call.function}({what})" if call.function == KFREE else f"{call.function}: {what}"
        if life and life.before and call.function != KFREE and life.before.freed is not None:
            text += f", where {self.names.object(life.before)} was"
        race = self.race
        is_focus = race is not None and race.life is not None and life is not None and life.block == race.life.block
        weight = OF_FOCUS if is_focus and race is not None and number < race.second else CALLS
        goes_on = number > call.steps[0] and self.trace[number].run != self.trace[call.steps[0]].run
        return Told((id(call),), f"{text} goes on" if goes_on else text, "", CALLS if goes_on else weight)

    def _lock(self, number: int) -> Told:
        """An access to a lock."""
        step = self.trace[number]
        name = name_of(step.address)
        holder = holder_of(step.address, step.old)
        if writes(step):
            text = f"unlock {name}" if holder_of(step.address, step.new) is None else f"lock {name}"
        elif step.access == READ_MODIFY_WRITE and holder is not None:
            text = f"waits for {name} (CPU {holder} has it)"
        else:
            text = f"looks whether {name} is free"
        return Told(("lock", text), text, "", self._weight_of_lock(number, text))

    def _weight_of_lock(self, number: int, text: str) -> int:
        """How much a lock or a stop tells: little once the race is over, less if the CPU's last event told the same."""
        cpu = self.trace[number].cpu
        is_known = self._last.get(cpu) == text
        self._last[cpu] = text
        if is_known:
            return AGAIN
        return READS if self.race is not None and number > self.race.second else LOCKS

    def _access(self, number: int) -> Told:
        """An access to a field or a word."""
        step, names = self.trace[number], self.names
        life = names.objects.at(step.address, number)
        is_write = step.access == READ_MODIFY_WRITE or step.access < 0
        gone = " (freed)" if life and life.freed is not None and life.freed < number else ""
        whole = names.address(step.address, number)
        if racing := self._is_racing(number):
            whole = names.accessed(number, step, self.race.life if self.race else None)
        value = self._value(number)
        key = (life or step.address, is_write, gone, step.access == READ_MODIFY_WRITE, _function(step))
        part = names.field(life, step.address - life.block) if life else ""
        head = names.object(life) + gone if life else whole
        link = " = " if is_write else " "
        if racing and step.access != READ_MODIFY_WRITE:
            text = f"{whole}{gone} = {value}" if is_write else f"read {whole}{gone}: {value}"
            return Told((number,), text, "", ALWAYS)
        if step.access == READ_MODIFY_WRITE:
            return Told((*key, number), f"{whole}{gone}: {value}", "", self._weight(number, is_write))
        return Told(key, head if is_write else f"read {head}", f"{part}{link}{value}", self._weight(number, is_write))

    def _value(self, number: int) -> str:
        """The value that an access read or wrote; both of a read-modify-write."""
        step = self.trace[number]
        old, new = (self.names.value(value, step.address, number) for value in (step.old, step.new))
        if step.access in (READ_BYTE, WRITE_BYTE):
            return repr(chr(step.new & 0xFF))
        if step.access != READ_MODIFY_WRITE:
            return new + (self._was(number) if step.access < 0 else "")
        return f"stays {old}" if old == new else f"{old} becomes {new}"

    def _weight(self, number: int, is_write: bool) -> int:
        """How much an access tells."""
        step, race = self.trace[number], self.race
        if race is None or number > race.second:
            return LATE if number in self.late else READS
        if number == race.pointer or (is_write and step.address == self.trace[race.second].address):
            return OF_FOCUS
        if is_write and self._was(number) and number > (race.pointer or 0):
            return POINTS_THERE
        return LATE if number in self.late else WRITES if is_write else READS

    def _was(self, number: int) -> str:
        """What a write took away, if that was a pointer to the object that the race is about."""
        step, race = self.trace[number], self.race
        if race is None or race.life is None or number > race.second:
            return ""
        block = race.life.block
        if step.new & ~7 == block or self.names.objects.block_of(step.address) == block:
            return ""
        before = next((other.new for _, other in self.uses.before(step.address, number)), 0)
        return f", was {self.names.value(before, step.address, number)}" if before & ~7 == block else ""


def _is_safepoint(step: Step) -> bool:
    """Whether an access only asks, between operations, whether there is a stop."""
    return bool(step.stack) and step.stack[0].function == SAFEPOINT


def _frame(step: Step) -> Frame | None:
    """Where an access is made: the innermost function that is no helper."""
    shown = (frame for frame in step.stack if not frame.file.startswith(HELPERS))
    return next(shown, step.stack[0] if step.stack else None)


def _handler(step: Step) -> str:
    """What says that an access was made by a handler; empty for any other."""
    return next((text for name, text in HANDLERS.items() if is_in(step, name)), "")


def _function(step: Step) -> str | None:
    frame = _frame(step)
    return frame.function if frame else None


def events_of(teller: Teller) -> list[Event]:
    """The events of a trace, in order; those of accesses that are alike and follow each other are one."""
    events: list[Event] = []
    open_: list[tuple[int, Told]] = []
    for number in range(len(teller.trace)):
        told = teller.told(number)
        if told is None:
            continue
        if open_ and not _joins(teller, open_, number, told):
            events.append(_event(teller, open_))
            open_ = []
        open_.append((number, told))
    return [*events, _event(teller, open_)] if open_ else events


def _joins(teller: Teller, open_: Sequence[tuple[int, Told]], number: int, told: Told) -> bool:
    """Whether an access belongs to the event under way."""
    last, before = open_[-1]
    one, other = (
        (step.cpu, step.run, step.operation, _handler(step)) for step in (teller.trace[last], teller.trace[number])
    )
    return one == other and before.key == told.key


def _event(teller: Teller, open_: Sequence[tuple[int, Told]]) -> Event:
    """The event that some accesses make."""
    numbers = [number for number, _ in open_]
    first = teller.trace[numbers[0]]
    racing = any(teller._is_racing(number) for number in numbers)
    return Event(
        cpu=first.cpu,
        first=numbers[0],
        last=numbers[-1],
        steps=len(numbers),
        run=first.run,
        operation=first.operation,
        text=_handler(first) + _text([told for _, told in open_]),
        where=tuple(dict.fromkeys(frame for number in numbers if (frame := _frame(teller.trace[number])))),
        weight=ALWAYS if racing else max(told.weight for _, told in open_),
        racing=racing,
    )


def _text(told: Sequence[Told]) -> str:
    """The text of accesses that are joined; what is read again and again is counted."""
    head, parts = told[0].head, [one.part for one in told if one.part]
    if not parts:
        return head
    different = list(dict.fromkeys(parts))
    if len(different) == 1:
        times = f", {len(parts)} times" if len(parts) > 1 else ""
        return _one(head, different[0]) + times
    shown = ", ".join(different[:MOST_PARTS])
    return f"{head}: {shown}" + (f", {len(different) - MOST_PARTS} more" if len(different) > MOST_PARTS else "")


def _one(head: str, part: str) -> str:
    """One access: `rule#1.next = rule#2`, `read rule#1.next: rule#2`."""
    field, equals, value = part.partition(" = ")
    if equals:
        return f"{head}.{field} = {value}" if field else f"{head} = {value}"
    field, _, value = part.partition(" ")
    return f"{head}.{field}: {value}" if field else f"{head}: {value}"
