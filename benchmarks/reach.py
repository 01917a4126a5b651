"""Where noise reaches: planted bugs in an installed package, and the examples of docs/pytest.md under coverage.

    python -m benchmarks.reach installed --times 20     # four bugs and their twins, no setting: about three minutes
    python -m benchmarks.reach covered --times 20       # needs pytest-cov

Prints a row for each test: how many of its items held, if its name has `holds` in it, or failed as they should. Exits
with 1 if any did not, or if coverage's percentage is another one without noise.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

TIMES = 20
SMOKE = "1s"
UNUSED = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Plugins that only take time to load."""
ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "pytest.md"
INSTALLED = Path(__file__).parent / "installed"
EXAMPLE = re.compile(r"^`(test_\w+)\.py`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"\d+cpus(-again\d+)?-?")
TOLD = ("VIOLATED: ", "RAISED: ")
WITHOUT_NOISE = (
    "from stress.marks.crews.crew import Crew\nfrom stress.marks.noise.noise import Kind\nCrew.kinds = (Kind.BARE,)\n"
)

Row = tuple[int, int]
"""How many items were as they should be, of how many."""


def examples() -> dict[str, str]:
    """The source of each example of the docs by its file's name, without `.py`."""
    return dict(EXAMPLE.findall(DOCS.read_text(encoding="utf-8")))


def run(folder: Path, *arguments: str) -> None:
    """Run pytest in a folder, with `site-packages` in it on the path; JUnit XML goes to `out.xml`."""
    environment = os.environ | {"PYTHONPATH": str(folder / "site-packages")}
    command = (sys.executable, "-m", "pytest", "-q", "--tb=short", *UNUSED, "--junitxml=out.xml")
    done = subprocess.run((*command, *arguments), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stdout)


def rows(folder: Path) -> dict[str, Row]:
    """How the items of each test went, from the JUnit XML of a run; its name says how they should."""
    good, all_items = Counter[str](), Counter[str]()
    for case in ElementTree.parse(folder / "out.xml").getroot().iter("testcase"):
        test = CELL.sub("", case.attrib["name"]).replace("[]", "")
        failures = [one.text or "" for one in case.iter("failure")]
        shown = any(words in text for text in failures for words in TOLD)
        all_items[test] += 1
        good[test] += len(list(case)) == len(case.findall("properties")) if "holds" in test else shown
    return {test: (good[test], count) for test, count in all_items.items()}


def installed(folder: Path, times: int, duration: str = SMOKE) -> dict[str, Row]:
    """The planted bugs of a package in `site-packages`, and their twins."""
    shutil.copytree(INSTALLED / "parcels", folder / "site-packages" / "parcels")
    shutil.copy(INSTALLED / "test_parcels.py", folder)
    run(folder, "--stress-repeat", str(times), "--stress-duration", duration)
    return rows(folder)


def covered(folder: Path, times: int) -> dict[str, Row]:
    """The examples of the docs under coverage, and whether its percentage of those that hold stays what it is."""
    for name, source in examples().items():
        (folder / f"{name}.py").write_text(source)
    run(folder, "--stress-repeat", str(times), "-k", "not holds", "--cov=.", "--cov-report=")
    found, noisy = rows(folder), percentage(folder)
    (folder / "conftest.py").write_text(WITHOUT_NOISE)
    (folder / ".coveragerc").write_text("[run]\nomit = conftest.py\n")
    return {**found, f"coverage of what holds, {noisy:.2f} %": (int(noisy == percentage(folder)), 1)}


def percentage(folder: Path) -> float:
    """What share of the examples' lines runs in those tests that hold."""
    run(folder, "-k", "holds", "--cov=.", "--cov-report=json:cov.json", "--cov-branch", "-W", "ignore")
    return float(json.loads((folder / "cov.json").read_text())["totals"]["percent_covered"])


PARTS: dict[str, Callable[[Path, int], dict[str, Row]]] = {"installed": installed, "covered": covered}


def main() -> int:
    """Run one part; 1 if anything was not as it should be."""
    parser = argparse.ArgumentParser(description="what noise reaches in packages and under coverage")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--times", type=int, default=TIMES, help="items of each test")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        found = PARTS[given.part](Path(name), given.times)
    for test, (good, count) in found.items():
        print(f"| {test} | {good} of {count} |")
    return int(any(good != count for good, count in found.values()))


if __name__ == "__main__":
    sys.exit(main())
