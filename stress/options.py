"""The options that several commands have, and how their texts are read; nothing heavy is imported before its time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click

from stress.errors import UserError
from stress.kinds import SWITCH, read_time
from stress.settings import AXES, SETTINGS, Setting

Command = Callable[..., Any]


def announce(command: str) -> None:
    """Print what a command needs and the system lacks; UserError where it cannot run without it."""
    from stress.host.system import lacks

    for text in lacks(command):
        click.echo(f"kstress: {text}", err=True)


def duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """A duration option, in seconds."""
    return None if text is None else read_time(text, parameter.opts[-1])


def given(**values: Any) -> dict[str, Any]:
    """The values that were given: the others keep the config's defaults."""
    return {name: value for name, value in values.items() if value is not None}


DIRECTORY = click.Path(path_type=Path)
protocol = click.option(
    "--protocol",
    "protocols",
    metavar="LIST",
    help="Of a study, run the variants under these protocols only.  [like rcu,epoch]",
)
json_file = click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the results as JSON, to standard output for -."
)
results = click.option("--results", type=DIRECTORY, metavar="DIR", help="Keep the JSON in a new file there.")
reports = click.option(
    "--reports", type=click.IntRange(0, 8), default=1, help="Violations to print in full.  [default: 1]"
)
CAMPAIGN_OPTIONS = (
    click.option(
        "--resume", "resumed", type=DIRECTORY, metavar="DIR", help="Go on with what a run directory has left."
    ),
    click.option(
        "--results", type=DIRECTORY, metavar="DIR", help="Where its run directory is made.  [default: results]"
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Run it on the workers of a dask scheduler (extra cluster)."),
)


def campaign(command: Command) -> Command:
    """The options of every command that keeps a run directory."""
    return _with_options(command, CAMPAIGN_OPTIONS)


def workers_of(scheduler: str | None) -> dict[str, Any]:
    """Who is to work for a campaign, as its argument: the workers of a scheduler if there is one."""
    if scheduler is None:
        return {}
    from stress.campaign.workers.cluster import on_cluster

    return {"workers": on_cluster(scheduler)}


OWN_WORDS = ("duration", "seed")
"""Settings that mean something else to a sweep: it says for itself what."""


def machine(command: Command) -> Command:
    """The options of every command that runs machines: all settings but the duration, which each says for itself."""
    return _with_options(command, [_option(setting) for setting in SETTINGS if setting.name != "duration"])


def _with_options(command: Command, options: Sequence[Command]) -> Command:
    """A command with these options, in the order of its help."""
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


def _option(setting: Setting) -> Command:
    """The option that gives a setting its value."""
    if setting.kind is SWITCH:
        return _switch(setting)

    def read(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        return None if text is None else setting.kind.read(text, setting.flag)

    usual = f"  [default: {setting.usual}]"
    return click.option(setting.flag, callback=read, metavar=setting.kind.name, help=f"{setting.help}{usual}")


def _switch(setting: Setting) -> Command:
    """The option that turns a setting on or, if it is on without being given, off."""
    flags = f"{setting.flag}/--no-{setting.name}" if setting.usual == "on" else setting.flag
    return click.option(flags, is_flag=True, default=None, help=f"{setting.help}  [default: {setting.usual}]")


def config_values(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, by the names of `Config`'s fields."""
    fields = {setting.name.replace("-", "_"): setting.field for setting in SETTINGS}
    return given(**{fields[name]: value for name, value in options.items()})


def sweep(command: Command) -> Command:
    """The options of a sweep: a list of values for each axis, then settings that are the same for all cells.

    Their values stay text: the whole of a sweep is read at once.
    """
    lists = [click.option(axis.flag, metavar="LIST", help=f"{axis.help}  [like {axis.axis}]") for axis in AXES]
    others = [setting for setting in SETTINGS if not setting.axis and setting.name not in OWN_WORDS]
    return _with_options(command, [*lists, *map(_text_option, others)])


def _text_option(setting: Setting) -> Command:
    """The option of a setting whose value stays text."""
    if setting.kind is SWITCH:
        return _switch(setting)
    return click.option(setting.flag, metavar=setting.kind.name, help=f"{setting.help}  [default: {setting.usual}]")


def named(scenarios: tuple[str, ...], everything: bool, protocols: str | None = None) -> tuple[str, ...]:
    """The scenarios that are meant: those that are named, or with --all every one of the catalogue.

    `protocols`, like "rcu,epoch", picks variants of files that have several.
    """
    from stress.scenario_files import catalogue

    if everything and scenarios:
        raise UserError(f"--all runs every scenario, so {scenarios[0]!r} has no place beside it; leave one out")
    wanted = tuple(scenario.origin for scenario in catalogue()) if everything else scenarios
    return wanted if protocols is None else _under(wanted, read_list(protocols))


def files_read(scenarios: Iterable[str], *others: Path | str | None) -> Iterator[Path]:
    """Every file that a command reads: of scenarios, plans, and `others` with what is in those that are folders."""
    from stress.results.terminal.places import files_of
    from stress.scenario_files import files_behind

    for name in scenarios:
        yield from [Path(name)] if name.endswith(".toml") else files_behind(name)
    for other in others:
        yield from files_of(Path(other)) if other else ()


def read_list(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",")]


def _under(scenarios: tuple[str, ...], protocols: list[str]) -> tuple[str, ...]:
    """The variants with these names, of each file in turn."""
    from stress.scenario_files import variants_of

    if not scenarios:
        raise UserError("--protocol: give a study, like linked_list; `kstress list` shows them")
    try:
        return tuple(origin for name in scenarios for origin in variants_of(name, protocols))
    except UserError as error:
        raise UserError(f"--protocol: {error}") from error
