"""The outcome table: the result of a run, for a terminal. Names of symbols are always escaped."""

import shlex
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stress.judge.outcomes import FINDINGS, FORBIDDEN
from stress.judge.tally import Tally
from stress.judge.trials import bound_text
from stress.judge.verdict import INCONCLUSIVE, STALLED, VIOLATED, trials_needed
from stress.results.terminal.consoles import COLOURS
from stress.runs.report import stall_text, violation_text
from stress.runs.result import Result, rerun_command
from stress.scenario import Scenario
from stress.units import show_amount, show_duration


def show_rate(count: int, seconds: float) -> str:
    """How many a second."""
    return f"{show_amount(count / seconds)}/s" if seconds > 0 else "-"


def _share(count: int, total: int) -> str:
    """A share in percent, never rounded to nothing."""
    if count == 0:
        return "-"
    percent = 100 * count / total
    return f"{percent:.2f} %" if percent >= 0.01 else "< 0.01 %"


def outcome_table(result: Result) -> Table:
    """Every graded outcome with its count, share, grade and meaning; those that were not seen are dim.

    What the harness itself finds is listed if it was seen.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("outcome")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    table.add_column("grade")
    table.add_column("what it means")
    for name, outcome in result.scenario.outcomes.items():
        count = result.tally.outcomes[name]
        if name in FINDINGS and not count:
            continue
        bad = outcome.grade == FORBIDDEN
        style = "dim" if not count else "bold red" if bad else "green"
        share = _share(count, result.tally.lookups)
        words = (name, f"{count:,}", share, outcome.grade, outcome.meaning)
        table.add_row(*map(escape, words), style=style)
    return table


def _lines(result: Result) -> list[tuple[str, str]]:
    """The facts below the table, as label and text, in the words of what was read."""
    tally = result.tally
    reads, thing, gone, made = _words(result.scenario)
    windows = f"{tally.race_windows:,} {reads} overlapped a change"
    lines = [
        (reads, f"{tally.lookups:,} ({show_rate(tally.lookups, tally.seconds)})"),
        (thing, f"{tally.unloads:,} {gone} ({show_rate(tally.unloads, tally.seconds)}), {tally.loads:,} {made}"),
        ("race windows", windows if tally.race_windows else f"none: no {reads} overlapped a change"),
        *_updates(tally),
        ("trials", bound_text(tally.caught)),
        ("stops", _stops(tally)),
    ]
    if result.twin_tally is not None:
        lines.append(("twin", _twin(result, result.twin_tally)))
    if tally.first_violation_s is not None:
        lines.append(("first seen", f"after {show_duration(tally.first_violation_s)}{_again(tally)}"))
    return lines


def _updates(tally: Tally) -> list[tuple[str, str]]:
    """What updates of a structure cost."""
    cost = tally.updates
    if not cost.count:
        return []
    mean, longest = show_duration(cost.nanoseconds / cost.count / 1e9), show_duration(cost.longest / 1e9)
    short = f"; memory was short {cost.memory_short:,} times" if cost.memory_short else ""
    waited = show_amount(cost.waiting / cost.count)
    waiting = f"{waited} retired and not freed yet (mean), {cost.most_waiting:,} (most){short}"
    return [("updates", f"{cost.count:,}, each {mean} (mean), {longest} (longest)"), ("waiting", waiting)]


def _words(scenario: Scenario) -> tuple[str, str, str, str]:
    """What is counted: reads; what comes and goes, what goes, what comes."""
    if scenario.structure_name is None:
        return "lookups", "modules", "unloads", "loads"
    return scenario.structure.reads if scenario.structure else "reads", "objects", "retired", "made"


def _stops(tally: Tally) -> str:
    """How often and for how long the machine was stopped."""
    if not tally.stops:
        return "none"
    p50, p99, most = (tally.stop_latency_us(share) or 0.0 for share in (0.5, 0.99, 1.0))
    shown = [show_duration(latency / 1e6) for latency in (p50, p99, most)]
    return f"{tally.stops:,}, each {shown[0]} (median), {shown[1]} (99 %), {shown[2]} (longest)"


def _twin(result: Result, twin: Tally) -> str:
    """What the twin shows this run could have seen."""
    needed = trials_needed(twin)
    text = f"{result.scenario.twin_label}: {twin.violations:,} violations; {bound_text(twin.caught)}"
    if needed is None:
        return text
    trials, seconds = result.tally.caught.trials, result.tally.seconds
    how_long = f", about {show_duration(seconds * needed / trials)}" if trials else ""
    return f"{text}; HELD takes {needed:,} trials{how_long}"


def _again(tally: Tally) -> str:
    """How soon another machine shows its first: the time after a catch is left out, since damage is seen many times."""
    mean = tally.mean_to_catch_s
    return "" if mean is None else f"; a machine shows its first after {show_duration(mean)} on average"


def render(result: Result, more: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """One result: heading, outcomes, facts, and `more` facts as label and text."""
    heading = Text.assemble(
        (result.scenario.name, "bold"),
        f"  {result.engine} engine, {result.config.cpus} CPUs, {show_duration(result.tally.seconds)}, ",
        f"seed {result.config.seed}",
    )
    facts = Table.grid(padding=(0, 2))
    for label, text in [*_lines(result), *more]:
        facts.add_row(Text(label, style="dim"), Text(text))
    claim = Text(result.scenario.claim, style="italic")
    return Group(heading, claim, "", outcome_table(result), "", facts, "")


def verdict_line(result: Result) -> Text:
    """The verdict and its reason."""
    verdict = result.verdict
    mark = "as expected" if result.as_expected else f"expected {result.scenario.expect.upper()}"
    early = f" ({result.early})" if result.early else ""
    return Text.assemble((verdict.name.upper(), f"bold {COLOURS[verdict.name]}"), f" {mark}{early}: {result.reason}")


def summary(results: list[Result]) -> RenderableType:
    """One line for each result, when there are several."""
    table = Table.grid(padding=(0, 2))
    for result in results:
        verdict = result.verdict.name
        mark = "as expected" if result.as_expected else f"expected {result.scenario.expect.upper()}"
        table.add_row(result.scenario.name, Text(verdict.upper(), style=COLOURS[verdict]), mark)
    return table


def _reports(reports: Sequence[str], violations: int, most: int) -> Text:
    """The first `most` violations in full, and the number of the others."""
    text = Text()
    for report in reports[:most]:
        rule, title, *lines = report.split("\n")
        text.append(f"{rule}\n").append(f"{title}\n", "bold red").append("\n".join([*lines, "", ""]))
    return text.append(_unshown(len(reports), violations, most), "dim").append("\n")


def _unshown(kept: int, violations: int, most: int) -> str:
    """How many violations have no report above."""
    shown = min(kept, most)
    noun = "report" if kept - shown == 1 else "reports"
    others = f"; {kept - shown} other {noun}: --reports {kept}, or --json" if kept > shown else ""
    return f"{violations:,} violation{'' if violations == 1 else 's'}, {shown} reported above{others}"


def show_with_reports(
    result: Result,
    reports: Sequence[str],
    stall: str | None,
    console: Console,
    most: int = 1,
    more: Sequence[tuple[str, str]] = (),
) -> None:
    """Print one result with `more` facts, the first `most` of its violations' `reports`, and that of its stall.

    Reports, stall, verdict and the command that runs it again are not wrapped, to be found and copied.
    """
    console.print(render(result, more))
    if reports:
        console.print(_reports(reports, result.tally.violations, most), soft_wrap=True)
    if reports or (result.verdict.name == INCONCLUSIVE and result.scenario.expect in (VIOLATED, STALLED)):
        explore = shlex.join(["kstress", "explore", result.scenario.origin])
        why = "to find it one CPU at a time, replay and see it" if reports else "one CPU at a time may find it"
        console.print(Text.assemble((f"{why}  ", "dim"), explore), soft_wrap=True)
    if stall is not None:
        console.print(Text(stall), "", soft_wrap=True, sep="\n")
    console.print(verdict_line(result), soft_wrap=True)
    console.print(Text.assemble(("again  ", "dim"), rerun_command(result)), soft_wrap=True)
    console.print()


def show(result: Result, console: Console, reports: int = 1) -> None:
    """Print one result, with at most `reports` violations in full."""
    again, outcomes = rerun_command(result), result.scenario.outcomes
    made = [violation_text(violation, outcomes, again) for violation in result.reports]
    show_with_reports(result, made, stall_text(result.stall) if result.stall else None, console, reports)
