"""`kstress explore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stress.exits import verdicts_code
from stress.host.interrupts import Interrupts
from stress.kinds import read_time
from stress.options import announce, named, optional, protocol_option

if TYPE_CHECKING:
    from stress.runs.controlled.exploration import Exploration
    from stress.runs.controlled.search import Search
    from stress.scenario import Scenario

ENGINES = ("auto", "python", "native")


@click.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...")
@click.option("--strategy", metavar="NAME", help="random, pct, pos, surw, depth-first or mixed.  [default: mixed]")
@click.option("--schedules", type=int, metavar="N", help="How many schedules to try.  [default: those of the duration]")
@click.option("--duration", metavar="TIME", help="Time for each scenario, like 500ms or 1h.  [default: 10s]")
@click.option("--preemptions", type=int, metavar="K", help="The bound of the strategy depth-first.  [default: 2]")
@click.option("--operations", type=int, metavar="N", help="Operations of each CPU.  [default: 2]")
@click.option("--modules", type=int, metavar="N", help="Modules that are loaded; 0 for the whole corpus.  [default: 2]")
@click.option("--cpus", type=click.IntRange(1, 1024), metavar="N", help="CPUs.  [default: as few as it needs]")
@click.option("--engine", type=click.Choice(ENGINES), help="The engine.  [default: auto]")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="The seed.  [default: random]")
@click.option("--corpus", type=click.Path(path_type=Path), metavar="FILE", help="The corpus.  [default: bundled]")
@click.option("--stop-on-violation", is_flag=True, help="End at the first violation or stall.")
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="End once it shows what FILE, of a run on real threads, has reported.",
)
@protocol_option
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON, to standard output for -.")
@click.option("--results", type=click.Path(path_type=Path), metavar="DIR", help="Keep the JSON in a new file there.")
def explore(
    scenarios: tuple[str, ...],
    protocols: str | None,
    corpus: Path | None,
    like: Path | None,
    json_file: str | None,
    results: Path | None,
    duration: str | None,
    schedules: int | None,
    **given: Any,
) -> int:
    """Look for violations one CPU at a time, in many orders; show the smallest order that has one, to replay.

    Verdicts are for the small world that is explored. Real threads are what `run` and `soak` have.
    """
    from stress.results.load.reported import reported
    from stress.results.terminal.explore import Outputs
    from stress.runs.controlled.search import Search, cpus_for
    from stress.scenario_files import find_scenarios

    announce("explore")
    if duration is not None:
        given["duration_s"] = read_time(duration, "--duration")
    search = Search(schedules=schedules, **optional(**given))
    wanted = reported(like) if like else {}
    if not scenarios and not wanted:
        raise click.UsageError("Missing argument 'SCENARIO...': give one, or --like FILE")
    names = named(scenarios or tuple(wanted), False, protocols)
    chosen = [one for name in names for one in find_scenarios(name)]
    for one in chosen:
        cpus_for(one, search.cpus)
    outputs = Outputs(json_file, results)
    done: list[Exploration] = []
    interrupts = Interrupts(
        lambda number: verdicts_code({one.verdict.name for one in done if not one.as_expected}, number)
    )
    try:
        _explore_all(chosen, corpus, search, wanted, outputs, interrupts, done)
    finally:
        outputs.finish(done)
    return verdicts_code({one.verdict.name for one in done if not one.as_expected}, interrupts.signal)


def _explore_all(
    chosen: "list[Scenario]",
    corpus: Path | None,
    search: "Search",
    wanted: dict[str, frozenset[str]],
    outputs: Any,
    interrupts: Interrupts,
    done: "list[Exploration]",
) -> None:
    """Explore the scenarios one after the other, showing each as it ends and adding it to `done`."""
    from attrs import evolve

    from stress.corpus import bundled, load
    from stress.machine.engines import choose_engine
    from stress.runs.controlled.exploration import explore as explore_one

    symbols = load(corpus) if corpus else bundled()
    outputs.note(f"engine: {choose_engine(search.engine)}")
    for scenario in chosen:
        with outputs.progress(scenario) as progress:

            def tell(explored: Any, show: Any = progress) -> bool:
                interrupts.running = True
                show(explored)
                return bool(interrupts.pending())

            one = evolve(search, wanted=wanted.get(scenario.name, frozenset()))
            done.append(explore_one(scenario, symbols, one, tell))
            interrupts.running = False
        outputs.show(done[-1], symbols)
        if interrupts.pending():
            break
