"""The result of a search: a sentence for each knee, and JSON."""

from typing import Any

from stress.campaign.converter import to_json
from stress.campaign.sweep.finding import Quest
from stress.campaign.sweep.records import DURATION, varying
from stress.safe_text import shown
from stress.units import write_duration

AMOUNTS = {"cpus": "{} CPUs", "noise": "noise {}", "gap_s": "gaps of {}", DURATION: "{}"}


def label(name: str, value: Any) -> str:
    """A value on an axis, as people write it."""
    if value is None:
        return "-"
    return write_duration(value) if name.endswith("_s") else shown(str(value))


def amount(quest: Quest, at: int) -> str:
    """A candidate, as a sentence has it."""
    axis, value = quest.find.axis, quest.candidates[at]
    return "1 CPU" if (axis, value) == ("cpus", 1) else AMOUNTS.get(axis, f"{axis} {{}}").format(label(axis, value))


def percent(share: float) -> str:
    """A share that was given, in percent."""
    return f"{100 * share:g} %"


def about(quest: Quest) -> str:
    """What a search is of: scenario, engine, and the values of its own on other axes."""
    values = quest.values
    others = [name for name in varying(quest.plan.cells) if name not in ("engine", quest.find.axis)]
    settings = [f"{name.removesuffix('_s')}={label(name, getattr(values, name))}" for name in others]
    return ", ".join([shown(values.scenario), f"{values.engine} engine", *settings])


def answer(quest: Quest) -> str:
    """The result of a search, in a sentence."""
    return f"{about(quest)}: {_found(quest)}"


def _found(quest: Quest) -> str:
    """The answer itself."""
    search = quest.search
    if search.given_up:
        return "no knee, since too many runs did not complete"
    if search.contradicted:
        return f"no knee: {_seen(quest, search.high)}, but {_seen(quest, search.low)}; search in a smaller range"
    so_far = "" if search.wanted is None else "the search was cut short; so far "
    if search.high == search.candidates and search.low < search.candidates - 1:
        return f"{so_far}nothing is known to be at or above the knee; {_known(quest)}"
    return f"{so_far}{_claim(quest)} {_where(quest)}"


def _claim(quest: Quest) -> str:
    """What is said of the runs from the knee on."""
    runs = "runs" if quest.find.durations else f"{write_duration(quest.plan.duration_s)} runs"
    return f"the race shows in at least {percent(quest.find.share)} of {runs}"


def _where(quest: Quest) -> str:
    """From where on that is so, and what says so."""
    low, high = quest.search.low, quest.search.high
    sure = f"({percent(quest.find.confidence)} confidence): {_known(quest)}"
    if high > len(quest.candidates) - 1:
        return f"at none from {amount(quest, 0)} to {amount(quest, low)} {sure}"
    if high == 0:
        return f"already at the least, {amount(quest, 0)} {sure}"
    if low + 1 == high:
        return f"from {amount(quest, high)} on {sure}"
    above = f"from somewhere above {amount(quest, low)}, and at" if low >= 0 else "at"
    return f"{above} the latest from {amount(quest, high)} on {sure}"


def _seen(quest: Quest, at: int) -> str:
    """How many runs of a candidate showed the race."""
    runs, how = quest.search.tried[at].runs, "within" if quest.find.durations else "with"
    return f"{how} {amount(quest, at)} in {runs.shown:,} of {runs.total:,}"


def _known(quest: Quest) -> str:
    """What was seen at both ends of where the knee is, and which candidates between them were run in vain."""
    low, high = quest.search.low, quest.search.high
    ends = [_seen(quest, at) for at in (low, high) if 0 <= at < len(quest.candidates)]
    vain = [at for at in range(low + 1, min(high, len(quest.candidates))) if quest.search.tried[at].runs.total]
    undecided = [f"not decided: {', '.join(amount(quest, at) for at in vain)}"] if vain else []
    return "; ".join([*ends, *undecided])


def knee_json(quest: Quest) -> dict[str, Any]:
    """The result of a search, for programs."""
    low, high, values = quest.search.low, quest.search.high, (*quest.candidates, None)
    return {
        "scenario": quest.values.scenario,
        "engine": quest.values.engine,
        "axis": quest.find.axis,
        "share": quest.find.share,
        "confidence": quest.find.confidence,
        "found": quest.search.found,
        "above": to_json(values[high]),
        "below": to_json(values[low]),
        "told": answer(quest),
        "candidates": [_candidate_json(quest, at) for at, one in enumerate(quest.search.tried) if one.runs.total],
    }


def _candidate_json(quest: Quest, at: int) -> dict[str, Any]:
    """What is known of a candidate, for programs."""
    one = quest.search.tried[at]
    counts = {"value": to_json(quest.candidates[at]), "runs": one.runs.total, "shown": one.runs.shown}
    return {**counts, "bounds": list(one.runs.bounds(quest.find.confidence)), "decided": one.decided}
