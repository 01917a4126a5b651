"""`kstress sweep`."""

from pathlib import Path
from typing import Any

import click

from stress import options
from stress.errors import UserError
from stress.exits import campaign_code, verdicts_code
from stress.host.interrupts import Interrupts


@click.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...|PLAN.toml")
@options.protocol
@options.sweep
@click.option(
    "--find",
    metavar="AXIS=A..B",
    help="Search for the least value at which most runs show the race: of cpus, noise, gap or duration.",
)
@click.option("--share", metavar="PERCENT", help="How many runs of a search are most.  [default: 95%]")
@click.option("--confidence", metavar="PERCENT", help="How sure a search is of its answer.  [default: 95%]")
@click.option("--repeat", help="How often to run each cell; of a search, at most.  [default: 3; 500]")
@click.option("--duration", help="Time for each cell, like 500ms.  [default: 2s]")
@click.option("--seed", help="Fixes the order of cells and the seed of each.  [default: random]")
@options.campaign
@click.option(
    "--cores",
    type=click.Choice(["wait", "share"]),
    help="While another stress run has this host's cores.  [default: KSTRESS_CORES; wait]",
)
@options.json_file
def sweep(
    scenarios: tuple[str, ...],
    protocols: str | None,
    scheduler: str | None,
    resumed: Path | None,
    results: Path | None,
    cores: str | None,
    json_file: str | None,
    **given: Any,
) -> int:
    """Run every combination of scenarios and values on axes, each in a fresh process, in shuffled order."""
    from stress.results.terminal.places import check_kept
    from stress.results.terminal.sweep import SweepOutputs

    options.announce("sweep")
    corpora = options.read_list(given["corpus"] or "")
    check_kept({"--json": json_file}, options.files_read(scenarios, *corpora, resumed))
    outputs = SweepOutputs(json_file)
    interrupts = Interrupts.noted()
    try:
        from stress.campaign.sweep.matrix import matrix_of
        from stress.campaign.sweep.sweep import resume_sweep
        from stress.campaign.sweep.sweep import sweep as run_sweep

        how = {"watcher": outputs, "interrupted": interrupts.pending, "cores": cores, **options.workers_of(scheduler)}
        if resumed is not None:
            _refuse_beside_resume(scenarios, results, options.given(protocol=protocols, **given))
            ending = resume_sweep(resumed, **how)
        else:
            chosen = options.named(scenarios, False, protocols)
            ending = run_sweep(matrix_of(chosen, options.given(**given)), **how, **options.given(results=results))
    finally:
        outputs.close()
    return campaign_code("sweep", outputs, ending, verdicts_code(ending.others, interrupts.signal))


def _refuse_beside_resume(scenarios: tuple[str, ...], results: Path | None, given: dict[str, Any]) -> None:
    """A resumed sweep has all that it runs in its directory."""
    beside = [*scenarios, *(f"--{name.replace('_', '-')}" for name in given), *(["--results"] if results else [])]
    if beside:
        raise UserError(f"--resume: the run directory says what to run; leave {', '.join(beside)} out")
