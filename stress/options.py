"""The options that several commands have, and how their texts are read; nothing heavy is imported before its time."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from stress.errors import UserError

Command = Callable[..., Any]


def announce(command: str) -> None:
    """Tell what the system lacks of what a command uses; UserError where it cannot run without it."""
    from stress.host.system import lacks

    for told in lacks(command):
        click.echo(f"kstress: {told}", err=True)


def duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """A duration option, in seconds."""
    from stress.units import parse_duration

    return None if text is None else parse_duration(text, parameter.opts[-1])


def rate(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """A rate option, as a fraction."""
    from stress.units import parse_rate

    return None if text is None else parse_rate(text, parameter.opts[-1])


def optional(**values: Any) -> dict[str, Any]:
    """The values that were given: the others keep the config's defaults."""
    return {name: value for name, value in values.items() if value is not None}


DIRECTORY = click.Path(path_type=Path)
CAMPAIGN_OPTIONS = (
    click.option(
        "--resume", "resumed", type=DIRECTORY, metavar="DIR", help="Go on with what a run directory has left."
    ),
    click.option(
        "--results", type=DIRECTORY, metavar="DIR", help="Where its run directory is made.  [default: results]"
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Run it on the workers of a dask scheduler (extra cluster)."),
)


def campaign_options(command: Command) -> Command:
    """The options of every command that keeps a run directory."""
    return reduce(lambda decorated, option: option(decorated), reversed(CAMPAIGN_OPTIONS), command)


def crew_of(scheduler: str | None) -> dict[str, Any]:
    """Who is to work for a campaign, as its argument: the workers of a scheduler if there is one."""
    if scheduler is None:
        return {}
    from stress.campaign.workers.cluster import on_cluster

    return {"crew": on_cluster(scheduler)}


MACHINE_OPTIONS = (
    click.option("--cpus", type=int, help="How many CPUs to play.  [default: 4]"),
    click.option("--engine", help="auto, python or native.  [default: auto: native if numba is there]"),
    click.option("--seed", type=int, help="Fixes workload and noise, not the interleaving.  [default: random]"),
    click.option(
        "--kasan/--no-kasan", default=None, help="Look at the shadow of memory at each access.  [default: on]"
    ),
    click.option("--noise", callback=rate, help="Share of accesses that give up the core, like 1/64; 0 for none."),
    click.option("--pace", callback=duration, help="Rest of a writer between two operations; 0s for none."),
    click.option("--stall-after", callback=duration, help="Spinning this long without progress is a stall."),
    click.option("--stop-on-violation", is_flag=True, default=None, help="End a scenario at its first violation."),
    click.option("--switch-interval", callback=duration, help="How long a thread waits for the GIL before it asks."),
    click.option("--readers-per-writer", type=int, help="One writer for each so many readers.  [default: one in all]"),
    click.option("--gap", callback=duration, help="Length of a hypervisor's gaps, in scenarios that have them."),
    click.option("--fate", help="Of freed memory: poisoned, reused or unmapped.  [default: the scenario's]"),
    click.option("--corpus", type=click.Path(path_type=Path), help="Symbols of other modules (kstress corpus import)."),
)


def machine_options(command: Command) -> Command:
    """The options of every command that runs machines."""
    return reduce(lambda decorated, option: option(decorated), reversed(MACHINE_OPTIONS), command)


def config_values(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, by the names of `Config`'s fields."""
    names = {"duration": "duration_s", "pace": "pace_s", "stall_after": "stall_after_s", "gap": "gap_s"}
    names["switch_interval"] = "switch_interval_s"
    return optional(**{names.get(name, name): value for name, value in given.items()})


AXIS_FLAGS = {
    "cpus": "How many CPUs to play, like 1,2,4,8.",
    "engine": "auto, python, native.",
    "readers-per-writer": "One writer for each so many readers.",
    "noise": "Shares of accesses that give up the core, like 1/64,0.",
    "switch-interval": "How long a thread waits for the GIL, like 1us,5ms.",
    "gap": "Lengths of a hypervisor's gaps, in scenarios that have them.",
    "pace": "Rests of a writer between two operations, like 0s,1ms.",
    "fate": "Of freed memory: poisoned, reused, unmapped.",
    "corpus": "Files with symbols of other modules.",
}
"""Each takes a list with commas; every combination is run."""


def axis_options(command: Command) -> Command:
    """An option for each axis of a sweep, in the order of the help."""
    options = [click.option(f"--{name}", metavar="LIST", help=help) for name, help in AXIS_FLAGS.items()]
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


def named(scenarios: tuple[str, ...], everything: bool) -> tuple[str, ...]:
    """The scenarios that are meant: those that are named, or with --all every one of the catalogue."""
    from stress.scenario_files import catalogue

    if everything and scenarios:
        raise UserError(f"--all runs every scenario, so {scenarios[0]!r} has no place beside it; leave one out")
    return tuple(scenario.origin for scenario in catalogue()) if everything else scenarios
