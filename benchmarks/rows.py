"""Rows: what is compared with what, the floor wanted, and what came out: ratios round by round, then their median."""

from collections.abc import Mapping, Sequence
from statistics import median

import attrs

from benchmarks.exhibits import Seen


@attrs.frozen
class Row:
    """One comparison: a figure of our exhibit against the same figure of a peer, or against a bound if there is none.

    `floor` is the least ratio wanted, ours to the peer's; where `less_is_better`, the peer's to ours. Without a
    peer it is the bound itself. A figure below `smallest` is taken as that, so that a peer that saw nothing in a
    round can be divided by. None: nothing is wanted, the row is there to be looked at.
    """

    name: str
    figure: str
    ours: str
    peer: str | None = None
    floor: float | None = None
    less_is_better: bool = False
    scale: float = 1.0
    smallest: float = 1e-9
    quick: bool = False


@attrs.frozen
class Outcome:
    """A row's result. `ok` is None where nothing is wanted; without figures, `note` says why."""

    row: Row
    ours: float | None = None
    peer: float | None = None
    ratio: float | None = None
    least: float | None = None
    most: float | None = None
    rounds: int = 0
    ok: bool | None = None
    note: str = ""


def figures(seen: Sequence[Seen], row: Row) -> list[float | None]:
    """The row's figure of each round; None where it could not be had."""
    values = [one.get(row.figure) for one in seen]
    return [float(value) * row.scale if isinstance(value, int | float) else None for value in values]


def in_favour(ours: float, peer: float, row: Row) -> float:
    """How many times better ours is."""
    better, worse = (peer, ours) if row.less_is_better else (ours, peer)
    return better / max(worse, row.smallest)


def judge_bound(row: Row, ours: list[float]) -> Outcome:
    """A row without a peer: its median against the bound."""
    middle = median(ours)
    ok = None
    if row.floor is not None:
        ok = middle <= row.floor if row.less_is_better else middle >= row.floor
    return Outcome(row, middle, least=min(ours), most=max(ours), rounds=len(ours), ok=ok)


def judge_pairs(row: Row, pairs: list[tuple[float, float]]) -> Outcome:
    """A row with a peer: the median of the ratios of each round."""
    ratios = [in_favour(ours, peer, row) for ours, peer in pairs]
    middle = median(ratios)
    ok = None if row.floor is None else middle >= row.floor
    ours, peer = (median(side) for side in zip(*pairs, strict=True))
    return Outcome(row, ours, peer, middle, min(ratios), max(ratios), len(ratios), ok)


def judge(row: Row, seen: Mapping[str, Sequence[Seen]]) -> Outcome:
    """What a row's rounds say."""
    ours = figures(seen.get(row.ours, ()), row)
    if row.peer is None:
        known = [figure for figure in ours if figure is not None]
        return judge_bound(row, known) if known else Outcome(row, note="not measured")
    theirs = figures(seen.get(row.peer, ()), row)
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if a is not None and b is not None]
    if pairs:
        return judge_pairs(row, pairs)
    known = [figure for figure in ours if figure is not None]
    return Outcome(row, median(known), note="no peer") if known else Outcome(row, note="not measured")
