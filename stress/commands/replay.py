"""`kstress replay`."""

from pathlib import Path

import click

from stress.exits import EXIT_INCONCLUSIVE, EXIT_OTHER_VERDICT
from stress.settings import ENGINES


@click.command()
@click.argument("schedule", metavar="TOKEN|FILE")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", help="[default: auto]")
@click.option("--corpus", type=click.Path(path_type=Path), metavar="FILE", help="The corpus.  [default: bundled]")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw the timeline of the last schedule.")
def replay(schedule: str, engine: str, corpus: Path | None, svg: Path | None) -> int:
    """Run a schedule again, access for access: TOKEN, or the tokens that stand in FILE, such as a log.

    The exit code is 1 if it shows what its scenario should not have, 3 if it shows nothing where there should be
    something, and else 0.
    """
    from stress.corpus import bundled, load
    from stress.results.terminal.places import check_json, check_kept
    from stress.results.terminal.replay import show
    from stress.runs.controlled.replay import replay as replay_one
    from stress.runs.controlled.replay import schedules_in

    check_json(None if svg is None else str(svg), "--svg")
    check_kept({"--svg": svg}, [Path(schedule), *([corpus] if corpus else [])])
    symbols = load(corpus, "--corpus") if corpus else bundled()
    code = 0
    for one in schedules_in(schedule):
        replayed = replay_one(one, symbols, engine)
        show(replayed, svg)
        if replayed.shows and replayed.scenario.expect == "held":
            code = EXIT_OTHER_VERDICT
        elif not replayed.shows and replayed.scenario.expect in ("violated", "stalled"):
            code = code or EXIT_INCONCLUSIVE
    return code
