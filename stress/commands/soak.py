"""`kstress soak`."""

from pathlib import Path
from typing import Any

import click

from stress.errors import UserError
from stress.exits import campaign_code, exit_code
from stress.host.interrupts import Interrupts
from stress.options import (
    announce,
    campaign_options,
    config_values,
    duration,
    machine_options,
    named,
    optional,
    protocol_option,
    workers_of,
)


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="Soak every scenario of the catalogue.")
@click.option("--duration", callback=duration, help="Time for all scenarios together, like 8h or 2d.")
@click.option("--interval", callback=duration, help="Time between two records, and of a turn.  [default: 10s]")
@campaign_options
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics; 0 takes any free port.")
@click.option("--metrics-address", default="127.0.0.1", help="Where to serve them.  [default: 127.0.0.1]")
@protocol_option
@machine_options
@click.option("--reports", type=click.IntRange(0, 8), default=1, help="Violations to tell in full.  [default: 1]")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON, to standard output for -.")
def soak(
    scenarios: tuple[str, ...],
    everything: bool,
    protocols: str | None,
    resumed: Path | None,
    results: Path | None,
    interval: float | None,
    metrics_port: int | None,
    metrics_address: str,
    scheduler: str | None,
    reports: int,
    json_file: str | None,
    **given: Any,
) -> int:
    """Run scenarios for hours or days, in turns; what is learnt is kept in a run directory, whatever happens."""
    from stress.results.terminal.soak import SoakOutputs

    announce("soak")
    wanted = config_values(given)
    outputs = SoakOutputs(json_file, reports)
    interrupts = Interrupts.noted()
    watcher, close = outputs.watch(metrics_port, metrics_address)
    try:
        how = {"watcher": watcher, "interrupted": interrupts.pending, **workers_of(scheduler)}
        chosen = named(scenarios, everything, protocols)
        ending = _soak(chosen, resumed, results, wanted, {**how, **optional(interval_s=interval)})
    finally:
        close()
    return campaign_code("soak", outputs, ending, exit_code(ending.results, interrupts.signal))


def _soak(
    scenarios: tuple[str, ...],
    resumed: Path | None,
    results: Path | None,
    wanted: dict[str, Any],
    how: dict[str, Any],
) -> Any:
    """Start a soak, or go on with one."""
    from stress.campaign.soak.soak import resume, soak
    from stress.config import Config

    if resumed is not None:
        if results is not None:
            raise UserError("--results: a resumed soak stays in its directory; leave --results out")
        return resume(resumed, scenarios, **how, **wanted)
    if "duration_s" not in wanted:
        raise UserError("--duration: a soak needs to know for how long; give a time like 8h")
    place = optional(results=results)
    return soak(scenarios, Config(**wanted), **how, **place)
