"""Detectors that contradict each other are a fault of the harness, exit 4, whatever verdict the counts would give."""

import pytest

from stress.errors import HarnessError
from stress.exits import EXIT_HARNESS_FAILED
from tests.frontdoor.command import kstress
from tests.run.runs import PLANTED, run_one
from tests.support import each_engine

pytestmark = pytest.mark.threads

SCENARIO = PLANTED / "detectors_disagree.py"


@each_engine
def test_a_disagreement_is_a_fault_of_the_harness_and_no_verdict(engine: str) -> None:
    with pytest.raises(HarnessError, match=r"detectors_disagree: .* [1-9]\d* times"):
        run_one(SCENARIO, engine, cpus=2, duration_s=0.3)


def test_a_fault_of_the_harness_exits_4_and_says_that_the_run_says_nothing() -> None:
    done = kstress("run", str(SCENARIO), "--engine", "python", "--duration", "300ms")
    assert done.returncode == EXIT_HARNESS_FAILED == 4
    assert "this run says nothing" in done.stderr
