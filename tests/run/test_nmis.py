"""NMIs come at about their share of all accesses, and each is judged."""

import pytest

from tests.run.runs import PLANTED, run_one
from tests.support import each_engine

pytestmark = pytest.mark.threads


@each_engine
def test_nmis_come_to_programs_that_do_nothing_else_and_are_all_that_is_judged(engine: str) -> None:
    result = run_one(PLANTED / "nmis_alone.py", engine, cpus=2, duration_s=0.3)
    assert result.tally.outcomes["found"] == result.tally.lookups > 10
