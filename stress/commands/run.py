"""`kstress run`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stress import options
from stress.exits import exit_code
from stress.host.interrupts import Interrupts

if TYPE_CHECKING:
    from stress.config import Config
    from stress.runs.result import Result
    from stress.scenario import Scenario

PAIR = ("modlist_spinlock", "stop_machine")


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="Run every scenario of the catalogue.")
@click.option(
    "--duration", callback=options.duration, help="Time for each scenario, like 500ms or 1h30m.  [default: 10s]"
)
@options.protocol
@options.machine
@options.reports
@options.json_file
@options.results
def run(
    scenarios: tuple[str, ...],
    everything: bool,
    protocols: str | None,
    reports: int,
    json_file: str | None,
    results: Path | None,
    **given: Any,
) -> int:
    """Run scenarios and judge them; without any, the pair: before the patch and after it."""
    from stress.config import Config
    from stress.results.terminal.places import check_kept
    from stress.results.terminal.run import Outputs
    from stress.runs.variation import check_variation
    from stress.scenario_files import find_scenarios

    options.announce("run")
    config = Config(**options.config_values(given))
    names = options.named(scenarios, everything, protocols) or PAIR
    chosen = [one for name in names for one in find_scenarios(name)]
    check_kept({"--json": json_file}, options.files_read(names, config.corpus))
    for one in chosen:
        check_variation(one, config)
    outputs = Outputs([one.name for one in chosen], json_file, results, reports)
    done: list[Result] = []

    def leave(number: int) -> int:
        outputs.finish(done, number)
        outputs.note("interrupted while no machine ran")
        return exit_code(done, number)

    interrupts = Interrupts(leave)
    try:
        _run_all(chosen, config, outputs, interrupts, done)
    finally:
        outputs.finish(done, interrupts.signal)
    return exit_code(done, interrupts.signal)


def _run_all(
    chosen: "list[Scenario]", config: "Config", outputs: Any, interrupts: Interrupts, done: "list[Result]"
) -> None:
    """Run the scenarios one after the other, showing each as it ends and adding it to `done`."""
    from stress.runs.hooks import Hooks
    from stress.runs.runner import run_scenario, world_for
    from stress.runs.settled import settle

    world = world_for(config)
    how = " (chosen by --engine auto)" if config.engine == "auto" else ""
    outputs.note(f"engine: {settle(config).engine}{how}")
    for scenario in chosen:
        with outputs.progress(scenario, config.duration_s) as progress:

            def tell(running: "Scenario", tally: Any, passed: float, show: Any = progress) -> None:
                interrupts.running = True
                show(running, tally, passed)

            hooks = Hooks(tell, interrupts.pending, before_exit=lambda why: outputs.finish(done, interrupts.signal))
            done.append(run_scenario(scenario, world, config, hooks))
            interrupts.running = False
        outputs.show(done[-1])
        if interrupts.pending():
            break
