"""What the schedules that were tried say."""

from stress.judge.verdict import CATCHES_FOR_HELD, HELD, INCONCLUSIVE, VIOLATED, Verdict
from stress.runs.controlled.explored import Explored
from stress.runs.controlled.machine import CUT, STALLED
from stress.schedule.strategies.depth_first import WAS_CUT
from stress.schedule.strategies.draws import EVENTS
from stress.units import counted


def judge(mine: Explored, twin: Explored | None) -> Verdict:
    """What the schedules say: "held" only if the twin's rate would have shown a violation 30 times."""
    if mine.found:
        name = VIOLATED if any(shows != (STALLED,) for shows in mine.found) else STALLED
        counts = ", ".join(f"{count:,} {shown}" for shown, count in mine.shown.most_common() if shown != CUT)
        return Verdict(name, f"{counts}, in {counted(mine.count, 'schedule')}")
    none = f"none in all {mine.count:,} schedules ({mine.distinct:,} distinct) of {_strategy(mine)}{_bounds(mine)}"
    if twin is None:
        return Verdict(INCONCLUSIVE, f"{none}; no twin shows that this search could have seen one")
    rate = twin.caught.lower_95
    if not rate:
        advice = "try more operations or CPUs"
        return Verdict(INCONCLUSIVE, f"{none}; the twin showed none either in {twin.count:,}: {advice}")
    if mine.count * rate < CATCHES_FOR_HELD:
        needed = round(CATCHES_FOR_HELD / rate)
        return Verdict(
            INCONCLUSIVE, f"{none}; at the twin's rate it takes {needed:,}: explore longer, or with more operations"
        )
    return Verdict(HELD, f"not reproduced: {none}; the twin's rate would have shown it {CATCHES_FOR_HELD} times")


def _strategy(explored: Explored) -> str:
    """The strategy in words, with its bound."""
    search = explored.search
    if search.strategy != "depth-first":
        return f"strategy {search.strategy}"
    # Interrupts and NMIs are drawn: of those there are more schedules than were tried.
    partly = not explored.is_exhausted or explored.machine.state(WAS_CUT) or explored.machine.state(EVENTS)
    every = "some schedules" if partly else f"every schedule for the draws of seed {search.seed}"
    return f"strategy depth-first, {every} with at most {counted(search.preemptions, 'preemption')}"


def _bounds(explored: Explored) -> str:
    """What was bounded, so that it was not seen."""
    cut = explored.shown[CUT]
    ended = f", {cut:,} of them cut after {explored.machine.budget:,} accesses" if cut else ""
    return f", {counted(explored.search.operations, 'operation')} of each CPU{ended}"
