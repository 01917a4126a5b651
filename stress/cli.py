"""The command `kstress`: reads the command line, calls what a Python caller could call, prints, sets the exit code.

Nothing heavy is imported before a command needs it.
"""

import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from stress.errors import HarnessError, UserError
from stress.exits import EXIT_HARNESS_FAILED, EXIT_USAGE, exit_code, fail, verdicts_code
from stress.interrupts import Interrupts
from stress.options import axis_options, config_values, duration, machine_options, optional

if TYPE_CHECKING:
    from stress.config import Config
    from stress.report.result import Result
    from stress.scenario import Scenario

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
PAIR = ("modlist_spinlock", "stop_machine")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kstress")
def cli() -> None:
    """Stress lockless readers against writers that free memory, on real threads.

    \b
    Start with:  kstress run        the 2005 kallsyms race, before and after the patch
                 kstress soak       run for hours or days, and lose nothing
                 kstress sweep      run every combination of CPU counts, engines and more
                 kstress list       every scenario
                 kstress doctor     what this machine offers
    """


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="Run every scenario of the catalogue.")
@click.option("--duration", callback=duration, help="Time for each scenario, like 500ms or 1h30m.  [default: 10s]")
@machine_options
@click.option("--reports", type=click.IntRange(0, 8), default=1, help="Violations to tell in full.  [default: 1]")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON, to standard output for -.")
@click.option("--results", type=click.Path(path_type=Path), metavar="DIR", help="Keep the JSON in a new file there.")
def run(
    scenarios: tuple[str, ...],
    everything: bool,
    reports: int,
    json_file: str | None,
    results: Path | None,
    **given: Any,
) -> int:
    """Run scenarios and judge them; without any, the pair: before the patch and after it."""
    from stress.config import Config
    from stress.output import Outputs
    from stress.scenario_files import find_scenario

    config = Config(**config_values(given))
    chosen = [find_scenario(name) for name in _named(scenarios, everything) or PAIR]
    outputs = Outputs(json_file, results, reports)
    done: list[Result] = []

    def leave(number: int) -> int:
        outputs.finish(done)
        outputs.note("interrupted while no machine ran")
        return exit_code(done, number)

    interrupts = Interrupts(leave)
    try:
        _run_all(chosen, config, outputs, interrupts, done)
    finally:
        outputs.finish(done)
    return exit_code(done, interrupts.signal)


def _named(scenarios: tuple[str, ...], everything: bool) -> tuple[str, ...]:
    """The scenarios that are meant: those that are named, or with --all every one of the catalogue."""
    from stress.scenario_files import catalogue

    if everything and scenarios:
        raise UserError(f"--all runs every scenario, so {scenarios[0]!r} has no place beside it; leave one out")
    return tuple(scenario.origin for scenario in catalogue()) if everything else scenarios


def _run_all(
    chosen: "list[Scenario]", config: "Config", outputs: Any, interrupts: Interrupts, done: "list[Result]"
) -> None:
    """Run the scenarios one after the other, showing each as it ends and adding it to `done`."""
    from stress.runner import Hooks, run_scenario, settle, world_for

    world = world_for(config)
    how = " (chosen by --engine auto)" if config.engine == "auto" else ""
    outputs.note(f"engine: {settle(config).engine}{how}")
    for scenario in chosen:
        with outputs.progress(scenario, config.duration_s) as progress:

            def tell(running: "Scenario", tally: Any, passed: float, show: Any = progress) -> None:
                interrupts.running = True
                show(running, tally, passed)

            hooks = Hooks(tell, interrupts.pending, before_exit=lambda: outputs.finish(done))
            done.append(run_scenario(scenario, world, config, hooks))
            interrupts.running = False
        outputs.show(done[-1])
        if interrupts.pending():
            break


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="Soak every scenario of the catalogue.")
@click.option("--duration", callback=duration, help="Time for all scenarios together, like 8h or 2d.")
@click.option("--interval", callback=duration, help="Time between two records, and of a turn.  [default: 10s]")
@click.option("--resume", "resumed", type=click.Path(path_type=Path), metavar="DIR", help="Go on with a run directory.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where its run directory is made.  [default: results]",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics; 0 takes any free port.")
@click.option("--metrics-address", default="127.0.0.1", help="Where to serve them.  [default: 127.0.0.1]")
@machine_options
@click.option("--reports", type=click.IntRange(0, 8), default=1, help="Violations to tell in full.  [default: 1]")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON, to standard output for -.")
def soak(
    scenarios: tuple[str, ...],
    everything: bool,
    resumed: Path | None,
    results: Path | None,
    interval: float | None,
    metrics_port: int | None,
    metrics_address: str,
    reports: int,
    json_file: str | None,
    **given: Any,
) -> int:
    """Run scenarios for hours or days, in turns; what is learnt is kept in a run directory, whatever happens."""
    from stress.soak_output import SoakOutputs

    wanted = config_values(given)
    outputs = SoakOutputs(json_file, reports)
    interrupts = Interrupts.noted()
    watcher, close = outputs.watch(metrics_port, metrics_address)
    try:
        ending = _soak(_named(scenarios, everything), resumed, results, interval, wanted, watcher, interrupts.pending)
    finally:
        close()
    try:
        outputs.finish(ending)
    except BrokenPipeError:
        silence(sys.stdout)
    if ending.trouble:
        return fail(f"{ending.trouble}; the soak was stopped, what it learnt is above", EXIT_USAGE)
    return EXIT_HARNESS_FAILED if ending.failed else exit_code(ending.results, interrupts.signal)


def _soak(
    scenarios: tuple[str, ...],
    resumed: Path | None,
    results: Path | None,
    interval: float | None,
    wanted: dict[str, Any],
    watcher: Any,
    interrupted: Callable[[], bool],
) -> Any:
    """Start a soak, or go on with one."""
    from stress.campaign.soak.soak import resume, soak
    from stress.config import Config

    timing = optional(interval_s=interval)
    if resumed is not None:
        if results is not None:
            raise UserError("--results: a resumed soak stays in its directory; leave --results out")
        return resume(resumed, scenarios, watcher=watcher, interrupted=interrupted, **timing, **wanted)
    if "duration_s" not in wanted:
        raise UserError("--duration: a soak needs to know for how long; give a time like 8h")
    place = optional(results=results)
    return soak(scenarios, Config(**wanted), watcher=watcher, interrupted=interrupted, **timing, **place)


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...|PLAN.toml")
@axis_options
@click.option("--repeat", help="How often to run each cell.  [default: 3]")
@click.option("--duration", help="Time for each cell, like 500ms.  [default: 2s]")
@click.option("--seed", help="Fixes the order of cells and the seed of each.  [default: random]")
@click.option("--kasan/--no-kasan", default=None, help="Look at the shadow of memory at each access.  [default: on]")
@click.option("--stall-after", help="Spinning this long without progress is a stall.")
@click.option("--stop-on-violation", is_flag=True, default=None, help="End each cell at its first violation.")
@click.option("--resume", "resumed", type=click.Path(path_type=Path), metavar="DIR", help="Run what a sweep has left.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where its run directory is made.  [default: results]",
)
@click.option("--json", "json_file", metavar="FILE|-", help="Write the runs as JSON, to standard output for -.")
def sweep(
    scenarios: tuple[str, ...], resumed: Path | None, results: Path | None, json_file: str | None, **given: Any
) -> int:
    """Run every combination of scenarios and values on axes, each in a fresh process, in shuffled order."""
    from stress.sweep_output import SweepOutputs

    outputs = SweepOutputs(json_file)
    interrupts = Interrupts.noted()
    try:
        ending = _sweep(scenarios, resumed, results, optional(**given), outputs, interrupts.pending)
    finally:
        outputs.close()
    try:
        outputs.finish(ending)
    except BrokenPipeError:
        silence(sys.stdout)
    if ending.trouble:
        return fail(f"{ending.trouble}; the sweep was stopped, what it learnt is above", EXIT_USAGE)
    return EXIT_HARNESS_FAILED if ending.failed else verdicts_code(ending.others, interrupts.signal)


def _sweep(
    scenarios: tuple[str, ...],
    resumed: Path | None,
    results: Path | None,
    given: dict[str, Any],
    watcher: Any,
    interrupted: Callable[[], bool],
) -> Any:
    """Start a sweep, or go on with one."""
    from stress.campaign.sweep.matrix import matrix_of
    from stress.campaign.sweep.sweep import resume_sweep, sweep

    if resumed is not None:
        beside = [*scenarios, *(f"--{name.replace('_', '-')}" for name in given), *(["--results"] if results else [])]
        if beside:
            raise UserError(f"--resume: the run directory says what to run; leave {', '.join(beside)} out")
        return resume_sweep(resumed, watcher, interrupted)
    place = optional(results=results)
    return sweep(matrix_of(scenarios, given), watcher=watcher, interrupted=interrupted, **place)


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The page.  [default: report.html]"
)
@click.option("--markdown", metavar="FILE|-", help="Write it as Markdown, to standard output for -.")
@click.option("--csv", metavar="FILE|-", help="Write every run and cell as CSV, to standard output for -.")
@click.option(
    "--reports", type=click.IntRange(0, 8), default=1, help="Violations of a soak to tell here.  [default: 1]"
)
@click.option("--json", metavar="FILE|-", help="Write all runs as JSON, to standard output for -.")
def report(paths: tuple[Path, ...], reports: int, **outputs: Any) -> int:
    """Show what runs, soaks and sweeps have come to, or have come to so far; as a page of HTML too.

    DIR is the run directory of a soak or a sweep, a folder with run-*.json files, or such a file.
    """
    from stress.report_output import Wanted
    from stress.report_output import report as write_report

    write_report(paths, Wanted(**outputs), reports)
    return 0


@cli.command("list")
@click.option("--markdown", "form", flag_value="markdown", help="As a Markdown table.")
@click.option("--json", "form", flag_value="json", help="As JSON.")
def list_scenarios(form: str | None) -> int:
    """List every scenario: its claim, what it expects, its twin."""
    from stress.output import print_catalogue
    from stress.scenario_files import catalogue

    print_catalogue(catalogue(), form)
    return 0


@cli.command()
def doctor() -> int:
    """Say what this machine offers, and try each engine on the planted race."""
    from stress.doctor import examine
    from stress.output import print_checks

    return print_checks(examine())


@cli.group()
def corpus() -> None:
    """Read symbols from real kernel modules, and show what a corpus holds."""


@corpus.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The corpus file to write.")
@click.option("--source", help="A note on where the symbols come from.  [default: the paths]")
def corpus_import(paths: tuple[Path, ...], output: Path, source: str | None) -> int:
    """Import .ko, .ko.xz and .ko.zst files, folders of them, a System.map or /proc/kallsyms."""
    from stress.corpus import import_corpus, save

    imported = import_corpus(paths, source)
    save(imported, output)
    click.echo(f"{output}: {len(imported.modules)} modules, {imported.symbol_count} symbols")
    return 0


@corpus.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def corpus_show(file: Path | None) -> int:
    """Show what a corpus file holds; without FILE, the bundled one."""
    from stress.corpus import bundled, describe, load
    from stress.output import console

    console().print(describe(load(file) if file else bundled()))
    return 0


def silence(stream: TextIO) -> None:
    """Let nothing more be written to a stream that cannot take it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def open_streams() -> None:
    """Give a process that was started with closed streams something to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115


def call(arguments: list[str] | None = None) -> int:
    """Run one command line; its exit code."""
    try:
        code = cli.main(arguments, prog_name="kstress", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except click.ClickException as error:
        where = f" ({error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
        return fail(f"{error.format_message()}{where}", EXIT_USAGE)
    except UserError as error:
        return fail(str(error), EXIT_USAGE)
    except HarnessError as error:
        return fail(f"the harness failed, so this run says nothing: {error}", EXIT_HARNESS_FAILED)
    except (KeyboardInterrupt, click.Abort):
        return fail("interrupted", 130)
    except BrokenPipeError:
        silence(sys.stdout)
        return 0
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        silence(sys.stdout)
        return fail(f"cannot print the results: {error.strerror}; make room, or name a file with --json", EXIT_USAGE)
    except Exception:
        traceback.print_exc()
        return fail("this is a fault of kstress itself: please report it with the lines above", EXIT_HARNESS_FAILED)


def main() -> None:
    """The console script."""
    open_streams()
    sys.exit(call())
