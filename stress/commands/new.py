"""`kstress new`: a scenario of one's own to start from, with its twin."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def new(file: Path) -> int:
    """Write a scenario of your own to start from into FILE, and its twin beside it.

    Both are short, correct and commented. `kstress run FILE` and `pytest FILE` run them. FILE ends with .py; nothing
    is overwritten.
    """
    from stress.safe_text import shown
    from stress.scenario_template import write_pair

    scenario, twin = write_pair(file)
    click.echo(f"{shown(scenario)}: a scenario; its twin is {shown(twin)}")
    click.echo(f"run them: kstress run {shown(scenario)}, or pytest {shown(scenario)}")
    return 0
