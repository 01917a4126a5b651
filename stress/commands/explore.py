"""`kstress explore`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stress import options
from stress.errors import UserError
from stress.exits import verdicts_code
from stress.host.interrupts import Interrupts
from stress.kinds import read_time
from stress.safe_text import shown
from stress.settings import ENGINES

if TYPE_CHECKING:
    from stress.campaign.held_file import HeldFile
    from stress.corpus import Corpus
    from stress.results.load.resumed import Kept
    from stress.results.terminal.explore import Outputs
    from stress.runs.controlled.exploration import Exploration


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
    help="End once it shows what FILE, of a run or an exploration, has reported.",
)
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Go on with what FILE has, up to --schedules or --duration in all.",
)
@options.protocol
@options.json_file
@options.results
def explore(resumed: Path | None, json_file: str | None, results: Path | None, **given: Any) -> int:
    """Look for violations one CPU at a time, in many orders; shrink the first order that has one, to replay.

    Verdicts are for the small world that is explored. Real threads are what `run` and `soak` have.
    """
    from stress.campaign.held_file import HeldFile
    from stress.results.load.resumed import SEEN
    from stress.results.terminal.explore import results_file

    options.announce("explore")
    bounds = _bounds(given.pop("schedules"), given.pop("duration"))
    if resumed is None:
        with results_file(results) if results else nullcontext() as file:
            return _explore(_new(bounds, **given), json_file, file, given["like"])
    _check_alone({"results": results} | given)
    with HeldFile.take(resumed) as file:
        return _explore(_kept(resumed, bounds), json_file, file, resumed, resumed.with_suffix(SEEN))


def _explore(kept: "Kept", json_file: str | None, file: "HeldFile | None", *read: Path | None) -> int:
    """Explore what is left of a plan, and keep it in `file`; the exit code. `read`: files that this reads."""
    from stress.results.terminal.explore import Outputs
    from stress.results.terminal.places import check_kept

    corpus = _checked(kept)
    check_kept({"explore --json": json_file}, options.files_read(kept.plan.scenarios, kept.plan.corpus, *read))
    outputs = Outputs(kept, json_file, file)
    done: list[Exploration] = []

    def leave(number: int) -> int:
        outputs.finish(done)
        outputs.note_start(done)
        return _code(done, number)

    interrupts = Interrupts(leave, saves=True)
    try:
        _explore_all(kept, corpus, outputs, interrupts, done)
    finally:
        outputs.finish(done)
    return _code(done, interrupts.signal)


def _code(done: "list[Exploration]", signal: int) -> int:
    """The exit code of what was explored."""
    return verdicts_code({one.verdict.name for one in done if not one.as_expected}, signal)


def _bounds(schedules: int | None, duration: str | None) -> dict[str, Any]:
    """The bounds that were given; one that was not is none beside one that was."""
    seconds = None if duration is None else read_time(duration, "--duration")
    return {} if schedules is seconds is None else {"schedules": schedules, "duration_s": seconds}


def _new(
    bounds: dict[str, Any],
    scenarios: tuple[str, ...],
    protocols: str | None,
    corpus: Path | None,
    like: Path | None,
    **given: Any,
) -> "Kept":
    """What is to be explored from the start."""
    from stress.results.load.reported import reported
    from stress.results.load.resumed import Kept
    from stress.runs.controlled.search import IN_DEPTH, Plan, Search
    from stress.scenario_files import find_scenarios

    search = Search(**bounds, **options.given(**given))
    if given["preemptions"] is not None and search.strategy != IN_DEPTH:
        raise UserError(
            f"--preemptions {given['preemptions']} bounds the strategy {IN_DEPTH}, and no other: "
            f"add --strategy {IN_DEPTH}, or leave it out (the strategy is {search.strategy})"
        )
    wanted = reported(like) if like else {}
    if not scenarios and not wanted:
        raise click.UsageError("Missing argument 'SCENARIO...': give one, or --like FILE")
    with _advice_of_files(None if scenarios else like):
        names = options.named(scenarios or tuple(wanted), False, protocols)
        every = {one.origin: one.name for name in names for one in find_scenarios(name)}
    if like and not wanted.keys() & every.values():
        others = f"{shown(', '.join(every.values()))}; give one that it reports: {shown(', '.join(wanted))}"
        raise UserError(f"--like: {shown(repr(str(like)))} reports nothing of {others}")
    return Kept(Plan(search=search, scenarios=tuple(every), corpus=str(corpus) if corpus else None, wanted=wanted))


@contextmanager
def _advice_of_files(like: Path | None) -> Iterator[None]:
    """Say what to do about a scenario that is not found where its name comes from `like`, which has no paths."""
    try:
        yield
    except UserError as error:
        if like is None:
            raise
        usual = "where a scenario lies in a file of your own, give SCENARIO too"
        raise UserError(f"--like: {shown(repr(str(like)))}: {error}; {usual}") from error


def _check_alone(given: dict[str, Any]) -> None:
    """Raise UserError for an option that the file of --resume decides."""
    others = [name for name, value in given.items() if value not in (None, False, ())]
    if others:
        flag = f"--{others[0].replace('_', '-')}".replace("--protocols", "--protocol").replace(
            "--scenarios", "SCENARIO"
        )
        raise UserError(f"{flag} has no place beside --resume, which takes it from its file; leave it out")


def _kept(resumed: Path, bounds: dict[str, Any]) -> "Kept":
    """What a file has, with other bounds if some were given."""
    from attrs import evolve

    from stress.results.load.resumed import read_explorations

    kept = read_explorations(resumed)
    return evolve(kept, plan=evolve(kept.plan, search=evolve(kept.plan.search, **bounds)))


def _checked(kept: "Kept") -> "Corpus":
    """What is loaded in all scenarios; UserError for one that cannot be explored so, or cannot be gone on with."""
    from stress.corpus import bundled, load
    from stress.runs.controlled.exploration import check_standing
    from stress.runs.controlled.search import check_strategy, cpus_for
    from stress.runs.variation import check_corpus
    from stress.scenario_files import find_scenario

    plan = kept.plan
    file = Path(plan.corpus) if plan.corpus else None
    for name in plan.scenarios:
        cpus_for(find_scenario(name), plan.search.cpus)
        check_strategy(find_scenario(name), plan.search)
        check_corpus(find_scenario(name), file)
    corpus = load(file, "--corpus") if file else bundled()
    for name, past in kept.pasts.items():
        check_standing(past.standing, find_scenario(name), corpus, plan.search)
    return corpus


def _explore_all(
    kept: "Kept", corpus: "Corpus", outputs: "Outputs", interrupts: Interrupts, done: "list[Exploration]"
) -> None:
    """Explore the scenarios one after the other, showing each as it ends and adding it to `done`."""
    from stress.machine.engines import choose_engine
    from stress.runs.controlled.exploration import explore as explore_one
    from stress.scenario_files import find_scenario

    plan = kept.plan
    if kept.unseen:
        outputs.note(f"{shown(kept.unseen)} is missing, or not whole: distinct schedules that it lacks count anew")
    outputs.note(f"engine: {choose_engine(plan.search.engine)}")
    for name in plan.scenarios:
        scenario = find_scenario(name)
        with outputs.progress(scenario) as progress:

            def tell(exploration: "Exploration", show: Any = progress) -> bool:
                interrupts.running = True
                show(exploration)
                outputs.keep(done, exploration)
                return bool(interrupts.pending())

            standing = kept.pasts[name].standing if name in kept.pasts else None
            search = plan.search_of(scenario)
            done.append(explore_one(scenario, corpus, search, tell, standing, lambda now: outputs.finish([*done, now])))
            interrupts.running = False
        if interrupts.pending() and _is_hurried(outputs, interrupts, done):
            break
        outputs.show(done[-1], corpus, standing)
        if interrupts.pending():
            break


def _is_hurried(outputs: "Outputs", interrupts: Interrupts, done: "list[Exploration]") -> bool:
    """Save what was explored before anything is shown; whether a second signal came, so that nothing is to be shown."""
    outputs.save(done)
    return interrupts.saved()
