"""What right code does not do: retire twice, end in a read section or end none, give back a lock of another CPU."""

import re

import pytest

from stress import Config, Protocol, find_scenario, run
from stress.judge.outcomes import OUTCOMES
from stress.judge.violation import Stack, Violation
from stress.protocols import EPOCH, QSBR, RCU, SRCU, WHOLE
from stress.runs.codec import CODEC
from stress.runs.violation_text import report_lines
from tests.run.runs import PLANTED
from tests.support import each_engine, some_of

pytestmark = pytest.mark.threads

CAUGHT = 20.0
"""Seconds within which it must be caught, on a busy host too; it takes a hundredth of that."""
AFTER_GRACE = (RCU, SRCU, QSBR, EPOCH)
MISUSED = PLANTED / "misused.py"


def reported(name: str, engine: str) -> Violation:
    """The first violation of a planted scenario."""
    config = Config(engine=engine, duration_s=CAUGHT, stop_on_violation=True, seed=1, cpus=2)
    [result] = run([find_scenario(name)], config)
    return result.reports[0]


def check_second_retirement(protocol: Protocol, engine: str) -> None:
    """Both retirements are named where the block waits for its free; where it was freed at once, that is."""
    report = reported(f"{MISUSED}:{protocol.name}_twice", engine)
    block = report.block
    assert block is not None
    if protocol in AFTER_GRACE:
        assert report.bug == "double-retire"
    assert report.bug in ("double-retire", "invalid-free")
    first = block.retired if report.bug == "double-retire" else block.freed
    assert first is not None
    assert first.program == report.program == "retire_twice"
    assert [line + 1 for line in lines_of(first.stack)] == lines_of(report.stack) != []
    [place] = [
        line for line in report_lines(report, OUTCOMES, "again") if line.startswith("The address is 0 bytes inside")
    ]
    assert place.endswith(")")  # a call takes a block, and none of its fields


def lines_of(stack: Stack) -> list[int]:
    """The lines of the writer on a stack."""
    return [frame.line for frame in stack if frame.function == "retire_twice"]


@pytest.mark.native
@pytest.mark.parametrize("protocol", some_of(WHOLE, 1), ids=lambda one: one.name)
def test_what_is_retired_twice_is_refused_and_both_places_are_named(protocol: Protocol) -> None:
    check_second_retirement(protocol, "native")


@pytest.mark.parametrize("protocol", some_of(WHOLE), ids=lambda one: one.name)
def test_interpreted_code_names_them_too(protocol: Protocol) -> None:
    check_second_retirement(protocol, "python")


@pytest.mark.native
@pytest.mark.parametrize("protocol", some_of(WHOLE, 2), ids=lambda one: one.name)
def test_what_is_retired_once_is_not_refused(protocol: Protocol) -> None:
    [result] = run([find_scenario(f"{MISUSED}:{protocol.name}")], Config(engine="native", duration_s=0.4, seed=1))
    assert result.verdict.name in ("held", "inconclusive"), result.verdict.reason
    assert result.tally.unloads > 0


@each_engine
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("rcu", "rcu_reader"),
        ("srcu", "srcu_entries"),
        ("epoch", "epoch_announced"),
        ("percpu_ref", "percpu_ref_count"),
    ],
)
def test_a_read_section_that_an_operation_does_not_end_is_reported_with_its_word(
    name: str, word: str, engine: str
) -> None:
    report = reported(f"{MISUSED}:{name}_stays", engine)
    assert (report.outcome, report.bug, report.program) == ("wild", "unended-section", "stay")
    assert report.fault is not None
    assert CODEC.structure(CODEC.unstructure(report), Violation) == report
    text = report_lines(report, OUTCOMES, "again")[1:3]
    assert text[0] == "BUG: kstress: unended-section in program stay"
    of_cpu, by = rf"{word}(\[\d\])? of CPU {report.cpu}", rf"by CPU {report.cpu} \(stay\), operation "
    assert re.match(rf"Read section not ended \({of_cpu}\) {by}", text[1])


@each_engine
@pytest.mark.parametrize("name", ["rcu", "srcu", "epoch", "percpu_ref"])
def test_the_end_of_a_read_section_that_never_began_is_reported_at_its_line(name: str, engine: str) -> None:
    report = reported(f"{MISUSED}:{name}_ends_again", engine)
    assert (report.outcome, report.bug, report.program) == ("wild", "unbegun-section", "end_again")
    assert CODEC.structure(CODEC.unstructure(report), Violation) == report
    assert [frame.function for frame in report.stack if frame.function in ("must_be_begun", "end_again")] == [
        "must_be_begun",
        "end_again",
    ]
    line = report_lines(report, OUTCOMES, "again")[2]
    assert line.startswith(f"Read section that never began, ended by CPU {report.cpu} (end_again), operation ")


@each_engine
def test_a_pool_that_frees_nothing_says_what_is_in_use_again(engine: str) -> None:
    config = Config(engine=engine, duration_s=0.5, seed=1, cpus=2)
    [result] = run([find_scenario(str(PLANTED / "pool.py"))], config)
    assert result.verdict.name == "inconclusive", result.reports
    assert result.tally.unloads > 1
    assert result.tally.updates.most_waiting <= 2


@each_engine
def test_a_lock_that_another_cpu_holds_or_nobody_is_not_given_back(engine: str) -> None:
    report = reported(str(PLANTED / "foreign_unlock.py"), engine)
    assert (report.outcome, report.bug, report.program) == ("wild", "bad-argument", "stranger")
    assert [frame.function for frame in report.stack] == ["spin_unlock", "stranger"]
