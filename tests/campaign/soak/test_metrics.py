"""Metrics as Prometheus reads them: its own parser finds the counts of the last interval under names it accepts."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from stress.campaign.soak.metrics import STOP_BUCKETS, SoakMetrics, stop_buckets
from stress.campaign.soak.view import Watcher
from stress.machine.latency import BUCKETS, upper_edge
from stress.runs.report import Report
from tests.campaign.soak.made import PAIR, TORN, plan_of, renamed, sample_at, standing_at, view_of

client = pytest.importorskip("prometheus_client")
parser = pytest.importorskip("prometheus_client.parser")

pytestmark = pytest.mark.metrics


def served(metrics: SoakMetrics) -> str:
    """What is served to who asks."""
    registry = client.CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    return str(client.generate_latest(registry).decode())


def watched(**more: Any) -> SoakMetrics:
    """Metrics that have seen an interval end."""
    metrics = SoakMetrics(Watcher())
    metrics.sample(view_of(**more))
    return metrics


def families(metrics: SoakMetrics) -> dict[str, Any]:
    """All metric families by name, read back by Prometheus's parser."""
    return {family.name: family for family in parser.text_string_to_metric_families(served(metrics))}


def values(metrics: SoakMetrics, name: str) -> dict[tuple[str, ...], float]:
    """Every sample of this name, by the values of its labels in the order of their names."""
    samples = [one for family in families(metrics).values() for one in family.samples if one.name == name]
    return {tuple(value for _, value in sorted(one.labels.items())): one.value for one in samples}


def test_before_any_interval_has_ended_nothing_is_served() -> None:
    metrics = SoakMetrics(Watcher())
    assert served(metrics) == ""
    metrics.note("compiling")
    metrics.glance(view_of())
    assert served(metrics) == ""


def test_each_counter_is_that_of_the_standing() -> None:
    metrics = watched()
    for name, attribute in {
        "kstress_run_seconds_total": "seconds",
        "kstress_lookups_total": "lookups",
        "kstress_module_loads_total": "loads",
        "kstress_module_unloads_total": "unloads",
        "kstress_race_windows_total": "race_windows",
        "kstress_violations_total": "violations",
    }.items():
        expected = {(one.scenario,): getattr(one.tally, attribute) for one in view_of().standings}
        assert values(metrics, name) == expected
    assert values(metrics, "kstress_machine_boots_total") == {(PAIR[0],): 20.0, (PAIR[1],): 21.0}
    assert values(metrics, "kstress_twin_race_windows_total") == {(PAIR[0],): 800.0, (PAIR[1],): 0.0}
    assert values(metrics, "kstress_twin_violations_total") == {(PAIR[0],): 400.0, (PAIR[1],): 0.0}
    assert values(metrics, "kstress_twin_trials_total") == {(PAIR[0],): 400.0, (PAIR[1],): 0.0}
    assert values(metrics, "kstress_twin_catches_total") == {(PAIR[0],): 200.0, (PAIR[1],): 0.0}


def test_names_follow_prometheus_and_everything_has_help() -> None:
    found = families(watched())
    assert {family.type for family in found.values()} == {"counter", "gauge", "histogram"}
    for name, family in found.items():
        assert name.startswith("kstress_")
        assert family.documentation
        assert family.samples
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        else:
            assert not any(sample.name.endswith("_total") for sample in family.samples)


def test_stop_latencies_are_cumulative_and_end_in_all_stops() -> None:
    metrics = watched()
    for standing in view_of().standings:
        buckets = [
            (float(edge), count)
            for (edge, scenario), count in values(metrics, "kstress_stop_duration_seconds_bucket").items()
            if scenario == standing.scenario
        ]
        assert [edge for edge, _ in buckets] == [*STOP_BUCKETS, float("inf")]
        counts = [count for _, count in buckets]
        assert counts == sorted(counts)
        assert counts[0] < counts[-2], "the latencies that were made are among the buckets"
        assert counts[-1] == standing.tally.stops
        key = (standing.scenario,)
        assert values(metrics, "kstress_stop_duration_seconds_count")[key] == standing.tally.stops
        assert values(metrics, "kstress_stop_duration_seconds_sum")[key] > 0


@pytest.mark.parametrize("bucket", [0, 1, 31, 100, 250, 400, 500, BUCKETS - 1])
def test_a_stop_is_counted_from_the_first_edge_that_it_does_not_exceed(bucket: int) -> None:
    latencies = [0] * BUCKETS
    latencies[bucket] = 5
    buckets, total = stop_buckets(latencies)
    seconds = upper_edge(bucket) / 1e9
    assert [count for _, count in buckets] == [5.0 * (seconds <= edge) for edge in (*STOP_BUCKETS, float("inf"))]
    assert total == pytest.approx(5 * seconds)


def test_every_graded_outcome_is_there_from_the_start() -> None:
    metrics = watched()
    found = values(metrics, "kstress_outcomes_total")
    for part, standing in zip(plan_of().scenarios, view_of().standings, strict=True):
        for name, outcome in part.outcomes.items():
            assert found[outcome.grade, name, part.name] == standing.tally.outcomes[name]
    assert found["forbidden", "torn", PAIR[0]] == 0
    assert found["acceptable", "found", PAIR[0]] == 18_000


def test_what_has_ended_early_is_told_with_its_reason() -> None:
    failed = standing_at(20, failure=Report(("FAILED",), {}), done=True)
    metrics = watched(standings=(failed, standing_at(21, PAIR[1], stall=TORN)))
    assert values(metrics, "kstress_scenario_ended") == {
        ("stalled", PAIR[0]): 0.0,
        ("failed", PAIR[0]): 1.0,
        ("stalled", PAIR[1]): 1.0,
        ("failed", PAIR[1]): 0.0,
    }


def test_the_soak_and_what_it_costs_are_told_in_base_units() -> None:
    metrics = watched()
    assert values(metrics, "kstress_soak_elapsed_seconds") == {(): 21.0}
    assert values(metrics, "kstress_soak_duration_seconds") == {(): 60.0}
    assert values(metrics, "kstress_machine_resident_memory_bytes") == {(): 70 * 2**20}
    assert values(metrics, "kstress_steal_ratio") == {(): 0.005}
    (info,) = families(metrics)["kstress_soak_info"].samples
    assert info.labels == {"engine": "python", "cpus": "3", "seed": "7", "noise": "1/64", "run": "soak-1"}


def test_what_the_system_does_not_say_is_left_out() -> None:
    sample = attrs.evolve(sample_at(20), memory_bytes=None, steal_percent=None)
    for metrics in (watched(sample=sample), watched(sample=None)):
        assert not {"kstress_machine_resident_memory_bytes", "kstress_steal_ratio"} & set(families(metrics))


def test_names_are_escaped() -> None:
    name = 'a"b\\c\nd'
    current = standing_at(20, scenario=name)
    metrics = watched(
        plan=renamed(plan_of(), stop_machine=name), current=current, standings=(current,), folder=Path('x\n"y')
    )
    assert values(metrics, "kstress_lookups_total") == {(name,): current.tally.lookups}


def test_an_interval_that_ends_changes_what_is_served_and_reaches_the_other_watcher() -> None:
    class Recorder(Watcher):
        wants_glances = True

        def __init__(self) -> None:
            self.told: list[object] = []

        def note(self, text: str) -> None:
            self.told.append(text)

        def glance(self, view: object) -> None:
            self.told.append(view)

        def sample(self, view: object) -> None:
            self.told.append(view)

        def close(self) -> None:
            self.told.append("closed")

    other = Recorder()
    metrics, first, later = SoakMetrics(other), view_of(), view_of(standings=(standing_at(50),))
    metrics.note("compiling")
    metrics.glance(first)
    metrics.sample(first)
    before = served(metrics)
    metrics.sample(later)
    metrics.close()
    assert other.told == ["compiling", first, first, later, "closed"]
    assert metrics.wants_glances
    assert before != served(metrics)
    assert values(metrics, "kstress_machine_boots_total") == {(PAIR[0],): 50.0}
