"""What a sweep on a cluster gains, costs and survives, on a scheduler and workers of this host.

    python -m benchmarks.cluster speedup    # two workers on a core each against one: the whole time of a sweep
    python -m benchmarks.cluster cost       # a worker on a core against the same core without dask: time for each cell
    python -m benchmarks.cluster kills      # kill -9 of a worker, then of the scheduler, then --resume

The engine is python's. `--rounds` is how often each pair is run in turn, `--times` how often is killed, at moments that
`--seed` fixes. Prints a JSON object for each figure; exit code 1 if one misses its floor. Needs two cores with nothing
else to do, or the first two figures mean nothing.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import attrs

from benchmarks.kills import BOUND_SECONDS, command, environment, kstress
from benchmarks.loopback import CORES, Cluster, cluster
from stress.campaign.sweep.sweepdir import read_sweep

CELL = ("modlist_spinlock", "--engine", "python", "--cpus", "3", "--seed", "7")
LEAST_SPEEDUP = 1.8
MOST_MILLISECONDS = 100.0


def told(*arguments: object, pinned: tuple[str, ...] = ()) -> Iterator[tuple[float, str]]:
    """The lines of a sweep, and when each came."""
    line, pipe, nowhere = [*pinned, *command("sweep", *arguments)], subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(line, env=environment(), stdout=pipe, stderr=nowhere, text=True) as process:
        assert process.stdout
        for said in process.stdout:
            yield time.monotonic(), said
        process.wait(BOUND_SECONDS)


def seconds_of(*arguments: object) -> float:
    """How long a whole sweep takes."""
    began = time.monotonic()
    last = [at for at, _ in told(*arguments)][-1]
    return last - began


def seconds_of_a_cell(*arguments: object, pinned: tuple[str, ...] = ()) -> float:
    """From the end of one cell to the end of the next, on average; what comes before the first is left out."""
    ends = [at for at, line in told(*arguments, pinned=pinned) if " repeat " in line]
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def speedup(place: Path, rounds: int, cells: int) -> Mapping[str, Any]:
    """A sweep on one worker and on two, in turn."""
    ratios = []
    with cluster(place / "one") as one, cluster(place / "two") as two:
        workers = [one.worker(CORES[0]), two.worker(CORES[0]), two.worker(CORES[-1])]
        assert all(worker.address for worker in workers)
        what = (*CELL, "--duration", "1s", "--repeat", cells, "--results", place, "--scheduler")
        for _ in range(rounds):
            ratios.append(seconds_of(*what, one.address) / seconds_of(*what, two.address))
    ratio = median(ratios)
    spread = {"least": round(min(ratios), 3), "greatest": round(max(ratios), 3), "rounds": rounds}
    return {"figure": "speedup", "cells": cells, "times": round(ratio, 3), **spread, "good": ratio >= LEAST_SPEEDUP}


def cost(place: Path, rounds: int, cells: int) -> Mapping[str, Any]:
    """A sweep on a worker, and on the same core without a scheduler, in turn."""
    what = (*CELL, "--duration", "200ms", "--repeat", cells, "--results", place)
    differences, alone = [], []
    with cluster(place / "one") as one:
        assert one.worker(CORES[0]).address
        for _ in range(rounds):
            alone.append(seconds_of_a_cell(*what, pinned=("taskset", "-c", str(CORES[0]))))
            differences.append(seconds_of_a_cell(*what, "--scheduler", one.address) - alone[-1])
    more = 1000 * median(differences)
    spread = [round(1000 * one) for one in (min(differences), max(differences))]
    figures = {"more_ms": round(more, 1), "least_and_greatest_ms": spread, "alone_ms": round(1000 * median(alone))}
    return {"figure": "cost", "cells": cells, **figures, "rounds": rounds, "good": more < MOST_MILLISECONDS}


@attrs.define
class Kills:
    """Sweeps whose workers and schedulers are killed, and what is left of each in the end."""

    place: Path
    moments: random.Random
    cells: int
    once: int = 0
    orphans: int = 0
    unheard: int = 0

    def kill_once(self, number: int) -> None:
        """A worker, then the scheduler, then the rest on another cluster."""
        results = self.place / f"results-{number}"
        with cluster(self.place / f"first-{number}") as first:
            self._begin(first, results)
        [folder] = results.glob("sweep-*")
        with cluster(self.place / f"second-{number}") as second:
            second.worker()
            done = kstress("sweep", "--resume", folder, "--scheduler", second.address)
        ended = Counter((one.number, one.repeat, one.end) for one in read_sweep(folder).ended)
        self.once += ended == Counter((0, repeat, "done") for repeat in range(1, self.cells + 1))
        self.unheard += done.returncode not in (0, 1, 3)

    def _begin(self, first: Cluster, results: Path) -> None:
        """Start a sweep on two workers, and kill what it runs on."""
        workers = [first.worker(), first.worker()]
        what = (*CELL, "--duration", "100ms", "--repeat", self.cells, "--results", results)
        lines = told(*what, "--scheduler", first.address)
        self._pass(lines)
        processes = workers[0].processes
        workers[0].kill()
        self._pass(lines)
        first.scheduler.kill()
        for _ in lines:
            pass
        self.orphans += sum(not gone(process.is_running) for process in processes)

    def _pass(self, lines: Iterator[tuple[float, str]]) -> None:
        """Let some cells end, and a moment pass."""
        left = self.moments.randint(1, 5)
        for _, line in lines:
            left -= " repeat " in line
            if left <= 0:
                break
        time.sleep(self.moments.uniform(0.0, 0.5))


def gone(runs: Callable[[], bool]) -> bool:
    """Whether a process ends before long."""
    deadline = time.monotonic() + BOUND_SECONDS
    while runs() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not runs()


def kills(place: Path, times: int, seed: int, cells: int) -> Mapping[str, Any]:
    """So many sweeps, each killed twice."""
    killed = Kills(place, random.Random(seed), cells)
    for number in range(times):
        killed.kill_once(number)
    counts = {"every_cell_once": killed.once, "orphans": killed.orphans, "not_resumed": killed.unheard}
    good = killed.once == times and not killed.orphans and not killed.unheard
    return {"figure": "kills", "times": times, "seed": seed, "cells": cells, **counts, "good": good}


def main() -> int:
    """Measure one figure; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=("speedup", "cost", "kills"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=30, help="cells of each sweep")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        match given.figure:
            case "speedup":
                seen = speedup(place, given.rounds, given.cells)
            case "cost":
                seen = cost(place, given.rounds, given.cells)
            case _:
                seen = kills(place, given.times, given.seed, given.cells)
    print(json.dumps(seen), flush=True)
    return 0 if seen["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
