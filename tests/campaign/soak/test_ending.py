"""What a soak came to: verdicts over all its counts, in the objects that `kstress run` writes too."""

import json
from typing import Any

import attrs
import pytest

from stress.campaign.records import record_of
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.records import HARNESS_FAILED, Standing
from stress.campaign.soak.rundir import read_run
from stress.judge.tally import Tally
from stress.judge.verdict import HELD, INCONCLUSIVE, STALLED, VIOLATED, Verdict
from stress.runs.report import Report
from stress.runs.result import Result
from stress.scenario_files import find_scenario
from tests.campaign.soak.made import (
    FOUND,
    PAIR,
    SAMPLED,
    TORN,
    ending_with,
    make_run,
    open_journal,
    plan_of,
    sample_at,
    session_of,
    standing_at,
    tally_at,
)

FAILED = Report(("FAILED: it died", "its last words"), {"reason": "it died", "last_words": ["its last words"]})
VIOLATIONS = attrs.evolve(tally_at(9), violations=2, first_violation_s=0.5)


def verdicts(ending: Ending) -> list[str]:
    """The verdict of each scenario."""
    return [result.verdict.name for result in ending.results]


def run_keys() -> set[str]:
    """The keys of an object that `kstress run` writes."""
    scenario, config = plan_of().scenarios[0].scenario(), plan_of().config()
    return set(Result(scenario, "python", config, Tally(), Verdict(HELD, ""), session_of().conditions).as_json())


def test_an_object_has_what_a_run_has_and_what_a_soak_has() -> None:
    ending = ending_with([standing_at(30), standing_at(31, PAIR[1])])
    first, second = ending.as_json()
    for one in (first, second):
        assert set(one) == run_keys() | {"soak"}
        assert json.loads(json.dumps(one)) == one
    assert [first["scenario"], second["scenario"]] == list(PAIR)
    assert first["soak"] == {
        "directory": "results/soak-1",
        "status": "complete",
        "state": "complete",
        "elapsed_s": 31.0,
        "planned_s": 60.0,
        "sessions": 1,
        "workers": [],
        "lost_turns": 0,
        "last_loss": None,
        "failure": None,
    }
    assert (first["lookups"], first["race_windows"], first["duration_s"]) == (30_002, 3000, 30.0)
    assert (first["trials"], first["catches"], first["catch_rate_upper_95"]) == (1500, 0, 0.002)
    assert first["twin"] == {
        "scenario": PAIR[1],
        "race_windows": 1200,
        "violations": 600,
        "trials": 600,
        "catches": 300,
        "catch_rate_upper_95": pytest.approx(0.55, abs=0.01),
    }
    assert first["stop_machine"]["count"] == 120
    assert first["outcomes"]["found"] == 27_000
    assert second["twin"] is None


def test_reports_and_stalls_are_the_scenarios_own_as_they_were_told() -> None:
    first, second = ending_with([standing_at(9), standing_at(9, PAIR[1], stall=TORN)]).as_json()
    assert first["reports"] == []
    assert first["stall"] is None
    assert second["reports"] == [finding.told.json for finding in FOUND]
    assert second["stall"] == TORN.json


@pytest.mark.parametrize(
    ("status", "interrupted"), [("complete", False), ("failed", False), ("interrupted", True), ("running", True)]
)
def test_a_soak_that_was_interrupted_or_has_not_ended_says_so(status: str, interrupted: bool) -> None:
    for one in ending_with([standing_at(9), standing_at(9, PAIR[1])], status).as_json():
        assert one["interrupted"] is interrupted
        assert one["soak"]["status"] == status


def test_a_soak_whose_machines_died_and_that_has_time_left_can_be_resumed() -> None:
    died = [standing_at(9, failure=FAILED, done=True), standing_at(9, PAIR[1], done=True)]
    assert ending_with(died, "failed").life.resume == "kstress soak --resume results/soak-1"
    own = Report(("FAILED",), {"reason": HARNESS_FAILED, "last_words": []})
    assert ending_with([attrs.evolve(one, failure=own) for one in died], "failed").life.resume is None


def test_a_failure_is_told_and_counts_for_the_whole_soak_but_not_for_other_scenarios() -> None:
    ending = ending_with([standing_at(9, failure=FAILED, done=True), standing_at(9, PAIR[1])], "failed")
    assert ending.failed
    first, second = ending.as_json()
    assert first["soak"]["failure"] == FAILED.json
    assert second["soak"]["failure"] is None
    assert first["lookups"] == tally_at(9).lookups, "what was counted before it failed is kept"
    assert not ending_with([standing_at(9), standing_at(9, PAIR[1])]).failed


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, HELD),
        ({"tally": VIOLATIONS}, VIOLATED),
        ({"tally": VIOLATIONS, "stall": TORN}, VIOLATED),
        ({"stall": TORN}, STALLED),
        ({"tally": Tally()}, INCONCLUSIVE),
        ({"twin": Tally()}, INCONCLUSIVE),
        ({"twin": Tally(), "twin_stall": "the twin stood still"}, INCONCLUSIVE),
    ],
)
def test_the_verdict_is_over_all_that_was_counted(more: dict[str, Any], verdict: str) -> None:
    ending = ending_with([standing_at(9, **more), standing_at(9, PAIR[1])])
    assert verdicts(ending) == [verdict, INCONCLUSIVE]
    assert ending.results[0].as_expected == (verdict == HELD)
    assert ending.as_json()[0]["verdict"] == verdict


def test_the_reason_of_a_stall_is_its_first_line() -> None:
    ending = ending_with([standing_at(9, stall=Report(("STALL: all wait", "more"), {})), standing_at(9, PAIR[1])])
    assert ending.results[0].verdict.reason == "STALL: all wait"


def test_what_is_read_back_is_judged_by_the_last_sample_of_each_scenario(tmp_path: Any) -> None:
    journal = open_journal(tmp_path)
    journal.append(sample_at(9, PAIR[1], tally=VIOLATIONS))
    journal.append(sample_at(10))
    journal.end("complete")
    journal.close()
    ending = ending_of(read_run(journal.folder))
    assert ending.standings == {PAIR[0]: standing_at(10), PAIR[1]: standing_at(9, PAIR[1], tally=VIOLATIONS)}
    assert verdicts(ending) == [HELD, VIOLATED]
    assert [result.tally for result in ending.results] == [tally_at(10), VIOLATIONS]
    assert ending.reports(PAIR[1]) == [TORN, TORN]
    assert ending.samples[:-2] == SAMPLED
    assert ending.trouble is None
    assert {one["soak"]["directory"] for one in ending.as_json()} == {str(journal.folder)}


def test_a_scenario_that_had_no_turn_yet_is_inconclusive(tmp_path: Any) -> None:
    ending = ending_of(read_run(make_run(tmp_path, (sample_at(9),), ())))
    assert verdicts(ending) == [HELD, INCONCLUSIVE]
    assert ending.results[1].tally == Tally()
    assert ending.as_json()[1]["soak"]["status"] == "running"


def test_steal_is_the_mean_of_the_samples_that_know_it() -> None:
    samples = tuple(
        attrs.evolve(sample_at(second), steal_percent=steal) for second, steal in enumerate((1.0, None, 2.5), 1)
    )
    standings = [standing_at(3), standing_at(3, PAIR[1])]
    results = ending_with(standings, samples=samples).results
    assert [result.conditions.steal_percent for result in results] == [1.75, 1.75]
    session = session_of().conditions
    assert [result.conditions for result in ending_with(standings).results] == [session, session]


def test_the_command_that_runs_it_again_is_a_soak() -> None:
    from stress.runs.result import rerun_command

    result = ending_with([standing_at(3), standing_at(3, PAIR[1])]).results[0]
    assert rerun_command(result) == (
        "kstress soak stop_machine --engine python --cpus 3 --duration 1m --seed 7 --noise 1/64 --pace 1ms"
        " --stall-after 5s --interval 1s"
    )


@pytest.mark.parametrize(
    ("state", "duration", "said"),
    [
        ("complete", 60.0, "not run: the soak was over before its turn"),
        ("complete", 0.9, "not run: the soak was over before its turn; give --duration of at least "),
        ("running", 60.0, "not run yet: its turn has not come"),
    ],
)
def test_a_scenario_that_had_no_turn_has_a_reason_of_its_own(state: str, duration: float, said: str) -> None:
    ending = ending_with([standing_at(30), Standing(scenario=PAIR[1])])
    plan = attrs.evolve(ending.manifest.plan, duration_s=duration)
    ending = attrs.evolve(ending, manifest=attrs.evolve(ending.manifest, plan=plan), state=state)
    verdict = ending.results[1].verdict
    assert verdict.name == INCONCLUSIVE
    assert verdict.reason.startswith(said)
    assert (";" in verdict.reason) == said.endswith(" ")


def test_a_soak_says_that_no_program_writes_and_not_to_run_longer() -> None:
    ending = ending_with([standing_at(30, tally=Tally()), standing_at(3, PAIR[1])])
    part = attrs.evolve(ending.manifest.plan.scenarios[0], has_writer=False)
    manifest = attrs.evolve(ending.manifest, plan=attrs.evolve(ending.manifest.plan, scenarios=(part,)))
    verdict = attrs.evolve(ending, manifest=manifest).results[0].verdict
    assert verdict.name == INCONCLUSIVE
    assert "no program has writes=True" in verdict.reason
    assert "run longer" in ending.results[0].verdict.reason


def test_a_record_says_whether_a_program_writes() -> None:
    scenario = find_scenario(PAIR[0])
    idle = tuple(attrs.evolve(program, writes=False) for program in scenario.programs)
    assert record_of(scenario).has_writer
    assert not record_of(attrs.evolve(scenario, programs=idle)).has_writer
