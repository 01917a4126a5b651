"""A comparison as JSON, schema 1: every cell with every figure, and what was decided."""

import json
import math
from typing import Any

import attrs

from stress.results.compare.comparison import Cell, Compared, Comparison
from stress.results.load.entries import Entry, Source

SCHEMA = 1


def comparison_json(comparison: Comparison) -> str:
    """The document."""
    document = {
        "schema": SCHEMA,
        "kind": "kstress compare",
        "answer": comparison.answer,
        "level": comparison.terms.level,
        "tolerance": comparison.terms.tolerance,
        "repeats_needed": comparison.needed,
        "a": _side(comparison.a),
        "b": _side(comparison.b),
        "conditions": [attrs.asdict(condition) for condition in comparison.conditions],
        "cells": [_cell(cell) for cell in comparison.cells],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _side(source: Source) -> dict[str, Any]:
    """What one side is."""
    return {"name": source.name, "kind": source.kind, "status": source.status, "entries": len(source.entries)}


def _cell(cell: Cell) -> dict[str, Any]:
    """One cell."""
    values = attrs.asdict(cell.pair.values)
    return {
        **values,
        "noise": float(values["noise"]),
        "verdicts": {"a": _verdicts(cell.pair.a), "b": _verdicts(cell.pair.b)},
        "told": cell.has_answer,
        "facts": [attrs.asdict(fact) for fact in cell.facts],
        "figures": [_figure(one) for one in cell.compared],
        "only_a": cell.only_a,
        "only_b": cell.only_b,
    }


def _verdicts(entries: tuple[Entry, ...]) -> list[str]:
    """How each repeat ended."""
    return [entry.verdict for entry in entries]


def _figure(one: Compared) -> dict[str, Any]:
    """One figure; a factor that is endless is null."""
    tested = attrs.asdict(one.tested, filter=lambda field, _: field.name not in ("ratio", "interval", "worse"))
    interval = one.tested.interval
    return {
        **tested,
        "unit": one.tested.unit.strip(),
        "ratio": _finite(one.tested.ratio),
        "interval": interval and [_finite(end) for end in interval],
        "p_together": one.p,
        "standing": one.standing,
        "repeats_needed": one.needed,
    }


def _finite(value: float | None) -> float | None:
    """A number that JSON has."""
    return value if value is not None and math.isfinite(value) else None
