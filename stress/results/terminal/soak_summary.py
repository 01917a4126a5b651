"""The result of a soak in words: its history in a few lines, and a last line with every figure, for grep."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.text import Text

from stress.campaign.life import RUNNING
from stress.campaign.soak.ending import Ending
from stress.campaign.soak.records import Sample, Standing
from stress.campaign.soak.view import STRETCHES, stretches
from stress.judge.tally import Tally
from stress.judge.verdict import rate_upper_95
from stress.results.terminal.table import show_with_reports
from stress.runs.report import printable_text
from stress.runs.result import Result
from stress.safe_text import shown
from stress.units import show_amount, show_bound, show_number, write_duration

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float | None]) -> str:
    """A small bar for each value, from zero to the greatest; a dot where there is none."""
    known = list(values)
    most = max((value for value in known if value is not None), default=0.0)
    if most <= 0:
        return "".join("·" if value is None else BARS[0] for value in known)
    steps = len(BARS) - 1
    return "".join("·" if value is None else BARS[round(max(value, 0.0) / most * steps)] for value in known)


def _range(values: Sequence[float | None], show: Callable[[float], str]) -> str:
    """The least and the greatest of some values; one of them where both look the same."""
    known = [value for value in values if value is not None]
    return " to ".join(dict.fromkeys((show(min(known)), show(max(known))))) if known else "-"


def _few_digits(value: float) -> str:
    """In two digits."""
    return show_number(value, 2)


def greatest_of_parts(values: Sequence[float | None], most: int = STRETCHES) -> list[float | None]:
    """The greatest value in each of at most so many parts of the same length; None where none is known."""
    step = -(-len(values) // most) or 1
    parts = (values[start : start + step] for start in range(0, len(values), step))
    return [max((value for value in part if value is not None), default=None) for part in parts]


def history(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    """How a scenario went over time, all of it in each row, as label and text."""
    spans = stretches(samples)
    twin = [None if one.twin_rate is None else 100 * one.twin_rate for one in spans]
    memory = [one.memory_bytes and one.memory_bytes / 2**20 for one in samples]
    rows: list[tuple[str, list[float | None], Callable[[float], str], str]] = [
        ("lookups/s", [one.lookups_per_s for one in spans], show_amount, ""),
        ("unloads/s", [one.unloads_per_s for one in spans], show_amount, ""),
        ("stop p99", [one.stop_p99_us for one in spans], show_amount, " us"),
        ("twin caught", twin, _few_digits, " % of its trials"),
        ("memory", memory, lambda value: f"{value:,.1f}", " MiB"),
        ("steal", [one.steal_percent for one in samples], _few_digits, " %"),
    ]
    known = [row for row in rows if any(value is not None for value in row[1])]
    return [
        (label, f"{sparkline(greatest_of_parts(values))}  {_range(values, show)}{unit}")
        for label, values, show, unit in known
    ]


def losses(standing: Standing) -> list[tuple[str, str]]:
    """The turns that were lost, as label and text."""
    if not standing.lost_turns:
        return []
    return [("lost turns", f"{standing.lost_turns:,}, the last one: {shown(standing.last_loss)}")]


def mark(result: Result, standing: Standing) -> str:
    """The result of a scenario for the last line: the verdict in capitals first."""
    if standing.failure:
        return f"FAILED ({shown(standing.failure.json.get('reason', 'reason unknown'))})"
    expected = "as expected" if result.as_expected else f"expected {result.scenario.expect.upper()}"
    return f"{result.verdict.name.upper()} {expected}"


def end_line(ending: Ending, result: Result) -> str:
    """The last line of a soak: verdict, state, every count and every parameter that it depends on."""
    plan, tally, twin = ending.manifest.plan, result.tally, result.twin_tally
    standing = ending.standings[result.scenario.name]
    facts = {
        "scenario": result.scenario.origin,
        "engine": plan.engine,
        "cpus": plan.cpus,
        "elapsed_s": round(max(one.elapsed_s for one in ending.standings.values()), 1),
        "duration": write_duration(plan.duration_s),
        "lookups": tally.lookups,
        "loads": tally.loads,
        "unloads": tally.unloads,
        "stops": tally.stops,
        "race_windows": tally.race_windows,
        "violations": tally.violations,
        "rate_upper_95": _bound(rate_upper_95(tally)),
        **_trials("", tally),
        "catch_rate_upper_95": _bound(tally.caught.upper_95 if tally.caught.independent else None),
        "twin": result.scenario.twin_label or "none",
        **({"twin_race_windows": twin.race_windows, "twin_violations": twin.violations} if twin else {}),
        **(_trials("twin_", twin) if twin else {}),
        "seed": plan.seed,
        "kasan": "on" if plan.kasan else "off",
        "noise": plan.noise,
        "pace": write_duration(plan.pace_s),
        "stall_after": write_duration(plan.stall_after_s),
        "stop_on_violation": "yes" if plan.stop_on_violation else "no",
        "interval": write_duration(plan.interval_s),
        "corpus": plan.corpus or "bundled",
        "sessions": len(ending.manifest.sessions),
        **({"lost_turns": standing.lost_turns} if standing.lost_turns else {}),
        **({"workers": len(ending.workers)} if ending.workers else {}),
        "run": ending.folder,
    }
    words = " ".join(f"{name}={shown(value)}" for name, value in facts.items())
    what = "Soak so far" if ending.state == RUNNING else "End of soak"
    return f"kstress: --- {what}: {mark(result, standing)}, {ending.state}: {words}"


def _bound(bound: float | None) -> str:
    """An upper bound on a rate."""
    return "none" if bound is None else show_bound(bound, 3)


def _trials(prefix: str, tally: Tally) -> dict[str, int]:
    """Trials and catches of either side; nothing of a soak by an earlier version, which counted none."""
    caught = tally.caught
    return {f"{prefix}trials": caught.trials, f"{prefix}catches": caught.catches} if caught.independent else {}


def _what_ended(standing: Standing) -> str | None:
    """The stall and the failure that ended a scenario; None if it had neither."""
    told = [one for one in (standing.stall, standing.failure) if one]
    lines = [line for one in told for line in (*one.lines, "")]
    return printable_text(lines[:-1]) if told else None


def show_ending(ending: Ending, console: Console, reports: int = 1) -> None:
    """Print every scenario's table, reports, history and verdict, what is left and how to resume it, and last lines."""
    results = ending.results
    for result in results:
        name = result.scenario.name
        standing = ending.standings[name]
        over_time = [*history([one for one in ending.samples if one.standing.scenario == name]), *losses(standing)]
        told = [report.text for report in ending.reports(name)]
        show_with_reports(result, told, _what_ended(standing), console, reports, over_time)
    for line in [*ending.life.lines, *(end_line(ending, result) for result in results)]:
        console.print(Text(line), soft_wrap=True)
