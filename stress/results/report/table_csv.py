"""Every run and cell as CSV (RFC 4180), one row each: all axes, how it ended, and every figure."""

import csv
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import attrs

from stress.campaign.runs import Run
from stress.campaign.sweep.records import COLUMNS
from stress.results.load.entries import Entry, Source

FIGURES = (
    "duration_s", "expect", "verdict", "as_expected", "interrupted", "lookups", "loads", "unloads", "race_windows",
    "violations", "first_violation_s", "rate_upper_95", "trials", "catches", "catch_rate_upper_95",
)  # fmt: skip
STOPS = ("count", "p50_us", "p99_us", "max_us")
TWIN = ("scenario", "race_windows", "violations", "trials", "catches")
CONDITIONS = ("python", "gil", "numba", "cores", "steal_percent", "kasan", "stall_after_s")
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would take for a formula; an apostrophe keeps it from that."""


def make_csv(sources: Sequence[Source]) -> str:
    """The table, with a line of names first."""
    entries = [entry for source in sources for entry in source.entries]
    outcomes = list(dict.fromkeys(name for entry in entries if entry.run for name in entry.run.outcomes))
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_safe(name) for name in _names(outcomes))
    for source in sources:
        for entry in source.entries:
            table.writerow(_safe(value) for value in _row(source, entry, outcomes))
    return out.getvalue()


def _names(outcomes: Sequence[str]) -> Iterator[str]:
    """The names of the columns."""
    yield from ("source", "kind", *COLUMNS, "repeat", "seed", "end", "worker", *FIGURES)
    yield from (f"stop_{name}" for name in STOPS)
    yield from (f"twin_{name}" for name in TWIN)
    yield from CONDITIONS
    yield from (f"outcome_{name}" for name in outcomes)


def _row(source: Source, entry: Entry, outcomes: Sequence[str]) -> Iterator[Any]:
    """One run or cell."""
    yield from (source.name, source.kind, *attrs.astuple(entry.values), entry.repeat, entry.seed, entry.end)
    yield entry.worker
    run: Run | None = entry.run
    yield from (getattr(run, name, None) for name in FIGURES)
    yield from (getattr(run.stop_machine if run else None, name, None) for name in STOPS)
    yield from (getattr(run.twin if run else None, name, None) for name in TWIN)
    yield from (getattr(run.conditions if run else None, name, None) for name in CONDITIONS)
    yield from (run.outcomes.get(name) if run else None for name in outcomes)


def _safe(value: Any) -> Any:
    """A value that a spreadsheet shows and does not compute: no formula, nor a fraction, which it takes for a date."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return float(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
