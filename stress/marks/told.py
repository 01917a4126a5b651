"""What a failed bout is told as: outcomes by CPU, the first bad one and its stacks, the seed, how to run it again."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stress.machine.python_engine import gil_enabled
from stress.machine.stacks import RawStack, line_of
from stress.marks import reach
from stress.marks.bout import Bout
from stress.marks.cell import again
from stress.marks.cpu import Player
from stress.marks.poison import Deed, Use
from stress.marks.under_test import PACKAGE
from stress.units import show_duration

MOST_FRAMES = 12


def headline(bout: Bout) -> str:
    """The verdict in a line; empty for a bout that held."""
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
    if bout.noise and (refusal := reach.refusal(bout.noise)):
        return f"INCONCLUSIVE: no operation had noise at lines or instructions ({refusal}), so little was tested"
    return ""


def is_bad(bout: Bout) -> bool:
    """Whether something is wrong, whatever bodies have raised."""
    return bool(headline(bout)) and not headline(bout).startswith("RAISED")


def _counts(bout: Bout) -> str:
    """Each forbidden outcome: how many of how many, and how often a second."""
    bad: Counter[str] = Counter()
    for player in bout.players:
        bad.update({name: count for name, count in player.outcomes.items() if name not in player.acceptable})
    rates = (f"{name} in {count:,} ({count / bout.seconds:,.1f}/s)" for name, count in bad.most_common())
    return f"{', '.join(rates)} of {bout.operations:,} operations, {bout.overlapped:,} of which overlapped a writer's"


def report(bout: Bout, nodeid: str) -> str:
    """All of it, as text; the first line is the verdict."""
    return "\n".join([headline(bout), *_roles(bout), *_first(bout), *_stray(bout), *_left(bout), *_end(bout, nodeid)])


def _roles(bout: Bout) -> Iterator[str]:
    """What each CPU did."""
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
    """The first violation of each outcome, with who freed and who used."""
    seen = sorted((one for player in bout.players for one in player.firsts.values()), key=lambda one: one.seconds)
    for first in {one.outcome: one for one in reversed(seen)}.values():
        when = f"after {show_duration(first.seconds)}, {first.kind.name.lower()} slice"
        yield ""
        yield f"first: {first.outcome} by {first.who}, {when}"
        if first.use:
            yield from _use(first.use)


def _use(use: Use) -> Iterator[str]:
    """One use of something freed."""
    ago = show_duration((use.used.at_ns - use.freed.at_ns) / 1e9)
    yield f"  {use.what} used ({use.how}) by {use.used.who}:"
    yield from _frames(use.used)
    yield f"  freed by {use.freed.who}, {ago} before:"
    yield from _frames(use.freed)


def _frames(deed: Deed) -> Iterator[str]:
    """The code under test's part of a stack."""
    yield from (f"    {line}" for line in own(deed.stack)[:MOST_FRAMES])


def own(stack: RawStack) -> list[str]:
    """The lines of a stack, innermost first, down to the harness, and without its frames on top."""
    files = [Path(code.co_filename).is_relative_to(PACKAGE) for code, _ in stack]
    start = files.index(False) if False in files else len(files)
    end = files.index(True, start) if True in files[start:] else len(files)
    return [f"{code.co_qualname} ({code.co_filename}:{line_of(code, at)})" for code, at in stack[start:end]]


def _stray(bout: Bout) -> Iterator[str]:
    """A use outside of any CPU's operation."""
    if bout.stray:
        yield ""
        yield "outside of any operation:"
        yield from _use(bout.stray)


def _left(bout: Bout) -> Iterator[str]:
    """CPUs that did not end their operation: what they do, with their stacks, and who waits for whom."""
    for cycle in bout.deadlocks:
        yield ""
        yield f"deadlock: {_circle(cycle)}"
    for left in bout.left:
        yield ""
        yield f"{left.who} {left.fate.value}; {'its thread was ended' if left.ended else 'its thread is left behind'}"
        yield f"  for {show_duration(left.seconds)} it {left.does}; at:"
        yield from "".join(left.stack).rstrip().splitlines()


def _circle(cycle: tuple[int, ...]) -> str:
    """Who waits for whose lock."""
    return ", ".join(
        f"CPU {one} waits for CPU {other}" for one, other in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    )


def notes(bout: Bout) -> list[str]:
    """What is to be said of a bout whatever its verdict is: a line for each CPU that still waited at the end."""
    return [f"{one.who} {one.fate.value}: for {show_duration(one.seconds)} it {one.does}" for one in bout.waiting]


def _end(bout: Bout, nodeid: str) -> Iterator[str]:
    """How long it ran, and how to run it again."""
    cell = bout.cell
    yield ""
    gil = "on" if gil_enabled() else "off"
    yield f"ran {show_duration(bout.seconds)} on {cell.cpus} CPUs, GIL {gil}, seed {cell.seed}"
    if bout.noise:
        yield f"noise: {reach.line(bout.noise)}"
    yield f"again (a seed fixes draws and noise, not the interleaving): {again(nodeid, cell)}"
