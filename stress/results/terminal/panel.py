"""Watching a soak: a panel on a terminal that a person can leave open, or a plain line for each interval elsewhere."""

import contextlib

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stress.campaign.soak.messages import CpuGlance, Glance
from stress.campaign.soak.records import Standing
from stress.campaign.soak.view import Span, View, Watcher
from stress.results.terminal.soak_summary import sparkline
from stress.safe_text import shown

MOST_CPUS = 16
FRAME_LINES = 14
"""What the panel has apart from its scenarios and CPUs."""
CLOCK = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def clock(seconds: float) -> str:
    """A time in whole seconds: `2d 3h 4m 5s`, without leading zeros."""
    left, parts = round(seconds), list[str]()
    for unit, size in CLOCK:
        count, left = divmod(left, size)
        if count or parts or unit == "s":
            parts.append(f"{count}{unit}")
    return " ".join(parts)


def brief(count: float) -> str:
    """A number in four characters or so: 950, 12.3k, 4.56M."""
    rounded = float(f"{count:.3g}")
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rounded >= size:
            return f"{rounded / size:.3g}{unit}"
    return f"{rounded:.3g}"


def latency(microseconds: float | None) -> str:
    """A latency of stops."""
    return "-" if microseconds is None else f"{microseconds:,.0f} us"


def memory(view: View) -> str:
    """The memory of the machine's process."""
    known = view.sample and view.sample.memory_bytes
    return f"{known / 2**20:.1f} MiB" if known else "-"


def steal(view: View) -> str:
    """What other guests of the host took in the last interval."""
    known = view.sample.steal_percent if view.sample else None
    return "-" if known is None else f"{known:.1f} %"


def interval_line(view: View) -> str:
    """The plain line of an interval."""
    standing, last = view.current, view.spans[-1]
    tally = standing.tally
    at = view.sample.at if view.sample else ""
    ended = "  FAILED" if standing.failure else "  STALLED" if standing.stall else ""
    return (
        f"{at}  {shown(standing.scenario)}  {clock(view.elapsed_s)} of {clock(view.plan.duration_s)}"
        f"  {brief(last.lookups_per_s)} lookups/s  {brief(last.unloads_per_s)} unloads/s"
        f"  {tally.race_windows:,} windows  {tally.violations:,} violations"
        f"  stop p99 {latency(last.stop_p99_us)}  memory {memory(view)}  steal {steal(view)}{ended}"
    )


class Lines(Watcher):
    """Prints one plain line for each interval, and notes. A soak outlives the reader of its lines."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console

    def _print(self, text: str) -> None:
        """One line; a reader that went away, or a full disk, does not end the soak: the journal has it all."""
        with contextlib.suppress(OSError):
            self._console.print(Text(text), soft_wrap=True)

    def note(self, text: str) -> None:
        """One line."""
        self._print(text)

    def sample(self, view: View) -> None:
        """One line."""
        self._print(interval_line(view))


def _head(view: View) -> RenderableType:
    """How far the soak is."""
    done = view.plan.duration_s - view.left_s
    grid = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=view.plan.duration_s, completed=done, width=30)
    grid.add_row(bar, f"{clock(done)} gone", f"{clock(view.left_s)} left", Text(shown(view.folder), "dim"))
    return grid


def _counts(standing: Standing, glance: Glance | None) -> tuple[int, int]:
    """Race windows and violations so far, those of the turn under way included."""
    mine = glance if glance and glance.scenario == standing.scenario else None
    if mine is None:
        return standing.tally.race_windows, standing.tally.violations
    return mine.race_windows, mine.violations


def _state(standing: Standing, view: View) -> str:
    """What is with a scenario."""
    if standing.failure:
        return "failed"
    if standing.stall:
        return "stalled"
    if standing.done:
        return "ended"
    return "runs" if standing.scenario == view.current.scenario else "waits"


def _scenarios(view: View) -> Table:
    """A row for each scenario."""
    table = Table(box=None, pad_edge=False)
    for name in ("scenario", "", "race windows", "violations", "lookups", "unloads"):
        table.add_column(name, justify="right" if name not in ("scenario", "") else "left", header_style="dim")
    expected = {part.name: part.expect for part in view.plan.scenarios}
    for standing in view.standings:
        windows, violations = _counts(standing, view.glance)
        style = "bold red" if violations and expected[standing.scenario] != "violated" else ""
        counts = (f"{windows:,}", f"{violations:,}", brief(standing.tally.lookups), brief(standing.tally.unloads))
        table.add_row(Text(shown(standing.scenario)), _state(standing, view), *counts, style=style)
    return table


def _rates(view: View) -> Table:
    """The last interval's rates, and how they were before."""
    grid = Table.grid(padding=(0, 2))
    if view.spans:
        last: Span = view.spans[-1]
        grid.add_row("lookups/s", brief(last.lookups_per_s), sparkline(one.lookups_per_s for one in view.spans))
        grid.add_row("unloads/s", brief(last.unloads_per_s), sparkline(one.unloads_per_s for one in view.spans))
        grid.add_row("stop p99", latency(last.stop_p99_us), sparkline(one.stop_p99_us for one in view.spans))
    grid.add_row("memory", memory(view), Text(f"steal {steal(view)}"))
    return grid


def _cpu_row(cpu: CpuGlance) -> tuple[str, ...]:
    """One CPU: number, core, program, operations, what it does."""
    core = "-" if cpu.core is None else str(cpu.core)
    return str(cpu.cpu), core, cpu.program, f"{cpu.operations:,}", cpu.state


def _cpus(view: View, most: int) -> RenderableType:
    """A line for each CPU, the first `most` of them."""
    if view.glance is None:
        return Text("no CPU was seen yet", "dim")
    table = Table(box=None, pad_edge=False)
    for name in ("cpu", "core", "program", "operations", "state"):
        table.add_column(name, justify="right" if name in ("cpu", "core", "operations") else "left", header_style="dim")
    for cpu in view.glance.cpus[:most]:
        table.add_row(*map(Text, _cpu_row(cpu)))
    more = len(view.glance.cpus) - most
    return Group(table, Text(f"and {more} more CPUs", "dim")) if more > 0 else table


def render(view: View, height: int = 50) -> RenderableType:
    """The whole panel, with as many CPUs as a screen of `height` lines has room for."""
    most = min(max(height - FRAME_LINES - len(view.standings), 1), MOST_CPUS)
    plan = view.plan
    title = f"kstress soak  {plan.engine} engine, {plan.cpus} CPUs, seed {plan.seed}"
    body = Group(_head(view), "", _scenarios(view), "", _rates(view), "", _cpus(view, most))
    return Panel(body, title=title, subtitle="Ctrl-C ends it with the verdict so far", title_align="left")


class LivePanel(Watcher):
    """Keeps the panel on a terminal current."""

    wants_glances = True

    def __init__(self, console: Console) -> None:
        """Draw on `console`, which is a terminal; drawn only when something new has come."""
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def _draw(self, shown: RenderableType) -> None:
        """Draw, and take the terminal if that was not done yet."""
        self._live.start()
        self._live.update(shown, refresh=True)

    def note(self, text: str) -> None:
        """Until there is more to show."""
        self._draw(Text(text, "dim"))

    def glance(self, view: View) -> None:
        """Draw."""
        self._draw(render(view, self._live.console.height))

    sample = glance

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()
