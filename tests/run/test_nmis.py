"""NMIs come at about their share of all accesses, and each is judged."""

from tests.run.test_run import PLANTED, each_engine, run_one


@each_engine
def test_nmis_come_to_programs_that_do_nothing_else_and_are_all_that_is_judged(engine: str) -> None:
    result = run_one(PLANTED / "nmis_alone.py", engine, cpus=2, duration_s=0.3)
    assert result.tally.outcomes["found"] == result.tally.lookups > 10
