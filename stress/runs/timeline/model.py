"""A timeline as a value: its columns, its events, and the rows that are left when there is room for so many."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import attrs

from stress.machine.control.words import EXPIRED, RESTS, WAITS, YIELDS
from stress.machine.stacks import Frame
from stress.schedule.schedule import Made

CHOSEN, FORCED = "chosen", "forced"
WHY = {EXPIRED: "preempted", WAITS: "has to wait", YIELDS: "yields", RESTS: "has ended"}
NEAR_THESE = 7
"""Of events that weigh less, those tell more that are near one of this weight."""
AGAIN = 1
"""The weight of what only repeats: it is counted and has no row."""
MOST_LINES = 3
"""Source lines that an event names."""
ALWAYS = 9
"""The weight of what is never left out."""


@attrs.frozen
class Head:
    """The head of a column: a CPU, its program, and its operations in the trace, None without any access."""

    cpu: int
    program: str
    operations: tuple[int, int] | None

    @property
    def ran(self) -> str:
        """Its operations, in words."""
        if self.operations is None:
            return "made no access"
        first, last = self.operations
        return f"operation {first}" if first == last else f"operations {first} to {last}"


@attrs.frozen(kw_only=True)
class Event:
    """Some accesses that one CPU made in one run, told as one thing: an access, a call, a lock taken.

    first, last: numbers of its first and last access in the trace, from 0; the last event, which tells the outcome,
    has none (`steps` is 0). run: the number of the run that it belongs to, from 1. weight: what is left out first.
    where: the lines of a function in which they were made, without doubles.
    racing: whether it is one of the racing pair. ends: whether it is the outcome.
    """

    cpu: int
    first: int
    last: int
    steps: int
    run: int
    operation: int
    text: str
    where: tuple[Frame, ...]
    weight: int
    racing: bool = False
    ends: bool = False

    @property
    def place(self) -> str:
        """Where it is in the source: the function and its lines; empty if that is not known."""
        lines = sorted({frame.line for frame in self.where if frame.function == self.where[0].function})
        shown = ",".join(map(str, lines[:MOST_LINES])) + ("..." if len(lines) > MOST_LINES else "")
        return f"{self.where[0].function}:{shown}" if self.where else ""


@attrs.frozen(kw_only=True)
class Row:
    """An event with what came since the row before it.

    left_out: how many accesses of each CPU came between. stopped: the CPU that ran before and why it stopped, None if
    this CPU went on. switch: CHOSEN or FORCED for a change of the CPU, else None. begins: whether it is the first row
    of its operation.
    """

    event: Event
    left_out: Mapping[int, int]
    stopped: tuple[int, str] | None
    switch: str | None
    begins: bool


@attrs.frozen(kw_only=True, eq=False)
class Timeline:
    """All that is drawn of a schedule.

    outcome: what it ended in, and what that means. story: sentences that say what the race is. events: in their order;
    `rows` chooses from them. steps: how many accesses each CPU made. cpus: the CPU of each access.
    """

    scenario: str
    outcome: str
    story: tuple[str, ...]
    heads: tuple[Head, ...]
    events: tuple[Event, ...]
    steps: Mapping[int, int]
    cpus: tuple[int, ...]
    made: tuple[Made, ...]

    @property
    def racing_cpus(self) -> tuple[int, ...]:
        """The CPUs of the racing pair and of the outcome."""
        return tuple(sorted({event.cpu for event in self.events if event.racing or event.ends}))

    def text_of(self, row: Row) -> str:
        """The event of a row, with its operation where that begins, and how many accesses of its CPU came before it."""
        event, before = row.event, row.left_out.get(row.event.cpu, 0)
        begins = f"[{event.operation}] " if row.begins and self._has_several(event.cpu) else ""
        return f"{begins}{event.text}" + (f" (+{before})" if before else "")

    def _has_several(self, cpu: int) -> bool:
        """Whether a CPU had several operations."""
        return any(head.cpu == cpu and head.operations and len(set(head.operations)) > 1 for head in self.heads)

    def rows(self, most: int, cpus: Collection[int] | None = None) -> tuple[Row, ...]:
        """The rows that tell most, in their order, `most` of them at most; of some CPUs alone if they are given."""
        ranked = [event for event in self._ranked if event.weight > AGAIN and (cpus is None or event.cpu in cpus)]
        chosen = sorted(ranked[:most], key=lambda event: event.first)
        return tuple(self._row(before, event) for before, event in zip([None, *chosen], chosen, strict=False))

    def left_out(self, rows: Sequence[Row]) -> int:
        """How many accesses the rows do not show."""
        return sum(self.steps.values()) - sum(row.event.steps for row in rows)

    def foot(self, rows: Sequence[Row]) -> str:
        """The same in words."""
        return f"{self.left_out(rows)} of {sum(self.steps.values())} accesses are left out"

    @cached_property
    def _ranked(self) -> list[Event]:
        """The events, those of the greatest weight first, of these the ones that are next to what weighs most."""
        marks = [event.first for event in self.events if event.weight >= NEAR_THESE]
        rank = {id(event): min((abs(event.first - at) for at in marks), default=0) for event in self.events}
        return sorted(self.events, key=lambda event: (-event.weight, rank[id(event)]))

    @cached_property
    def _begins(self) -> frozenset[int]:
        """The numbers of the accesses with which the first event of each operation of a CPU starts."""
        firsts: dict[tuple[int, int], int] = {}
        for event in self.events:
            firsts.setdefault((event.cpu, event.operation), event.first)
        return frozenset(firsts.values())

    def _row(self, before: Event | None, event: Event) -> Row:
        """The row of an event that comes after the one `before`."""
        since = before.last if before else -1
        stopped = self._stopped(before, event)
        return Row(
            event=event,
            left_out=self._between(since, event),
            stopped=stopped[:2] if stopped else None,
            switch=stopped[2] if stopped else None,
            begins=event.first in self._begins,
        )

    def _between(self, since: int, event: Event) -> dict[int, int]:
        """The accesses of each CPU between two events, and those inside of the second one that it does not tell."""
        inside = event.last - event.first + 1 - event.steps if event.steps else 0
        return +(Counter(self.cpus[since + 1 : event.first]) + Counter({event.cpu: inside}))

    def _stopped(self, before: Event | None, event: Event) -> tuple[int, str, str] | None:
        """The CPU that ran before, why it stopped, and whether that was chosen."""
        if before is None or before.cpu == event.cpu:
            return None
        runs = self.made[before.run - 1 : event.run - 1]
        last = next((run for run in reversed(runs) if run.cpu == before.cpu), None)
        why = last.why if last else RESTS
        return before.cpu, WHY.get(why, "stops"), CHOSEN if why == EXPIRED else FORCED
