"""`kstress report`."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The page.  [default: report.html]"
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write every plot as SVG and PNG, and every timeline as SVG, with a title, for slides.",
)
@click.option("--markdown", metavar="FILE|-", help="Write it as Markdown, to standard output for -.")
@click.option("--csv", metavar="FILE|-", help="Write every run and cell as CSV, to standard output for -.")
@click.option(
    "--reports", type=click.IntRange(0, 8), default=1, help="Violations of a soak to print in full.  [default: 1]"
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The corpus of explorations that had one of their own; timelines need it.",
)
@click.option("--json", metavar="FILE|-", help="Write all runs and explorations as JSON, to standard output for -.")
def report(paths: tuple[Path, ...], reports: int, corpus: Path | None, **outputs: Any) -> int:
    """Show the results of runs, explorations, soaks and sweeps, complete or not; as a page of HTML too.

    DIR is the run directory of a soak or a sweep, a run-*.json or explore-*.json file, or a folder of these.
    """
    from stress.results.terminal.report import Wanted
    from stress.results.terminal.report import report as write_report

    write_report(paths, Wanted(**outputs), reports, corpus)
    return 0
