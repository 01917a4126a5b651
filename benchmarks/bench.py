"""Run the benchmarks: `python -m benchmarks`, or `python benchmarks/bench.py`, from a checkout.

Prints a table for each part, and writes all of it as JSON with --json FILE. Exit code 1 when a floor is missed
and --strict is given.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import attrs  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.exhibits import Seen, run_rounds  # noqa: E402
from benchmarks.image import has_compiler  # noqa: E402
from benchmarks.parts import Bench, Part, features, only_quick, race, stops, throughput  # noqa: E402
from benchmarks.rows import Outcome, judge  # noqa: E402
from stress.extras import install_hint, package_version  # noqa: E402
from stress.machine.engines import has_llvmlite, usable_cores  # noqa: E402
from stress.machine.gil import gil_enabled  # noqa: E402
from stress.runs.conditions import StealMeter  # noqa: E402

LEAST_ROUNDS = 5
SCHEMA = 1
PARTS: dict[str, Callable[[Bench], Part]] = {"a": throughput, "b": stops, "c": race, "d": features}


def figure(value: float | None) -> str:
    """A figure with three digits that count; a dash for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def verdict(outcome: Outcome) -> str:
    """Whether the floor was met; why there is nothing to say otherwise."""
    if outcome.note:
        return outcome.note
    return {None: "", True: "[green]ok[/green]", False: "[red]MISSED[/red]"}[outcome.ok]


def wanted(outcome: Outcome) -> str:
    """The floor, as a ratio or as a bound."""
    row = outcome.row
    if row.floor is None:
        return ""
    if row.peer is None:
        return f"{'≤' if row.less_is_better else '≥'} {figure(row.floor)}"
    return f"≥ {figure(row.floor)}x"


def table_of(part: Part, outcomes: Sequence[Outcome]) -> Table:
    """The table of one part."""
    table = Table(title=part.title, title_justify="left", min_width=100)
    table.add_column("what, and against what", overflow="fold")
    for heading in ("ours", "peer", "times better", "least..most", "wanted"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for outcome in outcomes:
        spread = f"{figure(outcome.least)}..{figure(outcome.most)}" if outcome.rounds > 1 else ""
        cells = (figure(outcome.ours), figure(outcome.peer), figure(outcome.ratio), spread)
        table.add_row(outcome.row.name, *cells, wanted(outcome), verdict(outcome))
    return table


def host() -> dict[str, object]:
    """What of the host the figures depend on."""
    return {
        "python": platform.python_version(),
        "gil": gil_enabled(),
        "llvmlite": package_version("llvmlite"),
        "gcc": has_compiler(),
        "cores": usable_cores(),
        "machine": platform.machine(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Rows as plain values."""
    return [
        attrs.asdict(outcome.row) | attrs.asdict(outcome, filter=lambda field, _: field.name != "row")
        for outcome in outcomes
    ]


def missing() -> list[str]:
    """What cannot be measured here, and why."""
    reasons = []
    if not has_compiler():
        reasons.append("gcc is not there: what is measured against C is skipped")
    if not has_llvmlite():
        reasons.append(f"llvmlite is not there ({install_hint('native')}): the native engine is skipped, and C with it")
    return reasons


def run_part(part: Part, rounds: int, console: Console) -> tuple[list[Outcome], dict[str, list[Seen]]]:
    """Run one part and show its table; its outcomes, and all that its exhibits printed."""
    with console.status(part.title) as status:

        def tell(text: str) -> None:
            if text.startswith("FAILED"):
                console.print(text, markup=False)
            status.update(f"{part.title}: {text}")

        seen = run_rounds(part.exhibits, rounds, tell)
    outcomes = [judge(row, seen) for row in part.rows]
    console.print(table_of(part, outcomes))
    return outcomes, seen


def run_all(arguments: argparse.Namespace, console: Console) -> dict[str, object]:
    """Run the parts asked for; the report."""
    begun, steal, before = time.monotonic(), StealMeter(), host()
    report: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="kstress-bench-") as folder:
        bench = Bench(Path(folder), arguments.seconds, arguments.seed)
        for letter in arguments.parts:
            part = PARTS[letter](bench)
            part = only_quick(part) if arguments.quick else part
            outcomes, seen = run_part(part, arguments.rounds, console)
            report.append({"part": letter, "title": part.title, "rows": as_json(outcomes), "samples": seen})
    return {
        "schema": SCHEMA,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "took_s": round(time.monotonic() - begun, 1),
        "steal_percent": steal.percent(),
        "host": before,
        "missing": missing(),
        "parts": report,
    }


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="kstress side by side with C and plain threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results, every round of them, to FILE")
    parser.add_argument("--parts", default="abcd", help="which parts, of a, b, c and d (default: all)")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each exhibit runs in a round (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the workload and the noise")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: one short round of a few rows, no figures to keep"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a floor is missed")
    arguments = parser.parse_args(words)
    if not arguments.parts or set(arguments.parts) - PARTS.keys():
        parser.error(f"--parts: {arguments.parts!r} names a part that is not there; give some of a, b, c and d")
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds: give more than 0")
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 0.2
    return arguments


def main(words: Sequence[str] | None = None) -> int:
    """Run, show, write; the exit code."""
    arguments = parse(words)
    console = Console(width=None if sys.stdout.isatty() else 130)
    for reason in missing():
        console.print(reason)
    report = run_all(arguments, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    parts = report["parts"]
    assert isinstance(parts, list)
    missed = [row["name"] for part in parts for row in part["rows"] if row["ok"] is False]
    console.print(f"floors missed: {len(missed)}" if missed else "no floor missed")
    return 1 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
