"""The report of a failed run: outcomes of each CPU, the first violations with stacks, the seed, how to run it again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from stress.machine.gil import gil_enabled
from stress.machine.stacks import RawStack, line_of
from stress.marks.cell import rerun_command
from stress.marks.crews.run_end import EndState
from stress.marks.mark_run import MarkRun
from stress.marks.noise import noise_summary
from stress.marks.noise.code_under_test import PACKAGE
from stress.marks.operations.player import Player
from stress.marks.operations.poison import Action, Use
from stress.marks.operations.positions import Position
from stress.marks.operations.roles import Duty, name_of
from stress.marks.operations.round_player import RoundPlayer
from stress.marks.operations.tally import Tally
from stress.safe_text import escaped, on_one_line, shortened
from stress.units import counted, show_duration

MOST_FRAMES = 12
MOST_OUTCOMES = 8
MOST_DETAIL = 4000
"""The characters of a detail that are told."""
EMPTY = "'' (an empty name)"
"""A body that puts a value into an outcome's name has a new outcome in each operation: a line for all is megabytes."""
ENDINGS = (pytest.skip.Exception, pytest.xfail.Exception)
"""What a body raises to end its test as skipped, or as expected to fail: neither is a fault of the code under test."""

UNDECIDED = {
    EndState.UNKNOWN: "got no core to finish an operation on",
    EndState.CROWDED: "waited in an operation for others that got no core",
    EndState.HELPED: "waited in an operation while other threads worked: one of them may end the wait",
    EndState.TIMED: "waited in an operation at the end of the run, with a timeout or a timer that may end the wait",
    EndState.LONG: "had been in an operation at the end of the run for less time than an earlier one took",
}
"""Why it is unknown what becomes of CPUs that are left."""


def headline(run: MarkRun) -> str:
    """The verdict in a line; empty for a run that held."""
    stuck = run.left_in(EndState.STALLED)
    if stuck or run.stall:
        ends = "does not end its operation" if len(stuck) == 1 else "do not end their operation"
        return "STALLED: " + (run.stall or f"{len(stuck)} of {counted(len(run.players), 'CPU')} {ends}")
    if run.violations:
        return f"VIOLATED: {_counts(run)}"
    if run.stray:
        return "VIOLATED: freed, outside of any operation"
    if run.errors:
        return f"RAISED: {', '.join(_raised(run))} ended in an exception"
    for state, why in UNDECIDED.items():
        if left := run.left_in(state):
            return f"INCONCLUSIVE: {len(left)} of {counted(len(run.players), 'CPU')} {why}"
    if not run.overlapped:
        alone = len(run.players) == 1 or not any(map(_is_task, run.players))
        why = "" if alone else ": no body awaited anything that waits"
        return (
            f"INCONCLUSIVE: none of {run.operations:,} operations overlapped {_whose(run)}{why}, so nothing was tested"
        )
    if run.noise and (refusal := noise_summary.refusal(run.noise)):
        return f"INCONCLUSIVE: no operation had noise at lines or instructions ({refusal}), so little was tested"
    return ""


def so_far(run: MarkRun) -> str:
    """What an interrupted run has shown until then, for the end of a line."""
    if (told := headline(run)) and not told.startswith("INCONCLUSIVE"):
        return told
    left = f"; {len(run.left)} of {counted(len(run.players), 'CPU')} did not end their operation" if run.left else ""
    return f"before any fault was seen{left}"


def _raised(run: MarkRun) -> Iterator[str]:
    """What ended in an exception: operations, rounds, threads that are no CPUs, finalizers."""
    if operations := sum(len(player.tally.errors) for player in run.players):
        yield f"{operations} of {counted(run.operations, 'operation')}"
    if run.rounds and run.rounds.tally.errors:
        yield f"{len(run.rounds.tally.errors)} of {counted(run.rounds.begun, 'round')}"
    if run.outside and run.outside.errors:
        number = len(run.outside.errors)
        yield f"{number:,} {run.outsiders[number != 1]} of the code under test"
    if run.ignored and run.ignored.errors:
        yield f"{counted(len(run.ignored.errors), 'finalizer')} of the code under test"


def is_bad(run: MarkRun) -> bool:
    """Whether the verdict is bad: not empty, and not RAISED."""
    return bool(headline(run)) and not headline(run).startswith("RAISED")


def _counts(run: MarkRun) -> str:
    """The counts and rates of each forbidden outcome, and the operations that overlapped a writer's."""
    counts = few(run.forbidden, "forbidden outcome")
    rates = (f"{_named(name)} in {count:,} ({count / run.seconds:,.1f}/s)" for name, count in counts.items())
    of = f"{counted(run.rounds.current.number, 'round')}, " if run.rounds else ""
    return f"{', '.join(rates)} of {of}{_operations(run)}"


def few(counts: Mapping[str, int], what: str) -> dict[str, int]:
    """The highest counts, at most MOST_OUTCOMES of them, and the sum of the others; `what` each of these is."""
    found = Counter(counts).most_common()
    rest = [count for _, count in found[MOST_OUTCOMES:]]
    return dict(found[:MOST_OUTCOMES]) | ({counted(len(rest), f"other {what}"): sum(rest)} if rest else {})


def _named(outcome: str) -> str:
    """The name of an outcome, safe for a terminal and not too long: it may have a value in it."""
    return on_one_line(shortened(outcome)) or EMPTY


def _is_task(player: Player) -> bool:
    """Whether a CPU is a task."""
    return player.role.duty is Duty.TASK


def _whose(run: MarkRun) -> str:
    """Whose operations count as overlapped."""
    symmetric = all(player.role.duty in (Duty.THREAD, Duty.TASK) for player in run.players)
    return "another CPU's" if symmetric else "a writer's"


def text_of(run: MarkRun, nodeid: str) -> str:
    """The whole report as text; the first line is the verdict."""
    again = f"again (a seed fixes draws and noise, not the interleaving): {rerun_command(nodeid, run.cell)}"
    return "\n".join([headline(run), *_roles(run), *_first(run), *_stray(run), *_left(run), *_end(run), again])


def text_of_held(run: MarkRun) -> str:
    """The report of a run without a fault, for a test that fails all the same."""
    return "\n".join([no_fault(run), *_roles(run), *_left(run), *_end(run)])


def no_fault(run: MarkRun) -> str:
    """What a run without a fault has tried, in a line."""
    return "; ".join(filter(None, [f"no fault in {_operations(run)}", little(run)]))


def _operations(run: MarkRun) -> str:
    """The operations, and those that overlapped a writer's."""
    return f"{counted(run.operations, 'operation')}, {run.overlapped:,} of which overlapped {_whose(run)}"


def _roles(run: MarkRun) -> Iterator[str]:
    """A line for each CPU: its role, its operations and their outcomes; and one for the rounds."""
    yield ""
    for player in run.players:
        counts = f"{counted(player.operations, 'operation')}, {player.overlapped:,} overlapped"
        yield f"  CPU {player.cpu.number}  {player.role.name}: {counts}{_ends(player.tally)}"
    if run.rounds:
        final = f", final {name_of(run.rounds.final)}" if run.rounds.final else ""
        rounds = f"{counted(run.rounds.current.number, 'round')}, fresh {name_of(run.rounds.fresh)}{final}"
        yield f"  {rounds}{_ends(run.rounds.tally)}"


def _ends(tally: Tally) -> str:
    """The outcomes of a tally, and the exception that it has."""
    counts = few(tally.outcomes, "outcome")
    ends = ", ".join(
        f"{'FORBIDDEN ' * (name in tally.forbidden)}{_named(name)} {count:,}" for name, count in counts.items()
    )
    raised = f", raised {type(tally.errors[0]).__name__}" if tally.errors else ""
    return f"{': ' if ends else ''}{ends}{raised}"


def _first(run: MarkRun) -> Iterator[str]:
    """The first violation of each outcome and the first exception, with the free and the use if it is `freed`.

    Of many outcomes those that came first are told.
    """
    for first in run.firsts[:MOST_OUTCOMES]:
        when = f"after {show_duration(first.seconds)}, {first.kind.name.lower()} slice"
        yield ""
        yield f"first: {_named(first.outcome)} by {first.who}, {when}"
        if first.detail:
            yield from (f"  {line}" for line in escaped(shortened(first.detail, MOST_DETAIL)).splitlines())
        if first.use:
            yield from _use(first.use)
        yield from _positions(first.positions)


def _positions(positions: Sequence[Position]) -> Iterator[str]:
    """Where the other CPUs stood."""
    for position in positions:
        lines = own(position.stack)
        yield f"  meanwhile {position.who}{' stood in:' if lines else ' was between two operations'}"
        yield from (f"    {line}" for line in lines[:MOST_FRAMES])


def _use(use: Use) -> Iterator[str]:
    """One use of something freed, with both stacks."""
    ago = show_duration((use.used.at_ns - use.freed.at_ns) / 1e9)
    yield f"  {use.what} used ({use.how}) by {use.used.who}:"
    yield from _frames(use.used)
    yield f"  freed by {use.freed.who}, {ago} before:"
    yield from _frames(use.freed)


def _frames(action: Action) -> Iterator[str]:
    """The lines of a stack that are not the harness's, at most MOST_FRAMES."""
    yield from (f"    {line}" for line in own(action.stack)[:MOST_FRAMES])


def own(stack: RawStack) -> list[str]:
    """The lines of a stack between the harness's frames, innermost first."""
    files = [Path(code.co_filename).is_relative_to(PACKAGE) for code, _ in stack]
    start = files.index(False) if False in files else len(files)
    end = files.index(True, start) if True in files[start:] else len(files)
    return [f"{code.co_qualname} ({code.co_filename}:{line_of(code, at)})" for code, at in stack[start:end]]


def _stray(run: MarkRun) -> Iterator[str]:
    """A use of something freed by a thread that is not a CPU."""
    if run.stray:
        yield ""
        yield "outside of any operation:"
        yield from _use(run.stray)


def _left(run: MarkRun) -> Iterator[str]:
    """The deadlocks, and each CPU that did not end its operation: what it does, and its stack."""
    for cycle in run.deadlocks:
        yield ""
        yield f"deadlock: {_circle(cycle)}"
    for left in run.left:
        yield ""
        yield f"{left.who} {left.state.value}; {left.fate}"
        yield f"  for {show_duration(left.seconds)} it {left.does}; at:"
        yield from "".join(left.stack).rstrip().splitlines()
    yield from _open_round(run)


def _open_round(run: MarkRun) -> Iterator[str]:
    """The last switches in a round that CPUs do not end: how they came to wait."""
    player, rounds = run.players[0] if run.left_in(EndState.STALLED) else None, run.rounds
    if rounds and isinstance(player, RoundPlayer) and rounds.begun == rounds.current.number:
        yield ""
        yield from rounds.last_switches(player.describe)


def _circle(cycle: tuple[int, ...]) -> str:
    """A circle of waits in words."""
    return ", ".join(
        f"CPU {one} waits for CPU {other}" for one, other in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    )


def notes(run: MarkRun) -> list[str]:
    """The notes on a run of any verdict: a line for each CPU that still waited at the end, and for a busy host."""
    waiting = run.left_in(EndState.WAITS)
    waits = [f"{one.who} {one.state.value}: for {show_duration(one.seconds)} it {one.does}" for one in waiting]
    return [*waits, *filter(None, [little(run)])]


def little(run: MarkRun) -> str:
    """How little of its core a busy host gave a run in which no fault was seen; empty if it gave enough."""
    withheld = run.withheld
    if run.violations or run.errors or not withheld.is_little(run.cell.duration_s):
        return ""
    rounds = f" ({counted(run.rounds.current.number, 'round')})" if run.rounds else ""
    part, of = withheld.ran / withheld.elapsed, counted(withheld.cores, "core")
    return (
        f"the host gave this run {part:.2f} of {of} for {show_duration(withheld.elapsed)}:"
        f" {counted(run.operations, 'operation')}{rounds}, {run.overlapped:,} of which overlapped {_whose(run)};"
        " other programs had the rest, so run it again on a host that is less busy"
    )


def _end(run: MarkRun) -> Iterator[str]:
    """The time, the CPUs, the seed and the noise of the run."""
    cell = run.cell
    yield ""
    gil = "on" if gil_enabled() else "off"
    unused = f" ({run.unused} more without a role)" if run.unused else ""
    yield f"ran {show_duration(run.seconds)} on {counted(run.cpus, 'CPU')}{unused}, GIL {gil}, seed {cell.seed}"
    if run.noise:
        yield f"noise: {noise_summary.line(run.noise)}"
