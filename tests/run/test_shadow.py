"""Uses of freed memory that no program asks about are found, told with a report, and never in correct code."""

import json

import pytest
from rich.console import Console

from benchmarks.patterns import BROKEN, CORRECT, REUSE
from benchmarks.planted import PLANTED
from benchmarks.shadow import NOTHING, as_wanted, once
from stress import Scenario
from stress.config import Config
from stress.errors import UserError
from stress.results.terminal.table import show
from stress.runs.report import KNOWN, report_violation
from stress.runs.reread import reread_violation
from stress.runs.result import Result
from stress.runs.runner import run_scenario, world_for

pytestmark = pytest.mark.threads

SECONDS = 20.0
"""At most; a run that finds something ends then."""
CORRECT_SECONDS = 0.5

NAMED = {scenario.name: (scenario, outcome) for outcome, scenarios in PLANTED.items() for scenario in scenarios}
BUGS = {"after_free": "use-after-free", "out_of_bounds": "slab-out-of-bounds", "overwritten": "poison-overwritten"}
# What is compiled is one handler and one write that no look sees: the others are alike to it, and to its loop's tests.
RUNS = [
    *((name, "python") for name in NAMED),
    *(pytest.param(name, "native", marks=pytest.mark.native) for name in ("nmi", "late_write")),
]
SHORT = {"never_ending": 0.3, "last_write": 0.3}


def shown(result: Result) -> str:
    """What a terminal shows of it."""
    console = Console(width=150, record=True, file=None, quiet=False)
    with console.capture() as captured:
        show(result, console, reports=8)
    return captured.get()


@pytest.mark.parametrize(("name", "engine"), RUNS)
def test_a_use_that_the_program_does_not_ask_about_is_a_violation_with_its_own_name_and_a_report(
    name: str, engine: str
) -> None:
    scenario, outcome = NAMED[name]
    result = once(scenario, outcome, engine, SHORT.get(name, SECONDS))
    assert result.verdict.name == "violated"
    assert as_wanted(result, outcome)
    assert result.as_json()["outcomes"][outcome] == result.tally.outcomes[outcome]
    report = next(one for one in result.as_json()["reports"] if one["outcome"] == outcome)
    assert report["bug"] == BUGS[outcome]
    assert report["in_handler"] == (name == "nmi")
    assert outcome in shown(result)


@pytest.mark.parametrize("name", ["late_write", "last_write", "out_of_bounds"])
def test_a_report_on_it_is_told_again_word_for_word(name: str) -> None:
    scenario, outcome = NAMED[name]
    result = once(scenario, outcome, "python", SHORT.get(name, SECONDS))
    seen = next(one for one in result.reports if one.outcome == outcome)
    told = report_violation(seen, KNOWN, "kstress run")
    assert reread_violation(json.loads(json.dumps(told.json)), "here").text == told.text


def test_a_report_on_broken_poison_names_who_found_it_who_freed_and_what_was_written_and_no_culprit() -> None:
    scenario, outcome = NAMED["late_write"]
    [seen] = once(scenario, outcome, "python", SECONDS, cpus=1).reports
    text = report_violation(seen, KNOWN, "kstress run").text
    for part in (
        "BUG: kstress: poison-overwritten found in kmalloc",
        "CPU 0 (wrong), operation 1, allocates the block now; who wrote to it is not known",
        "Overwritten: 8 bytes from addr",
        " found    00 00 00 00 00 00 00 00",
        " expected 6b 6b 6b 6b 6b 6b 6b 6b",
        "Found from:\n kmalloc",
        "Freed by CPU 0 (wrong), operation 0",
        "What was overwritten is 16 bytes inside of a freed 256-byte block",
    ):
        assert part in text


def test_a_report_on_poison_that_power_off_found_broken_names_nobody() -> None:
    scenario, outcome = NAMED["last_write"]
    [seen] = once(scenario, outcome, "python", SHORT["last_write"], cpus=1).reports
    text = report_violation(seen, KNOWN, "kstress run").text
    assert "BUG: kstress: poison-overwritten found at power-off" in text
    assert "All free blocks are checked then; who wrote to it is not known" in text
    assert "found    01 00 00 00 00 00 00 00" in text


@pytest.mark.parametrize("scenario", CORRECT, ids=lambda one: one.name)
def test_a_last_touch_that_lets_another_cpu_free_is_no_finding(scenario: Scenario) -> None:
    result = once(scenario, NOTHING, "python", CORRECT_SECONDS)
    assert result.tally.violations == 0
    assert result.tally.lookups > 0


@pytest.mark.parametrize("scenario", BROKEN, ids=lambda one: one.name)
def test_one_touch_more_is_found(scenario: Scenario) -> None:
    assert once(scenario, "any", "python", SECONDS).verdict.name == "violated"


def test_type_stable_memory_is_said_wherever_the_verdict_is() -> None:
    result = once(REUSE, NOTHING, "python", 0.1)
    assert result.as_json()["fate"] == "type-stable"
    assert "touching it after its free is allowed, and not detected" in result.as_json()["reason"]
    assert result.reason in shown(result)


def test_type_stable_memory_has_no_other_fate() -> None:
    config = Config(engine="python", duration_s=0.1, fate="poisoned")
    with pytest.raises(UserError, match="the memory of reuse is type-stable, not poisoned; leave it out here"):
        run_scenario(REUSE, world_for(config), config)
