"""Metrics of a soak, scraped over HTTP while it runs: they grow, and they say what is on the disk."""

import signal
import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.frontdoor.command import kstress
from tests.frontdoor.soaking import HOURS, Running, assert_fails, manifest, running, samples

pytest.importorskip("prometheus_client")

pytestmark = pytest.mark.metrics

Metrics = Mapping[tuple[str, str | None], float]

TALLIED = {
    "kstress_run_seconds_total": "seconds",
    "kstress_lookups_total": "lookups",
    "kstress_module_loads_total": "loads",
    "kstress_module_unloads_total": "unloads",
    "kstress_race_windows_total": "race_windows",
    "kstress_violations_total": "violations",
}
SCENARIOS = ("stop_machine", "modlist_spinlock")
MAYBE = {("kstress_steal_ratio", None)}
"""What is known of most turns: a short one may have no tick of the host's clock."""


def address_of(soaking: Running) -> str:
    """Where the metrics are, as the soak says on standard error."""
    line = soaking.err.hear(lambda line: line.startswith("metrics: "))
    return line.removeprefix("metrics: ")


def scrape(address: str) -> list[Any]:
    """Every sample that is served."""
    from prometheus_client.parser import text_string_to_metric_families

    with urllib.request.urlopen(address, timeout=30) as answer:
        text = answer.read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def by_scenario(scraped: list[Any]) -> Metrics:
    """The samples that have no label but a scenario, or none at all."""
    return {
        (one.name, one.labels.get("scenario")): one.value for one in scraped if set(one.labels) <= {"scenario"}
    }  # fmt: skip


def standings_at(folder: Path, elapsed_s: float) -> dict[str, Any]:
    """Where each scenario stood on the disk when the soak had run for `elapsed_s`."""
    standings = [sample["standing"] for sample in samples(folder)]
    assert elapsed_s in [standing["elapsed_s"] for standing in standings]
    return {one["scenario"]: one for one in standings if one["elapsed_s"] <= elapsed_s}


def assert_agree(scraped: list[Any], folder: Path) -> None:
    """What was scraped is what was on the disk."""
    served = by_scenario(scraped)
    standings = standings_at(folder, served["kstress_soak_elapsed_seconds", None])
    for name, standing in standings.items():
        for metric, field in TALLIED.items():
            assert served[metric, name] == standing["tally"][field], metric
        assert served["kstress_machine_boots_total", name] == standing["slices"]
        assert served["kstress_stop_duration_seconds_count", name] == sum(standing["tally"]["latencies"].values())
        outcomes = {one.labels["outcome"]: one.value for one in scraped if one.name == "kstress_outcomes_total"
                    and one.labels["scenario"] == name}  # fmt: skip
        assert {name: count for name, count in outcomes.items() if count} == {
            name: count for name, count in standing["tally"]["outcomes"].items() if count
        }
    twin = standings["stop_machine"]["twin"]
    assert served["kstress_twin_race_windows_total", "stop_machine"] == twin["race_windows"]
    assert served["kstress_twin_violations_total", "stop_machine"] == twin["violations"]


def scrape_after_turns(soaking: Running, address: str) -> list[Any]:
    """Every sample that is served when each scenario has had one more turn."""
    for _ in SCENARIOS:
        soaking.hear_interval()
    return scrape(address)


def test_counters_grow_and_agree_with_what_is_on_the_disk(tmp_path: Path) -> None:
    with running(*SCENARIOS, *HOURS, "--metrics-port", "0", "--results", str(tmp_path)) as soaking:
        address, folder = address_of(soaking), soaking.hear_directory()
        first = scrape_after_turns(soaking, address)
        second = scrape_after_turns(soaking, address)
        soaking.signal(signal.SIGTERM)
        assert soaking.wait() == 143
    for scraped in (first, second):
        assert_agree(scraped, folder)
    early, late = by_scenario(first), by_scenario(second)
    assert set(early) - MAYBE == set(late) - MAYBE
    counters = [key for key in early if key[0].endswith(("_total", "_count", "_bucket"))]
    assert [key for key in counters if late[key] < early[key]] == []
    for name in SCENARIOS:
        for metric in ("kstress_lookups_total", "kstress_run_seconds_total", "kstress_machine_boots_total"):
            assert late[metric, name] > early[metric, name] > 0
    facts = next(one.labels for one in second if one.name == "kstress_soak_info")
    assert facts["run"] == folder.name
    assert facts["seed"] == str(manifest(folder)["plan"]["seed"])


def test_metrics_are_served_on_loopback_only_and_no_longer_than_the_soak(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--metrics-port", "0", "--results", str(tmp_path)) as soaking:
        address = address_of(soaking)
        soaking.hear_interval()
        links = [link for link in psutil.net_connections("tcp") if link.pid == soaking.process.pid]
        listening = [link.laddr for link in links if link.status == psutil.CONN_LISTEN]
        assert [f"http://{one.ip}:{one.port}/metrics" for one in listening] == [address]
        assert address.startswith("http://127.0.0.1:")
        soaking.signal(signal.SIGINT)
        assert soaking.wait() == 130
    with pytest.raises(OSError, match="refused"):
        scrape(address)


def test_a_metrics_port_that_is_taken_is_told_before_anything_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = kstress("soak", "stop_machine", *HOURS, "--metrics-port", port, cwd=tmp_path)
    assert_fails(done, "--metrics-port", port, "Address already in use")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["x" * 70, "a..b"])
def test_what_is_no_address_is_told_before_anything_runs(address: str, tmp_path: Path) -> None:
    flags = ("--metrics-port", "0", "--metrics-address", address, "--results", str(tmp_path))
    done = kstress("soak", "stop_machine", *HOURS, *flags)
    assert_fails(done, f"--metrics-address: {address!r} is not an address; give one, like 127.0.0.1")
    assert not list(tmp_path.iterdir())
