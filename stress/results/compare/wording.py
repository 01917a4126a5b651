"""A comparison in words: the answer, each figure in a line, what could not be tested and why, the last line of all."""

from collections.abc import Iterator
from math import isinf

from stress.judge.trials import bound_text
from stress.results.compare.comparison import Cell, Compared, Comparison, Standing
from stress.results.compare.tested import AS_EXPECTED, FISHER, RANKS, Tested
from stress.safe_text import shown
from stress.units import counted

MOST_NAMES = 8


def amount(one: Tested, value: float) -> str:
    """A value of a figure with its unit."""
    if one.name == AS_EXPECTED:
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}{one.unit}" if abs(value) >= 100 else f"{value:.3g}{one.unit}"


def factor(one: Tested) -> str:
    """How many times A B is."""
    return "-" if one.ratio is None else _times(one.ratio)


def _times(ratio: float) -> str:
    """A factor; it is endless where A is 0 and B is not."""
    return "endless" if isinf(ratio) else f"{ratio:.3g}"


def between(one: Tested) -> str:
    """The interval of that factor; just one value where all of it is that."""
    if one.interval is None:
        return "-"
    low, high = map(_times, one.interval)
    return low if one.interval[0] == one.interval[1] else f"{low} to {high}"


def inside(one: Tested) -> str:
    """The interval in brackets behind its factor; nothing where it says no more than the factor."""
    return "" if one.interval is None or {*one.interval} == {one.ratio} else f" ({between(one)})"


def chance(p: float | None) -> str:
    """A p, never rounded to nothing."""
    if p is None:
        return "-"
    return f"{p:.2g}" if p >= 0.0001 else "< 0.0001"


def line(one: Compared) -> str:
    """A figure in a line."""
    tested = one.tested
    sides = f"{amount(tested, tested.a)} in A, {amount(tested, tested.b)} in B"
    ratio = "" if tested.ratio is None else f", {factor(tested)} times{inside(tested)}"
    known = "" if one.p is None else f", p = {chance(one.p)}"
    return f"{tested.name}: {sides}{ratio}{known}: {one.standing}"


def sentence(comparison: Comparison) -> str:
    """The summary, without the word that answers first."""
    if not any(cell.there for cell in comparison.cells):
        return "A and B have no cell in common."
    better, noise = len(comparison.all(Standing.BETTER)), len(comparison.all(Standing.NOISE))
    tests = better + noise + len(comparison.all(Standing.WORSE))
    untested = sum(not cell.pair.of_soak for cell, _ in comparison.all(Standing.UNTESTED))
    soaks = [cell for cell in comparison.cells if cell.pair.of_soak and cell.has_answer and not cell.facts]
    parts = [
        f"B is worse in {counted(comparison.regressions, 'way')}" if comparison.regressions else "",
        f"better in {counted(better, 'figure')}" if better else "",
        f"{noise:,} of {counted(tests, 'figure')} may be noise" if tests else "no figure can be tested",
        f"{counted(len(soaks), 'soak')} as expected on both sides" if soaks else "",
        f"{counted(untested, 'figure')} not tested" if tests and untested else "",
        f"B lacks {counted(comparison.lost, 'figure')} of A" if comparison.lost else "",
        f"nothing is known of {counted(len(comparison.untold), 'cell')}" if comparison.untold else "",
    ]
    return "; ".join(filter(None, parts)) + "."


def answer(comparison: Comparison) -> str:
    """The answer in a word, and a sentence."""
    return f"{comparison.answer.upper()}: {sentence(comparison)}"


def why_untested(cell: Cell, needed: int) -> str | None:
    """Why a figure of a cell is not tested, or nothing of the cell; None if all are."""
    if cell.missing:
        return "B has no such cell"
    if not cell.pair.a:
        return "A has no such cell"
    if cell.pair.of_soak:
        return "a soak is one run, its turns are not repeats: verdict and bound are compared, no figure"
    return _too_few(cell, needed)


def _too_few(cell: Cell, needed: int) -> str | None:
    """Why a cell that both have is not tested."""
    untested = [one.tested for one in cell.compared if one.standing == Standing.UNTESTED]
    ranks = [one for one in untested if one.test == RANKS]
    if ranks:
        a, b = min(one.repeats for one in ranks)
        return f"{a} and {b} repeats can tell nothing here; {needed} and {needed} can"
    return None if cell.has_answer else "neither side has a figure that the other has too"


def few_shares(cell: Cell) -> Iterator[str]:
    """Why a share of a cell is not tested, and how many repeats can tell."""
    for one in cell.compared:
        if one.tested.test == FISHER and one.standing == Standing.UNTESTED and one.needed is not None:
            (a, b), good = one.tested.repeats, one.tested.good
            few = f"{a} and {b} repeats, {good} of all {a + b} as expected, can tell nothing of that share"
            yield f"{few}; {one.needed} and {one.needed} with as large a share can"


def lone(cell: Cell) -> Iterator[str]:
    """Which figures of a cell one side alone has."""
    for side, names in (("A", cell.only_a), ("B", cell.only_b)):
        if names:
            yield f"only {side} has {', '.join(names)}"


def bounds(cell: Cell) -> Iterator[str]:
    """Of a soak: what either side says of violations, and of how rare they are."""
    sides = (("A", cell.pair.a), ("B", cell.pair.b)) if cell.pair.of_soak else ()
    for side, entries in sides:
        for run in (entry.run for entry in entries if entry.run):
            seen = f"{shown(run.verdict).upper()}, {run.violations:,} violations in {run.race_windows:,} windows"
            yield f"{side}: {seen}, {bound_text(run.caught)}"


def untold(comparison: Comparison) -> Iterator[str]:
    """Why cells were not tested in full, and which; of soaks also the verdict and the bound of both sides."""
    cells: dict[str, list[str]] = {}
    for cell in comparison.cells:
        for why in (why_untested(cell, comparison.needed), *few_shares(cell), *lone(cell)):
            if why is not None:
                cells.setdefault(why, []).append(cell.pair.name)
    for why, names in cells.items():
        more = f"; and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        yield f"{why}: {'; '.join(names[:MOST_NAMES])}{more}"
    for cell in comparison.cells:
        yield from (f"{cell.pair.scenario}, {text}" for text in bounds(cell))


def method(comparison: Comparison) -> str:
    """Which tests, and why."""
    level, tolerance = (f"{100 * share:g} %" for share in (comparison.terms.level, comparison.terms.tolerance))
    return (
        f"exact Mann-Whitney rank test over repeats (no distribution assumed, a busy moment of the host is one rank), "
        f"beyond a tolerance of {tolerance}; Fisher's exact test on how many are as expected; all tests together "
        f"call anything different in at most {level} of comparisons of equal things (Holm); factors are medians over "
        f"all pairs of repeats, each with its {100 * (1 - comparison.terms.level):g} % interval"
    )


def end_line(comparison: Comparison) -> str:
    """The last line: the answer and every count, to be searched for."""
    facts = {
        "cells": sum(cell.there for cell in comparison.cells),
        "missing": sum(cell.missing for cell in comparison.cells),
        "new": sum(not cell.pair.a for cell in comparison.cells),
        "regressions": comparison.regressions,
        "improvements": len(comparison.all(Standing.BETTER)),
        "noise": len(comparison.all(Standing.NOISE)),
        "not_tested": len(comparison.all(Standing.UNTESTED)),
        "only_in_a": comparison.lost,
        "repeats_needed": comparison.needed,
        "conditions_differing": len(comparison.conditions),
        "level": comparison.terms.level,
        "tolerance": comparison.terms.tolerance,
        "a": comparison.a.name,
        "b": comparison.b.name,
    }
    words = " ".join(f"{name}={shown(value)}" for name, value in facts.items())
    return f"kstress: --- End of compare: {comparison.answer.upper()}: {words}"
