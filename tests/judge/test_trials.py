"""HELD by simulation: at a tenth of the twin's rate, at the same, and at none; `benchmarks.verdicts` has more of it."""

from statistics import fmean

import pytest

from benchmarks.verdicts import SHAPES, rows

RUNS = 200


@pytest.mark.parametrize("shape", SHAPES)
def test_held_excludes_a_tenth_of_the_twins_rate_however_violations_come(shape: str) -> None:
    found = [one for *_, one in rows(RUNS, 7, [shape], [1e-4, 0.01, 0.5])]
    assert fmean(one["a tenth"] for one in found) <= 0.05
    assert max(one["the same"] for one in found) == 0.0
    assert min(one["none"] for one in found) == 1.0
