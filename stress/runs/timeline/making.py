"""Makes the timeline of a schedule from its trace, its runs and what was found."""

from collections import Counter

from stress.judge.harvest import Slice
from stress.judge.violation import Violation
from stress.runs.controlled import STALLED, Controlled
from stress.runs.timeline.events import Teller, events_of
from stress.runs.timeline.model import ALWAYS, Event, Head, Timeline
from stress.runs.timeline.names import Names
from stress.runs.timeline.objects import Objects
from stress.runs.timeline.race import find_race, story_of


def timeline(controlled: Controlled, found: tuple[str, ...]) -> Timeline:
    """The timeline of the schedule that a traced machine has just replayed, which ended in `found`."""
    trace, structure = controlled.trace(), controlled.scenario.structure
    violation = next(iter(controlled.violations()), None)
    objects = Objects(controlled.ram, trace)
    labels = structure.labels if structure else {}
    slice_ = Slice(controlled.ram, controlled.programs, controlled.scenario.outcomes, 0, 0.0, None, labels)
    names = Names(controlled.ram, slice_, objects, trace)
    race = find_race(trace, objects, violation)
    teller = Teller(trace, names, race, violation.cpu if violation else None)
    events = events_of(teller)
    if violation:
        events.append(_end(violation, names, len(trace), trace[-1].run if trace else 1))
    operations = {
        cpu: (min(mine), max(mine))
        for cpu in range(len(controlled.programs))
        if (mine := [step.operation for step in trace if step.cpu == cpu])
    }
    heads = [Head(cpu, program, operations.get(cpu)) for cpu, program in enumerate(controlled.programs)]
    return Timeline(
        scenario=controlled.scenario.name,
        outcome=_outcome(controlled, found),
        story=(story_of(race, trace, names),),
        heads=tuple(heads),
        events=tuple(events),
        steps=Counter(step.cpu for step in trace),
        cpus=tuple(step.cpu for step in trace),
        made=tuple(controlled.made()),
    )


def _outcome(controlled: Controlled, found: tuple[str, ...]) -> str:
    """What the schedule ended in, with what that means."""
    outcomes = controlled.scenario.outcomes
    said = [f"{name} ({outcomes[name].meaning})" if name in outcomes else name for name in found]
    return ", ".join(said) or "nothing forbidden"


def _end(violation: Violation, names: Names, number: int, run: int) -> Event:
    """The event that ends a schedule: what was found, where."""
    access = violation.fault
    if access is not None:
        verb = "write" if access.write else "read"
        where = names.pointed(access.address, number) or access.called or f"0x{access.address:x}"
        text = f"Oops: {verb} at {where}"
    else:
        text = f"ends: {violation.outcome}"
    return Event(
        cpu=violation.cpu,
        first=number,
        last=number,
        steps=0,
        run=run,
        operation=violation.operation,
        text=text,
        where=violation.stack[0] if violation.stack else None,
        weight=ALWAYS,
        ends=True,
    )
