"""Soaks on a host that is slow or pauses: no exit code 4, and the verdict that is expected.

    python -m benchmarks.slow_hosts load      # beside 6 busy processes, at nice 10, 20 minutes on each engine
    python -m benchmarks.slow_hosts pauses    # stopped for 1.1 s, 200 times at random moments, on each engine

`--minutes`, `--times` and `--engine` make it shorter; `--cpus` is the machine's. A pause stops the soak's own process,
the machine's, or both, as a virtual machine does, each time as `--seed` draws it. Prints a line of JSON for each soak;
exit code 1 if one of them did not end with 0.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.exhibits import ROOT
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.rundir import read_run
from stress.machine.engines import has_llvmlite

ENGINES = ("native", "python")
SCENARIO = "stop_machine"
BUSY_PROCESSES = 6
NICENESS = 10
PAUSE_SECONDS = 1.1
LONGEST_BETWEEN_SECONDS = 1.5
BOUND_SECONDS = 600.0
BUSY = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


@contextmanager
def busy(count: int, seconds: float) -> Iterator[None]:
    """Processes that do nothing but use cores; they end by themselves, whatever becomes of this one."""
    started = [subprocess.Popen([sys.executable, "-c", BUSY, str(seconds)]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def start(place: str, engine: str, cpus: int, seconds: float, nice: int) -> subprocess.Popen[bytes]:
    """Start a soak of the patched kernel."""
    command = [sys.executable, "-c", "from stress.cli import main; main()", "soak", SCENARIO, "--engine", engine]
    command += ["--duration", f"{round(seconds)}s", "--interval", "2s", "--cpus", str(cpus), "--results", place]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lower = ["nice", "-n", str(nice)] if nice else []
    return subprocess.Popen([*lower, *command], env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def told(figure: str, engine: str, code: int, place: str, **more: Any) -> dict[str, Any]:
    """What a soak came to."""
    [folder] = Path(place).glob("soak-*")
    ending: Ending = ending_of(read_run(folder))
    [result] = ending.results
    [standing] = ending.standings.values()
    return {
        "figure": figure,
        "engine": engine,
        "exit": code,
        "verdict": result.verdict.name,
        "lost_turns": standing.lost_turns,
        "last_loss": standing.last_loss,
        "elapsed_s": standing.elapsed_s,
        "race_windows": result.tally.race_windows,
        "reason": result.verdict.reason,
        **more,
    }


def load(engine: str, given: argparse.Namespace) -> dict[str, Any]:
    """A soak beside busy processes, at a lower priority than theirs."""
    seconds = 60 * given.minutes
    with tempfile.TemporaryDirectory() as place, busy(BUSY_PROCESSES, seconds + BOUND_SECONDS):
        process = start(place, engine, given.cpus, seconds, NICENESS)
        code = process.wait(seconds + BOUND_SECONDS)
        return told("load", engine, code, place, busy=BUSY_PROCESSES, nice=NICENESS)


def pause(processes: list[psutil.Process]) -> None:
    """Stop processes for a while."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in processes:
            process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def pauses(engine: str, given: argparse.Namespace) -> dict[str, Any]:
    """A soak whose processes are stopped again and again; then it is asked to end, by a longer time that is over."""
    moments, done = random.Random(given.seed), 0
    seconds = given.times * (PAUSE_SECONDS + LONGEST_BETWEEN_SECONDS)
    with tempfile.TemporaryDirectory() as place:
        process = start(place, engine, given.cpus, seconds, 0)
        soak = psutil.Process(process.pid)
        while done < given.times and process.poll() is None:
            time.sleep(moments.uniform(0.0, LONGEST_BETWEEN_SECONDS))
            with contextlib.suppress(psutil.NoSuchProcess):
                machines = soak.children()
                pause(moments.choice([[soak], machines, [soak, *machines]]))
                done += bool(machines)
        code = process.wait(seconds + BOUND_SECONDS)
        return told("pauses", engine, code, place, pauses=done, seed=given.seed)


FIGURES = {"load": load, "pauses": pauses}


def main() -> int:
    """Measure one figure; the exit code."""
    parser = argparse.ArgumentParser(description="soaks on a host that is slow or pauses")
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--cpus", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--engine", choices=ENGINES)
    given = parser.parse_args()
    engines = [given.engine] if given.engine else ENGINES if has_llvmlite() else ENGINES[1:]
    good = True
    for engine in engines:
        seen = FIGURES[given.figure](engine, given)
        print(json.dumps(seen), flush=True)
        good = good and seen["exit"] == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
