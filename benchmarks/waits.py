"""How often threads that wait for each other are taken for stalled, and how often and how soon a deadlock is told.

    python -m benchmarks.waits                          # 8 shapes and 7 deadlocks, 20 times each: about 30 minutes
    python -m benchmarks.waits --times 2 --cpus 4 --duration 200ms
    python -m benchmarks.waits partners --json waits.json

Runs the items of benchmarks/waiting in one pytest process for each file. Prints a row for each shape and CPU count: its
verdicts, and the longest item. Exits with 1 if a partner has stalled or still waited, or a deadlock was not told within
the time of its item and 5 s.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from stress.units import parse_duration

HERE = Path(__file__).parent / "waiting"
BESIDES_SECONDS = 5.0
EXPECTED = {"partners": "passed", "deadlocks": "STALLED"}
NAME = re.compile(r"test_(?P<shape>\w+)\[(?P<cpus>\d+)cpus")


@attrs.frozen
class Item:
    """One item: of which shape, on how many CPUs, what it came to, and how many seconds it took."""

    shape: str
    cpus: int
    verdict: str
    seconds: float


def verdict_of(case: ElementTree.Element) -> str:
    """The first word of a failure; for an item that passed whether a CPU still waited."""
    failure = case.find("failure")
    if failure is not None:
        return failure.attrib["message"].removeprefix("Failed: ").partition(":")[0]
    notes = [one for one in case.iter("property") if one.attrib["name"] == "stress_note"]
    return "passed with a note" if notes else "passed"


def items_of(report: Path) -> list[Item]:
    """What a JUnit file says of each item."""
    items = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = NAME.match(case.attrib["name"])
        if name:
            items.append(Item(name["shape"], int(name["cpus"]), verdict_of(case), float(case.attrib["time"])))
    return items


def run(name: str, given: argparse.Namespace) -> list[Item]:
    """Run all items of a file."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = {"cpus": given.cpus, "duration": given.duration, "repeat": given.times}
        command = [sys.executable, "-m", "pytest", str(HERE / f"test_{name}.py"), "-q", "--tb=no", "-p", "no:xdist"]
        command += [f"--stress-{option}={value}" for option, value in options.items()]
        command += ["-p", "no:cacheprovider", f"--junitxml={report}", "-o", "junit_duration_report=call"]
        subprocess.run(command, stdout=sys.stderr, check=False)
        return items_of(report)


def row(items: Sequence[Item]) -> str:
    """What a shape came to on a number of CPUs, as a row of Markdown."""
    verdicts = ", ".join(f"{verdict} {count}" for verdict, count in Counter(one.verdict for one in items).items())
    longest = max(one.seconds for one in items)
    return f"| {items[0].shape.replace('_', ' ')} | {items[0].cpus} | {verdicts} | {longest:.2f} s |"


def table(items: Iterable[Item]) -> str:
    """A row for each shape and CPU count."""
    of: dict[tuple[str, int], list[Item]] = {}
    for one in items:
        of.setdefault((one.shape, one.cpus), []).append(one)
    return "\n".join(["| shape | CPUs | verdicts | longest |", "| --- | ---: | --- | ---: |", *map(row, of.values())])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="partners that wait, and deadlocks")
    parser.add_argument("kinds", nargs="*", choices=[*EXPECTED, []], help="both without any")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--cpus", default="4,8")
    parser.add_argument("--duration", default="1s")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> int:
    """Run them, print the table; 1 if an item has another verdict than expected, or took too long."""
    given = arguments()
    budget = parse_duration(given.duration, "--duration") + BESIDES_SECONDS
    seen = {kind: run(kind, given) for kind in given.kinds or EXPECTED}
    for items in seen.values():
        print(table(items), end="\n\n")
    if given.json:
        given.json.write_text(json.dumps({kind: [attrs.asdict(one) for one in items] for kind, items in seen.items()}))
    good = all(one.verdict == EXPECTED[kind] and one.seconds <= budget for kind in seen for one in seen[kind])
    return int(not good or not all(seen.values()))


if __name__ == "__main__":
    sys.exit(main())
