"""`kstress compare`."""

from pathlib import Path
from typing import Any

import click

from stress.errors import UserError
from stress.safe_text import shown


def _share(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """A share, like 0.05 or 5%, whatever its range."""
    try:
        return float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        raise UserError(f"{param.opts[0]}: {shown(repr(value))} is not a share; give one like 0.05 or 5%") from None


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--level",
    callback=_share,
    metavar="SHARE",
    default="0.05",
    help="Chance of calling any figure different where nothing differs.  [default: 0.05]",
)
@click.option(
    "--tolerance",
    callback=_share,
    metavar="SHARE",
    default="0.05",
    help="Share by which equal figures may differ.  [default: 0.05]",
)
@click.option("--json", metavar="FILE|-", help="Write every figure as JSON, to standard output for -.")
@click.option("--junit", metavar="FILE", help="Write a test case for each cell, for CI.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write an HTML page, with intervals drawn.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write every picture of that page as SVG and PNG, with a title, for slides.",
)
def compare(a: Path, b: Path, level: float, tolerance: float, **outputs: Any) -> int:
    """Show what is worse in B than in A, and what may be noise; exit code 1 for a regression.

    A and B are run directories of sweeps or soaks, run-*.json files, or folders of either. It needs repeats:
    kstress sweep --repeat 8.
    """
    from stress.results.compare.terms import Terms
    from stress.results.terminal.compare import Wanted, compare_and_tell

    return compare_and_tell(a, b, Terms(level=level, tolerance=tolerance), Wanted(**outputs))
