"""Metrics of a soak for Prometheus (extra `metrics`), named by its conventions.

Units are base units, and what only grows ends in `_total`, which prometheus_client adds. The server's threads read
the view that the soak handed on last, which nobody changes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from stress.campaign.records import ScenarioRecord
from stress.campaign.soak.records import Standing, scenarios_by_name
from stress.campaign.soak.view import View, Watcher
from stress.errors import UserError
from stress.extras import needs
from stress.machine.latency import upper_edge
from stress.safe_text import shown

END_SECONDS = 1.0
LABELS = ("scenario",)
STOP_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0)
"""Upper edges in seconds of the buckets that stop latencies are given in."""

Counter = Callable[[Standing], float]

COUNTERS: dict[str, tuple[str, Counter]] = {
    "kstress_run_seconds": ("Seconds that the scenario's own machines have run.", lambda one: one.tally.seconds),
    "kstress_machine_boots": ("Machines that were booted for the scenario.", lambda one: one.slices),
    "kstress_lookups": ("Lookups that were judged.", lambda one: one.tally.lookups),
    "kstress_module_loads": ("Modules that were loaded.", lambda one: one.tally.loads),
    "kstress_module_unloads": ("Modules that were unloaded.", lambda one: one.tally.unloads),
    "kstress_race_windows": ("Lookups that overlapped a change.", lambda one: one.tally.race_windows),
    "kstress_lost_turns": ("Turns that were lost, and are not counted.", lambda one: one.lost_turns),
    "kstress_violations": ("Lookups with a forbidden outcome.", lambda one: one.tally.violations),
    "kstress_trials": (
        "Changes that lookups overlapped, up to a machine's first violation.",
        lambda one: one.tally.caught.trials,
    ),
    "kstress_catches": ("Machines that showed a violation.", lambda one: one.tally.caught.catches),
}
TWIN_COUNTERS: dict[str, tuple[str, Counter]] = {
    "kstress_twin_race_windows": (
        "Lookups of the twin that overlapped a change.",
        lambda one: one.twin.race_windows if one.twin else 0,
    ),
    "kstress_twin_violations": (
        "Lookups of the twin with a forbidden outcome.",
        lambda one: one.twin.violations if one.twin else 0,
    ),
    "kstress_twin_trials": (
        "Changes that lookups of the twin overlapped, up to a machine's first violation.",
        lambda one: one.twin.caught.trials if one.twin else 0,
    ),
    "kstress_twin_catches": (
        "Machines of the twin that showed a violation.",
        lambda one: one.twin.caught.catches if one.twin else 0,
    ),
}


def stop_buckets(latencies: list[int]) -> tuple[list[tuple[str, float]], float]:
    """Cumulative counts of stop latencies by STOP_BUCKETS, and their sum in seconds, from the upper edges."""
    edges = [(upper_edge(bucket) / 1e9, count) for bucket, count in enumerate(latencies) if count]
    buckets = [(str(limit), float(sum(count for edge, count in edges if edge <= limit))) for limit in STOP_BUCKETS]
    return [*buckets, ("+Inf", float(sum(latencies)))], sum(edge * count for edge, count in edges)


@attrs.define(eq=False)
class SoakMetrics(Watcher):
    """A watcher that passes everything on to another one, and a collector of what it has seen last."""

    watcher: Any
    view: View | None = None

    def __attrs_post_init__(self) -> None:
        self.wants_glances = self.watcher.wants_glances

    def note(self, text: str) -> None:
        """Pass it on."""
        self.watcher.note(text)

    def glance(self, view: View) -> None:
        """Pass it on."""
        self.watcher.glance(view)

    def sample(self, view: View) -> None:
        """An interval is over: its counts are what is served from now on."""
        self.view = view
        self.watcher.sample(view)

    def close(self) -> None:
        """Pass it on."""
        self.watcher.close()

    def collect(self) -> Iterator[Any]:
        """All metrics, for prometheus_client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        view = self.view
        if view is None:
            return
        for name, (text, read) in {**COUNTERS, **TWIN_COUNTERS}.items():
            family = CounterMetricFamily(name, text, labels=LABELS)
            for standing in view.standings:
                family.add_metric([standing.scenario], read(standing))
            yield family
        yield self._outcomes(view)
        yield self._stops(view)
        yield self._states(view)
        yield GaugeMetricFamily("kstress_soak_elapsed_seconds", "Seconds of the soak so far.", value=view.elapsed_s)
        yield GaugeMetricFamily(
            "kstress_soak_duration_seconds", "Seconds that the soak is to take.", value=view.plan.duration_s
        )
        yield from self._costs(view)
        yield self._facts(view)

    def _outcomes(self, view: View) -> Any:
        """Every graded outcome of every scenario."""
        from prometheus_client.core import CounterMetricFamily

        parts = scenarios_by_name(view.plan)
        family = CounterMetricFamily("kstress_outcomes", "Lookups by outcome.", labels=("scenario", "outcome", "grade"))
        for standing in view.standings:
            part: ScenarioRecord = parts[standing.scenario]
            for outcome in part.outcomes.values():
                family.add_metric([part.name, outcome.name, outcome.grade], standing.tally.outcomes[outcome.name])
        return family

    def _stops(self, view: View) -> Any:
        """How long stops took."""
        from prometheus_client.core import HistogramMetricFamily

        text = "Seconds from the first state of a stop of the machine to its last, up to 6 % more."
        family = HistogramMetricFamily("kstress_stop_duration_seconds", text, labels=LABELS)
        for standing in view.standings:
            buckets, total = stop_buckets(standing.tally.latencies)
            family.add_metric([standing.scenario], buckets, total)
        return family

    def _states(self, view: View) -> Any:
        """What has ended, and why."""
        from prometheus_client.core import GaugeMetricFamily

        text = "1 for a scenario that has ended early: stalled, or failed with the harness."
        family = GaugeMetricFamily("kstress_scenario_ended", text, labels=("scenario", "reason"))
        for standing in view.standings:
            family.add_metric([standing.scenario, "stalled"], float(standing.stall is not None))
            family.add_metric([standing.scenario, "failed"], float(standing.failure is not None))
        return family

    def _costs(self, view: View) -> Iterator[Any]:
        """Memory and steal, where they are known."""
        from prometheus_client.core import GaugeMetricFamily

        sample = view.sample
        if sample and sample.memory_bytes is not None:
            text = "Resident memory of the machine's process."
            yield GaugeMetricFamily("kstress_machine_resident_memory_bytes", text, value=sample.memory_bytes)
        if sample and sample.steal_percent is not None:
            text = "Share of the host's CPU time that went to other guests, 0 to 1."
            yield GaugeMetricFamily("kstress_steal_ratio", text, value=sample.steal_percent / 100)

    def _facts(self, view: View) -> Any:
        """What the soak is of."""
        from prometheus_client.core import InfoMetricFamily

        plan = view.plan
        facts = {"engine": plan.engine, "cpus": str(plan.cpus), "seed": str(plan.seed), "noise": str(plan.noise)}
        return InfoMetricFamily("kstress_soak", "What the soak is of.", value={**facts, "run": view.folder.name})


def serve(metrics: SoakMetrics, port: int, address: str) -> tuple[int, Callable[[], None]]:
    """Serve the metrics over HTTP; the port, which the system chooses for 0, and what ends the server.

    Raises:
        UserError: without prometheus_client, or when the port cannot be had.
    """
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        raise UserError(f"{needs('--metrics-port', 'metrics')}, or leave it out") from None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr=address, registry=registry)
    except ValueError:  # a label of a host's name that is too long, or empty
        raise UserError(
            f"--metrics-address: {shown(repr(address))} is not an address; give one, like 127.0.0.1"
        ) from None
    except (OSError, OverflowError) as error:
        text = f"cannot listen on {shown(address)}:{port}: {error}"
        raise UserError(f"--metrics-port: {text}; choose another port or address") from None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join(END_SECONDS)

    return int(server.server_port), end
