"""Records and JSON: what was written is what is read, and nothing is taken for what it is not."""

import json
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign import records
from stress.campaign.converter import from_json, to_json
from stress.campaign.records import ScenarioRecord, Session
from stress.campaign.soak.messages import Job
from stress.campaign.soak.records import Finding, Manifest, Plan, Sample, Standing
from stress.errors import UserError
from stress.judge.tally import Tally
from stress.judge.trials import windows_as_trials
from stress.machine.latency import BUCKETS
from stress.runs.report import Report
from tests.campaign.soak.made import (
    FOUND,
    PAIR,
    SAMPLED,
    SINCE,
    TORN,
    plan_of,
    sample_at,
    session_of,
    standing_at,
    tally_at,
)
from tests.support import bounded

COUNTERS = ("lookups", "loads", "unloads", "race_windows", "violations", "disagreements")
MANIFEST = Manifest(1, "a test", "running", plan_of(), (session_of(),))
COUNTS = st.integers(0, 2**63 - 1)
SECONDS = st.floats(0, 1e12)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(st.none() | st.booleans() | COUNTS | SECONDS | WORDS, lambda inner: st.lists(inner, max_size=3))


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    latencies = [0] * BUCKETS
    for bucket in draw(st.sets(st.integers(0, BUCKETS - 1), max_size=5)):
        latencies[bucket] = draw(COUNTS)
    counts: dict[str, Any] = {name: draw(COUNTS) for name in COUNTERS}
    outcomes = Counter(draw(st.dictionaries(WORDS, COUNTS, max_size=4)))
    first = draw(st.none() | SECONDS)
    return Tally(
        draw(SECONDS),
        first_violation_s=first,
        outcomes=outcomes,
        latencies=latencies,
        trial_seconds=draw(st.none() | SECONDS),
        **counts,
    )


TOLD = st.builds(Report, st.lists(WORDS, min_size=1, max_size=4).map(tuple), st.dictionaries(WORDS, VALUES, max_size=3))
STANDINGS = st.builds(
    Standing,
    scenario=WORDS,
    elapsed_s=SECONDS,
    slices=COUNTS,
    tally=tallies(),
    twin=st.none() | tallies(),
    stall=st.none() | TOLD,
    twin_stall=st.none() | WORDS,
    failure=st.none() | TOLD,
    done=st.booleans(),
)
SAMPLES = st.builds(
    Sample,
    at=WORDS,
    session=COUNTS,
    memory_bytes=st.none() | COUNTS,
    steal_percent=st.none() | st.floats(0, 100),
    standing=STANDINGS,
)


def kind_of(record: Any) -> Any:
    """The type that it is read as: a manifest is one of a soak."""
    return Manifest if isinstance(record, records.Manifest) else type(record)


def back(record: Any) -> Any:
    """The record, written and read."""
    return from_json(json.loads(json.dumps(to_json(record))), kind_of(record), "here")


@pytest.mark.parametrize(
    "record",
    [
        MANIFEST,
        plan_of(),
        session_of(),
        plan_of().scenarios[0],
        *SAMPLED[:2],
        FOUND[0],
        TORN,
        Tally(),
        standing_at(3, failure=TORN, done=True),
        Job(plan_of(), (standing_at(3), standing_at(4, PAIR[1], stall=TORN)), 5.0, True),
    ],
    ids=lambda record: type(record).__name__,
)
def test_every_record_is_read_as_it_was_written(record: Any) -> None:
    assert back(record) == record


@bounded(100)
@given(tallies())
def test_every_tally_is_read_as_it_was_written(tally: Tally) -> None:
    assert back(tally) == tally


@bounded(100)
@given(STANDINGS)
def test_every_standing_is_read_as_it_was_written(standing: Standing) -> None:
    assert back(standing) == standing


@bounded(60)
@given(SAMPLES)
def test_every_sample_is_read_as_it_was_written(sample: Sample) -> None:
    assert back(sample) == sample


@bounded(60)
@given(st.fractions(0, 1, max_denominator=10**30))
def test_noise_is_read_exactly(noise: Fraction) -> None:
    assert back(attrs.evolve(plan_of(), noise=noise)).noise == noise


def refused(record: Any, change: Callable[[Any], object]) -> str:
    """The text with which a record is refused once `change` was done to its JSON; it is one printable line."""
    value = json.loads(json.dumps(to_json(record)))
    change(value)
    with pytest.raises(UserError) as caught:
        from_json(value, kind_of(record), "that file")
    text = str(caught.value)
    assert text.isprintable()
    assert text.startswith("that file is not a ")
    assert len(text) < 400
    return text


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """A change: this value at that place."""

    def change(document: Any) -> None:
        *folders, last = path
        for folder in folders:
            document = document[folder]
        document[last] = value

    return change


def take(*path: Any) -> Callable[[Any], None]:
    """A change: nothing at that place."""

    def change(document: Any) -> None:
        *folders, last = path
        for folder in folders:
            document = document[folder]
        del document[last]

    return change


NO_COUNTS: tuple[Any, ...] = ("1", "", None, True, -1, 1.0, 1.5, math.nan, math.inf, [], {}, 2**63, 10**400)
NO_SECONDS: tuple[Any, ...] = ("1", "", True, -0.5, math.nan, math.inf, -math.inf, [], {}, 10**400)


@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: f"{value!r:.8}")
@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_is_a_count(name: str, value: Any) -> None:
    refused(Tally(), put(name, value=value))


@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: f"{value!r:.8}")
def test_outcomes_latencies_and_slices_are_counts(value: Any) -> None:
    refused(Tally(), put("outcomes", "found", value=value))
    refused(Tally(), put("latencies", "7", value=value))
    refused(standing_at(1), put("slices", value=value))
    if value is not None:
        refused(sample_at(1), put("memory_bytes", value=value))


@pytest.mark.parametrize("value", NO_SECONDS, ids=lambda value: f"{value!r:.8}")
def test_times_are_finite_and_not_below_zero(value: Any) -> None:
    refused(Tally(), put("seconds", value=value))
    refused(Tally(), put("first_violation_s", value=value))
    refused(standing_at(1), put("elapsed_s", value=value))
    refused(plan_of(), put("pace_s", value=value))
    for name in ("duration_s", "interval_s", "stall_after_s"):
        refused(plan_of(), put(name, value=value))
        refused(plan_of(), put(name, value=0))


@pytest.mark.parametrize("bucket", ["-1", str(BUCKETS), "05", " 5", "1_0", "5.0", "", "x", "²", "٣"])
def test_a_bucket_is_the_number_of_one(bucket: str) -> None:
    refused(Tally(), put("latencies", bucket, value=3))


@pytest.mark.parametrize("value", [None, 1, True, [], ["a"], {}, 1.5, "\ud800"], ids=repr)
def test_text_is_text_that_can_be_printed(value: Any) -> None:
    refused(standing_at(1), put("scenario", value=value))
    refused(sample_at(1), put("at", value=value))
    refused(plan_of(), put("sources_digest", value=value))
    refused(FOUND[0], put("told", "lines", 0, value=value))


@pytest.mark.parametrize("value", ["\ud800", math.nan, math.inf, ["x", "\udfff"], {"\ud800": 1}], ids=repr)
def test_what_is_told_to_programs_can_be_written_as_json_again(value: Any) -> None:
    refused(FOUND[0], put("told", "json", "anything", value=value))


def test_what_is_told_to_programs_is_not_nested_without_end() -> None:
    value: list[Any] = []
    for _ in range(200):
        value = [value]
    refused(FOUND[0], put("told", "json", "anything", value=value))


@pytest.mark.parametrize("value", ["abc", "", {}, {"a": 1}, None, 3], ids=repr)
def test_an_array_is_an_array(value: Any) -> None:
    refused(FOUND[0], put("told", "lines", value=value))
    refused(MANIFEST, put("sessions", value=value))
    refused(MANIFEST, put("plan", "scenarios", value=value))
    if value is not None:
        refused(session_of(), put("conditions", "affinity", value=value))


@pytest.mark.parametrize("value", [[], [["found", 1]], "", 3, None], ids=repr)
def test_an_object_is_an_object(value: Any) -> None:
    refused(Tally(), put("outcomes", value=value))
    refused(Tally(), put("latencies", value=value))
    refused(standing_at(1), put("tally", value=value))
    refused(sample_at(1), put("standing", value=value))
    refused(MANIFEST, put("plan", value=value))
    refused(plan_of(), put("scenarios", 0, "outcomes", value=value))
    refused(FOUND[0], put("told", "json", value=value))


@pytest.mark.parametrize("value", ["1e999999999", "1e-999999999", "0.5", "1/0", "-1/2", " 1/2", "½", "1/" + "9" * 50])
def test_noise_is_a_fraction_of_bearable_size(value: str) -> None:
    refused(plan_of(), put("noise", value=value))


RECORDS = [MANIFEST, plan_of(), session_of(), plan_of().scenarios[0], sample_at(1), standing_at(1), FOUND[0], Tally()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_has_all_its_keys_and_no_others(record: Any) -> None:
    newer = {"worker", "twin_expect", "caught", "lost_turns", "last_loss", "boot", "structure", "has_writer"}
    newer |= {"trial_seconds"}
    for name in set(to_json(record)) - SINCE - newer:
        refused(record, take(name))
    refused(record, put("more", value=1))
    refused(record, put("a\nb\x1b[31m" * 99, value=1))
    refused(record, put("\ud800", value=1))


def test_a_session_from_before_there_were_workers_is_read() -> None:
    value = to_json(session_of())
    del value["worker"]
    assert from_json(value, Session, "that file") == session_of()


def test_a_standing_from_before_turns_could_be_lost_is_read() -> None:
    value = to_json(standing_at(9))
    del value["lost_turns"], value["last_loss"]
    assert from_json(value, Standing, "that file") == standing_at(9)


def test_a_tally_from_before_there_were_trials_counts_its_windows() -> None:
    tally = standing_at(9).twin
    assert tally is not None
    value = to_json(tally)
    del value["caught"]
    read = from_json(value, Tally, "that file")
    assert read.caught == windows_as_trials(tally.race_windows, tally.violations)
    assert attrs.evolve(read, caught=tally.caught) == tally


def test_a_tally_from_before_the_time_in_trial_was_counted_does_not_say_it() -> None:
    value = to_json(attrs.evolve(tally_at(9), trial_seconds=4.5))
    del value["trial_seconds"]
    assert from_json(value, Tally, "that file") == attrs.evolve(tally_at(9), trial_seconds=None)


def test_a_scenario_from_before_twins_said_what_they_expect_asks_the_catalogue() -> None:
    part = plan_of().scenarios[0]
    value = to_json(part)
    del value["twin_expect"]
    read = from_json(value, ScenarioRecord, "that file")
    assert (read.twin_expect, read.expected_of_twin) == (None, part.twin_expect)
    assert attrs.evolve(read, twin="elsewhere/twin.py").expected_of_twin is None, "nobody's file is run to find out"


def test_a_plan_from_before_there_were_variations_is_read() -> None:
    value = to_json(plan_of())
    for name in SINCE:
        value.pop(name)
    assert from_json(value, Plan, "that file") == plan_of()


@pytest.mark.parametrize("kind", [Manifest, Plan, ScenarioRecord, Session, Sample, Standing, Finding, Report, Tally])
@pytest.mark.parametrize("value", [None, True, 3, 1.5, "text", [], {}, [1], {"a": 1}], ids=repr)
def test_what_is_no_record_at_all_is_refused(kind: type, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        from_json(value, kind, "here")
    what, _, _ = str(caught.value).partition(": ")
    assert what.replace(" ", "") == f"hereisnota{kind.__name__.lower()}"
    assert str(caught.value).isprintable()


def test_a_manifest_has_a_known_status_a_session_and_each_scenario_once() -> None:
    part = to_json(plan_of().scenarios[0])
    refused(MANIFEST, put("status", value="ended"))
    refused(MANIFEST, put("sessions", value=[]))
    refused(plan_of(), put("scenarios", value=[]))
    refused(plan_of(), put("scenarios", value=[part, part]))


def test_a_scenario_expects_a_verdict_and_its_outcomes_have_grades_and_their_own_names() -> None:
    part = plan_of().scenarios[0]
    refused(part, put("expect", value="maybe"))
    refused(part, put("outcomes", "torn", "grade", value="[/red]"))
    refused(part, put("outcomes", "torn", "name", value="wild"))
    refused(part, put("outcomes", "[/red]", value={"code": 4, "name": "[/red]", "grade": "forbidden", "meaning": ""}))


def test_what_is_told_is_at_least_a_line_and_a_violation_has_a_title() -> None:
    refused(standing_at(1, stall=TORN), put("stall", "lines", value=[]))
    refused(FOUND[0], put("told", "lines", value=["=" * 20]))


def test_the_first_thing_that_is_wrong_is_named_and_the_others_are_counted() -> None:
    def change(value: Any) -> None:
        value["cpus"] = "three"
        value["seed"] = None

    assert refused(plan_of(), change).endswith("@ $.cpus (and 1 more)")
