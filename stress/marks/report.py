"""The report of a failed run: outcomes of each CPU, the first violations with stacks, the seed, how to run it again."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stress.machine.python_engine import gil_enabled
from stress.machine.stacks import RawStack, line_of
from stress.marks import noise_summary
from stress.marks.bout import Bout
from stress.marks.cell import rerun_command
from stress.marks.code_under_test import PACKAGE
from stress.marks.cpu import Player
from stress.marks.poison import Action, Use
from stress.units import show_duration

MOST_FRAMES = 12


def headline(bout: Bout) -> str:
    """The verdict in a line; empty for a run that held."""
    if bout.stuck or bout.stall:
        return "STALLED: " + (bout.stall or f"{len(bout.stuck)} of {len(bout.players)} CPUs do not end their operation")
    if bout.violations:
        return f"VIOLATED: {_counts(bout)}"
    if bout.stray:
        return "VIOLATED: freed, outside of any operation"
    if bout.errors:
        return f"RAISED: {len(bout.errors)} of {bout.operations:,} operations ended in an exception"
    if bout.starved:
        return f"INCONCLUSIVE: {len(bout.starved)} of {len(bout.players)} CPUs got no core to finish their operation on"
    if not bout.overlapped:
        return f"INCONCLUSIVE: none of {bout.operations:,} operations overlapped a writer's, so nothing was tested"
    if bout.noise and (refusal := noise_summary.refusal(bout.noise)):
        return f"INCONCLUSIVE: no operation had noise at lines or instructions ({refusal}), so little was tested"
    return ""


def is_bad(bout: Bout) -> bool:
    """Whether the verdict is bad: not empty, and not RAISED."""
    return bool(headline(bout)) and not headline(bout).startswith("RAISED")


def _counts(bout: Bout) -> str:
    """The counts and rates of each forbidden outcome, and the operations that overlapped a writer's."""
    bad: Counter[str] = Counter()
    for player in bout.players:
        bad.update({name: count for name, count in player.outcomes.items() if name not in player.acceptable})
    rates = (f"{name} in {count:,} ({count / bout.seconds:,.1f}/s)" for name, count in bad.most_common())
    return f"{', '.join(rates)} of {bout.operations:,} operations, {bout.overlapped:,} of which overlapped a writer's"


def text_of(bout: Bout, nodeid: str) -> str:
    """The whole report as text; the first line is the verdict."""
    return "\n".join([headline(bout), *_roles(bout), *_first(bout), *_stray(bout), *_left(bout), *_end(bout, nodeid)])


def _roles(bout: Bout) -> Iterator[str]:
    """A line for each CPU: its role, its operations and their outcomes."""
    yield ""
    for player in bout.players:
        ends = ", ".join(f"{_graded(player, name)} {count:,}" for name, count in player.outcomes.most_common())
        raised = f", raised {type(player.errors[0]).__name__}" if player.errors else ""
        yield (
            f"  CPU {player.cpu.number}  {player.role.name}: {player.operations:,} operations, "
            f"{player.overlapped:,} overlapped{': ' if ends else ''}{ends}{raised}"
        )


def _graded(player: Player, outcome: str) -> str:
    """An outcome, marked if it is not acceptable."""
    return outcome if outcome in player.acceptable else f"FORBIDDEN {outcome}"


def _first(bout: Bout) -> Iterator[str]:
    """The first violation of each outcome, with the free and the use if it is `freed`."""
    seen = sorted((one for player in bout.players for one in player.firsts.values()), key=lambda one: one.seconds)
    for first in {one.outcome: one for one in reversed(seen)}.values():
        when = f"after {show_duration(first.seconds)}, {first.kind.name.lower()} slice"
        yield ""
        yield f"first: {first.outcome} by {first.who}, {when}"
        if first.use:
            yield from _use(first.use)


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


def _stray(bout: Bout) -> Iterator[str]:
    """A use of something freed by a thread that is not a CPU."""
    if bout.stray:
        yield ""
        yield "outside of any operation:"
        yield from _use(bout.stray)


def _left(bout: Bout) -> Iterator[str]:
    """The deadlocks, and each CPU that did not end its operation: what it does, and its stack."""
    for cycle in bout.deadlocks:
        yield ""
        yield f"deadlock: {_circle(cycle)}"
    for left in bout.left:
        yield ""
        yield f"{left.who} {left.state.value}; {'its thread was ended' if left.ended else 'its thread is left behind'}"
        yield f"  for {show_duration(left.seconds)} it {left.does}; at:"
        yield from "".join(left.stack).rstrip().splitlines()


def _circle(cycle: tuple[int, ...]) -> str:
    """A circle of waits in words."""
    return ", ".join(
        f"CPU {one} waits for CPU {other}" for one, other in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    )


def notes(bout: Bout) -> list[str]:
    """The notes on a run of any verdict: a line for each CPU that still waited at the end."""
    return [f"{one.who} {one.state.value}: for {show_duration(one.seconds)} it {one.does}" for one in bout.waiting]


def _end(bout: Bout, nodeid: str) -> Iterator[str]:
    """The time, the CPUs, the seed and the noise of the run, and how to run it again."""
    cell = bout.cell
    yield ""
    gil = "on" if gil_enabled() else "off"
    yield f"ran {show_duration(bout.seconds)} on {cell.cpus} CPUs, GIL {gil}, seed {cell.seed}"
    if bout.noise:
        yield f"noise: {noise_summary.line(bout.noise)}"
    yield f"again (a seed fixes draws and noise, not the interleaving): {rerun_command(nodeid, cell)}"
