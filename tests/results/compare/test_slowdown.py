"""`benchmarks/compare.py`: the slowed side is slowed by a fifth and in nothing else, and a round says what it is to."""

import itertools
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.compare import EQUAL, SLOWED, figures, rounds, sides, swept
from stress.machine.seam import SCENARIO_MODULE
from stress.results.compare.comparison import Answer
from stress.scenario_files import find_scenario


def test_the_slowed_side_counts_four_lookups_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    slowed = find_scenario(str(SLOWED))
    reader = slowed.programs[1].under(slowed.protocol)
    module = sys.modules[reader.__module__]
    assert module.__name__.startswith(SCENARIO_MODULE)
    draws, looked = itertools.count(), list[object]()
    monkeypatch.setattr(module, "prandom", lambda cpu, below: next(draws) % below)
    monkeypatch.setattr(module, "kallsyms_reader", looked.append)
    for _ in range(400):
        reader(SimpleNamespace())
    assert len(looked) == 500


def test_the_sides_differ_in_nothing_else() -> None:
    equal, slowed = find_scenario(str(EQUAL)), find_scenario(str(SLOWED))
    assert (equal.name, equal.programs[0], equal.expect) == (slowed.name, slowed.programs[0], slowed.expect)
    assert equal.fate == slowed.fate


@pytest.mark.parametrize("apart", [False, True])
def test_a_round_compares_an_equal_pair_and_a_slowed_one(apart: bool, tmp_path: Path) -> None:
    sweeper = partial(swept, place=tmp_path, engine="python", cpus=3, repeat=2, seconds=0.1)
    [one] = rounds(1, sides(tmp_path), sweeper, apart)
    for comparison in (one.equal, one.slowed):
        [cell] = comparison.cells
        assert (len(cell.pair.a), len(cell.pair.b), comparison.answer) == (2, 2, Answer.CANNOT_TELL)
    assert len(list(tmp_path.glob("sweep-*/"))) == (3 if apart else 1)
    told = figures([one], 1.0)
    assert (told["pairs"], told["equal_called_different"], told["slowed_found"]) == (1, 0, 0)
