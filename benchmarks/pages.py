"""How long the report of a large sweep takes, and how large its page is.

    python -m benchmarks.pages                   # 10 scenarios, 10 CPU counts, 2 engines, 5 repeats: 1,000 cells
    python -m benchmarks.pages --keep DIR        # leaves the sweep and the page there, to be looked at

The sweep is made of dice; its runs have as many reports as real ones. The time is that of the whole command `kstress
report`, started anew. Prints a JSON object; exit code 1 if a figure misses its floor.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.exhibits import ROOT
from benchmarks.made_sweep import cells, matrix, pairs, plan_of, write_sweep

MOST_SECONDS = 10.0
MOST_BYTES = 2_000_000
BROKEN = {3: "crashed", 17: "hung", 30: "out of memory"}


def measure(place: Path, scenarios: int = 10, repeat: int = 5) -> dict[str, float]:
    """Make a sweep in `place`, report on it, and say how long that took and how large everything is."""
    plan = plan_of(matrix(pairs(scenarios)), repeat)
    sweep = write_sweep(place / "sweep", plan, list(cells(plan, BROKEN)))
    page = place / "report.html"
    command = [sys.executable, "-c", "from stress.cli import main; main()", "report", str(sweep), "-o", str(page)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return {
        "cells": len(plan.cells) * plan.repeat,
        "sweep_bytes": sum(file.stat().st_size for file in sweep.iterdir()),
        "seconds": round(time.monotonic() - began, 2),
        "bytes": page.stat().st_size,
    }


def main() -> int:
    """Measure, print, and compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder for the sweep and the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.keep or Path(folder))
    print(json.dumps(figures))
    return int(figures["seconds"] > MOST_SECONDS or figures["bytes"] > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
