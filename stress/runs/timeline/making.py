"""Makes the timeline of a schedule from its trace, its runs and what was found."""

from collections import Counter
from collections.abc import Sequence

from stress.judge.violation import Violation
from stress.machine.words import holder_of
from stress.runs.controlled.machine import STALLED, Controlled
from stress.runs.timeline.events import Teller, events_of
from stress.runs.timeline.model import ALWAYS, Event, Head, Timeline
from stress.runs.timeline.names import Names
from stress.runs.timeline.objects import Objects
from stress.runs.timeline.race import SAFEPOINT, find_race, story_of
from stress.runs.timeline.shared import Uses
from stress.schedule.schedule import Step


def timeline(controlled: Controlled, found: tuple[str, ...]) -> Timeline:
    """The timeline of the schedule that a traced machine has just replayed, which ended in `found`."""
    trace, programs = controlled.trace(), controlled.image.programs
    violation = next(iter(controlled.violations()), None)
    objects = Objects(controlled.ram, trace)
    names = Names(controlled.image.slice_of(controlled.ram), objects, trace)
    uses = Uses(trace)
    race = find_race(uses, objects, violation)
    teller = Teller(uses, names, race, violation.cpu if violation else None)
    events = events_of(teller)
    events.append(_end(violation, found, names, trace))
    operations = {
        cpu: (min(mine), max(mine))
        for cpu in range(len(programs))
        if (mine := [step.operation for step in trace if step.cpu == cpu])
    }
    heads = [Head(cpu, program, operations.get(cpu)) for cpu, program in enumerate(programs)]
    return Timeline(
        scenario=controlled.scenario.name,
        outcome=_outcome(controlled, found),
        story=_waits(trace, names) if STALLED in found else (story_of(race, trace, names),),
        heads=tuple(heads),
        events=tuple(events),
        steps=Counter(step.cpu for step in trace),
        cpus=tuple(step.cpu for step in trace),
        made=tuple(controlled.made()),
    )


def _waits(trace: Sequence[Step], names: Names) -> tuple[str, ...]:
    """What each CPU of a machine that is stalled waits for; those that have ended wait for nothing."""
    last = {step.cpu: step for step in trace}
    return tuple(
        f"CPU {cpu} waits for {names.address(step.address, len(trace))}{_holder(step)}."
        for cpu, step in sorted(last.items())
        if step.stack and step.stack[0].function != SAFEPOINT
    )


def _holder(step: Step) -> str:
    """Who has the lock that an access found taken."""
    holder = holder_of(step.address, step.old)
    return "" if holder is None else f", which CPU {holder} has"


def _outcome(controlled: Controlled, found: tuple[str, ...]) -> str:
    """What the schedule ended in, with what that means."""
    outcomes = controlled.scenario.outcomes
    said = [f"{name} ({outcomes[name].meaning})" if name in outcomes else name for name in found]
    return ", ".join(said) or "nothing forbidden"


def _end(violation: Violation | None, found: tuple[str, ...], names: Names, trace: Sequence[Step]) -> Event:
    """The event that ends a schedule: what was found, where."""
    last = trace[-1] if trace else None
    fallen = (last.cpu, last.operation, last.stack[:1]) if last else (0, 0, ())
    cpu, operation, where = fallen
    if violation:
        cpu, operation, where = violation.cpu, violation.operation, violation.stack[:1]
    if violation and violation.fault:
        where = violation.fault.stack[:1]
    return Event(
        cpu=cpu,
        first=len(trace),
        last=len(trace),
        steps=0,
        run=last.run if last else 1,
        operation=operation,
        text=_said(violation, found, names, len(trace)),
        where=where,
        weight=ALWAYS,
        ends=True,
    )


def _said(violation: Violation | None, found: tuple[str, ...], names: Names, number: int) -> str:
    """What was found, in a few words."""
    if violation is None:
        return "no CPU can go on" if STALLED in found else ", ".join(found) or "the schedule ends"
    fault = violation.fault
    if fault is None:
        return f"ends: {violation.outcome}"
    where = names.pointed(fault.address, number) or names.wild(fault.address)
    if not fault.size:
        return f"Oops: {violation.bug_of_fault(fault)}: {where}"
    return f"Oops: {'write to' if fault.write else 'read of'} {where}"
