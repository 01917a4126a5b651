"""The result of a sweep, for a terminal: a row for each cell of the matrix, over its repeats, and one last line."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from stress.campaign.sweep.records import DONE, ENDS, NOT_APPLICABLE, CellResult, Plan, Values, applies, varying
from stress.campaign.sweep.sweep import SweepEnding
from stress.campaign.sweep.sweepdir import StoredSweep
from stress.results.load.knees import label
from stress.results.terminal.columns import fitted
from stress.safe_text import shown
from stress.units import write_duration

MOST_ROWS = 100
WORDS = ("scenario", "expected", "result")


def describe(plan: Plan, values: Values) -> str:
    """A cell in a line: its scenario, and its value on each axis that varies."""
    words = [f"{name.removesuffix('_s')}={label(name, getattr(values, name))}" for name in varying(plan.cells)]
    return " ".join([shown(values.scenario), *words])


def come_to(ended: Sequence[CellResult]) -> str:
    """How often each verdict and each other end was seen."""
    ends = [end_of(one) for one in ended]
    return ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))


def end_of(ended: CellResult) -> str:
    """The verdict of a cell, or how it ended without one."""
    if ended.run is None:
        return ended.end
    return str(ended.run["verdict"]).upper() if applies(ended.run) else NOT_APPLICABLE


def _middle(ended: Sequence[CellResult], figure: Any) -> float | None:
    """The median of a figure over the runs that have it."""
    figures = [figure(one.run) for one in ended if one.run]
    known = [one for one in figures if one is not None]
    return median(known) if known else None


def _rate(run: dict[str, Any]) -> float | None:
    """Violations per race window."""
    windows = run["race_windows"]
    return run["violations"] / windows if windows else None


def _per_second(name: str) -> Any:
    """A function for a count a second."""
    return lambda run: run[name] / run["duration_s"] if run["duration_s"] else None


FIGURES = {
    "per window": (_rate, "{:.2g}"),
    "lookups/s": (_per_second("lookups"), "{:,.0f}"),
    "unloads/s": (_per_second("unloads"), "{:,.0f}"),
    "stop p50": (lambda run: run["stop_machine"]["p50_us"], "{:,.0f} us"),
}


def _figures(ended: Sequence[CellResult]) -> list[str]:
    """The medians of a row."""
    middles = [(_middle(ended, figure), form) for figure, form in FIGURES.values()]
    return ["-" if middle is None else form.format(middle) for middle, form in middles]


def table(ending: SweepEnding) -> Table:
    """A row for each cell; medians over its repeats, `per window` of violations per race window."""
    plan = ending.swept.manifest.plan
    made = Table(box=None, pad_edge=False)
    for name in ("scenario", *varying(plan.cells), "expected", "result", *FIGURES):
        justify: JustifyMethod = "left" if name in WORDS else "right"
        made.add_column(name.removesuffix("_s"), justify=justify, no_wrap=name == "scenario")
    expected = {part.name: part.expect.upper() for part in plan.scenarios}
    for number, values in list(enumerate(plan.cells))[:MOST_ROWS]:
        ended = [one for one in ending.swept.ended if one.number == number]
        axes = [label(name, getattr(values, name)) for name in varying(plan.cells)]
        row = [shown(values.scenario), *axes, expected[values.scenario], come_to(ended) or "did not run"]
        made.add_row(*map(Text, [*row, *_figures(ended)]), style=_style(ended))
    return made


def _style(ended: Sequence[CellResult]) -> str:
    """How a row is set off."""
    if any(one.run is None for one in ended):
        return "magenta"
    return "" if all(one.run and (one.run["as_expected"] or not applies(one.run)) for one in ended) else "red"


def _verdicts(swept: StoredSweep) -> dict[str, int]:
    """How many runs had the expected verdict, and how many another; how many could not run on so few CPUs."""
    runs = [one.run for one in swept.ended if one.run]
    as_expected = [bool(run["as_expected"]) for run in runs if applies(run)]
    others = len(as_expected) - sum(as_expected)
    return {"as_expected": sum(as_expected), "other_verdict": others, "not_applicable": len(runs) - len(as_expected)}


def _knees(ending: SweepEnding) -> dict[str, object]:
    """How many searches there were, and how many found a knee."""
    [axis] = {quest.find.axis for quest in ending.quests}
    found = sum(quest.search.found for quest in ending.quests)
    return {"find": axis.removesuffix("_s"), "searches": len(ending.quests), "found": found}


def end_line(ending: SweepEnding) -> str:
    """The last line of a sweep: the results of its cells, and every parameter that all have alike."""
    swept, plan = ending.swept, ending.swept.manifest.plan
    others = {end.replace(" ", "_"): sum(one.end == end for one in swept.ended) for end in ENDS if end != DONE}
    facts = {
        **(_knees(ending) if ending.quests else {"cells": len(plan.cells) * plan.repeat}),
        "ended": len(swept.ended),
        **({} if ending.quests else _verdicts(swept)),
        **others,
        "repeat": plan.repeat,
        "duration": write_duration(plan.duration_s),
        "seed": plan.seed,
        "kasan": "on" if plan.kasan else "off",
        "stall_after": write_duration(plan.stall_after_s) if plan.stall_after_s else "default",
        "stop_on_violation": "yes" if plan.stop_on_violation else "no",
        "sessions": len(swept.manifest.sessions),
        "run": swept.folder,
    }
    words = " ".join(f"{name}={shown(value)}" for name, value in facts.items())
    return f"kstress: --- End of sweep: {swept.state}: {words}"


def _troubles(ending: SweepEnding) -> list[str]:
    """A line for each cell that is not complete."""
    plan = ending.swept.manifest.plan
    lost = [one for one in ending.swept.ended if one.trouble]
    return [
        f"{describe(plan, plan.cells[one.number])} repeat {one.repeat}: {one.trouble.lines[0]}"
        for one in lost
        if one.trouble
    ]


def _show_table(ending: SweepEnding, console: Console) -> None:
    """Print the table, and how many rows it does not have."""
    console.print(fitted(table(ending), console.width, tuple(reversed(FIGURES))))
    left = len(ending.swept.manifest.plan.cells) - MOST_ROWS
    if left > 0:
        console.print(Text(f"and {left:,} more cells; kstress report shows them all", "dim"))


def show_sweep(ending: SweepEnding, console: Console) -> None:
    """Print the table of a grid, the cells that are not complete and why, what is left, the last line."""
    if not ending.quests:
        _show_table(ending, console)
    for line in ["", *_troubles(ending)[:MOST_ROWS], *ending.swept.life.lines, end_line(ending)]:
        console.print(Text(line), soft_wrap=True)
