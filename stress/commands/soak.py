"""`kstress soak`."""

from pathlib import Path
from typing import Any

import click

from stress import options
from stress.errors import UserError
from stress.exits import campaign_code, exit_code
from stress.host.interrupts import Interrupts


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="Soak every scenario of the catalogue.")
@click.option("--duration", callback=options.duration, help="Time for all scenarios together, like 8h or 2d.")
@click.option("--interval", callback=options.duration, help="Time between two records, and of a turn.  [default: 10s]")
@options.campaign
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics; 0 takes any free port.")
@click.option("--metrics-address", default="127.0.0.1", help="Where to serve them.  [default: 127.0.0.1]")
@options.protocol
@options.machine
@options.reports
@options.json_file
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
    from stress.results.terminal.places import check_kept
    from stress.results.terminal.soak import SoakOutputs

    options.announce("soak")
    wanted = options.config_values(given)
    check_kept({"--json": json_file}, options.files_read(scenarios, wanted.get("corpus"), resumed))
    outputs = SoakOutputs(json_file, reports)
    interrupts = Interrupts.noted()
    watcher, close = outputs.watch(metrics_port, metrics_address)
    try:
        how = {"watcher": watcher, "interrupted": interrupts.pending, **options.workers_of(scheduler)}
        chosen = options.named(scenarios, everything, protocols)
        ending = _soak(chosen, resumed, results, wanted, {**how, **options.given(interval_s=interval)})
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
    place = options.given(results=results)
    return soak(scenarios, Config(**wanted), **how, **place)
