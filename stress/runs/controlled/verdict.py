"""What the schedules that were tried say."""

from stress.judge.verdict import CATCHES_FOR_HELD, HELD, INCONCLUSIVE, VIOLATED, Verdict
from stress.machine.control.turns import MOST_EXTRA
from stress.machine.control.words import EVENTS
from stress.runs.controlled.explored import Explored
from stress.runs.controlled.machine import CUT, STALLED
from stress.runs.controlled.search import IN_DEPTH
from stress.schedule.strategies.depth_first import WAS_CUT
from stress.units import counted


def judge(mine: Explored, twin: Explored | None) -> Verdict:
    """What the schedules say: "held" only if the twin's rate would have shown a violation 30 times.

    A search in depth that is complete needs no rate: a twin that shows one within the same bounds is enough. Of one
    that is not, a rate says nothing, since orders that are alike follow each other.
    """
    if mine.found:
        name = VIOLATED if any(shows != (STALLED,) for shows in mine.found) else STALLED
        counts = ", ".join(f"{count:,} {shown}" for shown, count in mine.shown.most_common() if shown != CUT)
        return Verdict(name, f"{counts}, in {counted(mine.count, 'schedule')}")
    none = f"none in all {mine.count:,} schedules ({mine.distinct:,} distinct) of {_strategy(mine)}{_bounds(mine)}"
    if doubt := _doubt(mine, twin):
        return Verdict(INCONCLUSIVE, f"{none}; {doubt}")
    assert twin
    if is_complete(mine):
        seen = f"the twin showed one in {twin.caught_count:,} of {counted(twin.count, 'schedule')}"
    else:
        seen = f"the twin's rate would have shown it {CATCHES_FOR_HELD} times"
    if twin.cpus != mine.cpus:
        seen += f" (the twin needs more CPUs: it had {twin.cpus}, and not {mine.cpus})"
    return Verdict(HELD, f"not reproduced: {none}; {seen}")


def _doubt(mine: Explored, twin: Explored | None) -> str:
    """Why schedules in which nothing was found do not make a verdict of "held", and what to do; empty if they do."""
    in_depth = mine.search.strategy == IN_DEPTH
    if mine.count and not mine.ended:
        return "none came to its end, so nothing was judged: an operation does not end, or the world is too large"
    if twin is None:
        return "no twin shows that this search could have seen one"
    rate = twin.caught.lower_95
    if not rate:
        more = "operations, CPUs or preemptions" if in_depth else "operations or CPUs"
        return f"the twin showed none either in {twin.count:,}: try more {more}"
    if in_depth and not is_complete(mine):
        return "a part of a search in depth is no sample of all orders: explore longer, or with another strategy"
    if not in_depth and mine.ended * rate < CATCHES_FOR_HELD:
        needed = round(CATCHES_FOR_HELD / rate)
        return f"at the twin's rate it takes {needed:,}: explore longer, or with more operations"
    return ""


def is_complete(explored: Explored) -> bool:
    """Whether a search in depth has tried every schedule within its bounds, each to its end.

    Interrupts and NMIs are drawn: of those there are more schedules than were tried.
    """
    if not explored.is_exhausted or explored.shown[CUT]:
        return False
    return not explored.machine.state(WAS_CUT) and not explored.machine.state(EVENTS)


def _strategy(explored: Explored) -> str:
    """The strategy in words, with its bound."""
    search = explored.search
    if search.strategy != IN_DEPTH:
        return f"strategy {search.strategy}"
    every = f"every schedule for the draws of seed {search.seed}" if is_complete(explored) else "some schedules"
    return f"strategy depth-first, {every} with at most {counted(search.preemptions, 'preemption')}"


def _bounds(explored: Explored) -> str:
    """What was bounded, so that it was not seen."""
    cut, budget = explored.shown[CUT], explored.machine.budget
    most = f"{budget:,} accesses or turns, or {MOST_EXTRA} operations beyond their own"
    ended = f", {cut:,} of them cut (longer than {most})" if cut else ""
    return f", {counted(explored.search.operations, 'operation')} of each CPU{ended}"
