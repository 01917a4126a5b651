"""The picture of the reference sweep that the README shows: before the patch and after it, 2 to 64 CPUs, both engines.

    kstress sweep modlist_spinlock stop_machine --cpus 2,4,16,64 --engine native,python --seed 2005 --repeat 5 \\
        --duration 10s                           # 22 minutes; in 8 s the python engine is INCONCLUSIVE with 64 CPUs
    python -m benchmarks.reference               # results/reference/ to docs/reference.svg

Needs the extra `report`. A row for each engine, a column for each figure; it reads by day and by night.
"""

import argparse
from collections.abc import Iterator
from html import escape
from pathlib import Path

from stress.results.load.gather import gather
from stress.results.pages import palette, pictures
from stress.results.report import charts
from stress.results.report.curves import Chart, Family, families

CHECKOUT = Path(__file__).parents[1]
REFERENCE, PICTURE = CHECKOUT / "results" / "reference", CHECKOUT / "docs" / "reference.svg"
FIGURES = ("catches per overlapped change", "time to first violation", "unloads a second", "length of a stop, median")
WIDTH, HEIGHT, HEAD, ROW, KEYS = 330, 202, 26, 24, 34
INK, PAPER = palette.INK, {"light": "#ffffff", "dark": "#0d1117"}


def style() -> str:
    """One style sheet: every colour has another one at night."""
    night = "".join(
        f'[fill="{day}"]{{fill:{dark}}}[stroke="{day}"]{{stroke:{dark}}}' for day, dark in palette.DARK.items()
    )
    font = "text{font-family:system-ui,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',sans-serif}"
    return (
        f'<style>{font}@media (prefers-color-scheme: dark){{{night}[fill="#ffffff"]{{fill:{PAPER["dark"]}}}}}</style>'
    )


def text(x: float, y: float, words: str, size: int, weight: str = "normal") -> str:
    """Some words."""
    return f'<text x="{x}" y="{y}" fill="{INK}" font-size="{size}" font-weight="{weight}">{escape(words)}</text>'


def placed(drawing: str, x: float, y: float, width: float, height: float) -> str:
    """A drawing at a place of the picture."""
    where = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
    return drawing.replace("<svg ", f"<svg {where}", 1)


def keys(family: Family) -> Iterator[str]:
    """The legend."""
    for at, series in enumerate(family.series):
        x = 14 + at * 260
        yield placed(pictures.draw_key(charts.key_of(series), 900 + at), x, 8, 40, 13)
        yield text(x + 48, 19, f"{series.label} ({'before' if at else 'after'} the patch)", 13)


def panel(engine: str, drawn: tuple[Chart, ...], top: float, first: int) -> Iterator[str]:
    """The row of one engine."""
    yield text(14, top + 16, f"{engine} engine", 13, "bold")
    wanted = {chart.title: chart for chart in drawn}
    for at, title in enumerate(FIGURES):
        x = at * WIDTH
        yield text(x + 14, top + ROW + 14, title, 12)
        yield placed(
            pictures.draw(charts.picture_of(wanted[title], engine), first + at), x, top + ROW + HEAD - 8, WIDTH, HEIGHT
        )


def picture(run: Path) -> str:
    """The picture of the only pair in a run directory."""
    [source] = gather([run])
    [family] = families(source)
    height = KEYS + len(family.panels) * (ROW + HEAD + HEIGHT)
    with pictures.quiet():
        rows = [
            part
            for at, (engine, drawn) in enumerate(family.panels)
            for part in panel(engine, drawn, KEYS + at * (ROW + HEAD + HEIGHT), 100 * (at + 1))
        ]
        parts = [style(), f'<rect width="100%" height="100%" fill="{PAPER["light"]}"/>', *keys(family), *rows]
    size = f'viewBox="0 0 {len(FIGURES) * WIDTH} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>\n'


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description="the README's picture of the reference sweep")
    parser.add_argument("--run", type=Path, default=REFERENCE, metavar="DIR")
    parser.add_argument("--output", type=Path, default=PICTURE, metavar="FILE")
    given = parser.parse_args()
    given.output.write_text(picture(given.run), encoding="utf-8")


if __name__ == "__main__":
    main()
