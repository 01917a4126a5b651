"""What a soak costs and how it ends, measured on the real command, each figure on runs of its own.

    python -m benchmarks.soaks panel     # lookups/s with the panel on a terminal against piped lines, pairs in turn
    python -m benchmarks.soaks memory    # resident memory of the machine's process over 20 minutes
    python -m benchmarks.soaks end       # from SIGTERM to exit, 16 CPUs, both engines
    python -m benchmarks.soaks crowd     # 64 CPUs for two minutes, both engines

`--minutes` is for `memory` and `crowd`, `--rounds` for the other two; `--engine` keeps to one. Prints a JSON object for
each figure.
"""

import argparse
import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.exhibits import ROOT
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.rundir import read_run
from stress.machine.engines import has_llvmlite

ENGINES = ("native", "python")
PANEL_SECONDS = 12
FIRST_MINUTE = 60.0
WATCH_SECONDS = 5.0
BOUND_SECONDS = 120.0


def start(folder: Path, *arguments: object, terminal: bool = False) -> subprocess.Popen[bytes]:
    """Start a soak that keeps its run directory in `folder`; on a terminal of its own if asked for."""
    command = [sys.executable, "-c", "from stress.cli import main; main()", "soak", *map(str, arguments)]
    command += ["--results", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    if not terminal:
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    threading.Thread(target=drain, args=(ours,), daemon=True).start()
    return process


def drain(handle: int) -> None:
    """Read a terminal until nobody writes to it any more."""
    try:
        while os.read(handle, 1 << 16):
            pass
    except OSError:
        os.close(handle)


def ending_in(folder: Path) -> Ending:
    """What the one soak in `folder` came to."""
    [run] = folder.glob("soak-*")
    return ending_of(read_run(run))


def soaked(*arguments: object, terminal: bool = False) -> tuple[int, Ending]:
    """A whole soak: its exit code and what it came to."""
    with tempfile.TemporaryDirectory() as folder:
        code = start(Path(folder), *arguments, terminal=terminal).wait()
        return code, ending_in(Path(folder))


def lookups_per_s(engine: str, terminal: bool) -> float:
    """Of one short soak of the patched kernel, with or without the panel; a second of the soak, not of its slices."""
    given = ("stop_machine", "--engine", engine, "--duration", f"{PANEL_SECONDS}s", "--interval", "2s", "--seed", 1)
    code, ending = soaked(*given, terminal=terminal)
    [standing] = ending.standings.values()
    if code:
        raise SystemExit(f"a soak ended with exit code {code}")
    return standing.tally.lookups / standing.elapsed_s


def panel(engines: Sequence[str], rounds: int, minutes: float) -> Iterator[dict[str, Any]]:
    """With the panel against without, in pairs whose order changes."""
    for engine in engines:
        lookups_per_s(engine, False)
        ratios = []
        for number in range(rounds):
            order = (True, False) if number % 2 else (False, True)
            seen = {terminal: lookups_per_s(engine, terminal) for terminal in order}
            ratios.append(seen[True] / seen[False])
        yield {"figure": "panel", "engine": engine, "median": median(ratios), "ratios": ratios}


def resident(process: subprocess.Popen[bytes]) -> Iterator[float]:
    """The soak's own resident memory in MB every few seconds until it ends, without the machine's process."""
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            yield psutil.Process(process.pid).memory_info().rss / 1e6
        time.sleep(WATCH_SECONDS)


def growth(sizes: list[float]) -> dict[str, float]:
    """How much a series grew: from the median of its first tenth to that of its last; and its extremes."""
    tenth = max(len(sizes) // 10, 1)
    grown = median(sizes[-tenth:]) - median(sizes[:tenth])
    return {
        "growth_mb": grown,
        "last_less_first_mb": sizes[-1] - sizes[0],
        "least_mb": min(sizes),
        "most_mb": max(sizes),
    }


def memory(engines: Sequence[str], rounds: int, minutes: float) -> Iterator[dict[str, Any]]:
    """How much the two processes of a soak grow after their first minute."""
    given = ("stop_machine", "--engine", engines[0], "--duration", f"{round(minutes * 60)}s", "--interval", "5s")
    with tempfile.TemporaryDirectory() as folder:
        process = start(Path(folder), *given)
        own = list(resident(process))
        ending = ending_in(Path(folder))
    late = [
        one.memory_bytes / 1e6 for one in ending.samples if one.memory_bytes and one.standing.elapsed_s > FIRST_MINUTE
    ]
    yield {"figure": "memory", "process": "machine", "exit": process.returncode, "minutes": minutes, **growth(late)}
    yield {"figure": "memory", "process": "soak", **growth(own[round(FIRST_MINUTE / WATCH_SECONDS) :])}


def end(engines: Sequence[str], rounds: int, minutes: float) -> Iterator[dict[str, Any]]:
    """From SIGTERM to exit."""
    for engine in engines:
        times, codes = [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                given = ("stop_machine", "--engine", engine, "--cpus", 16, "--duration", "1h", "--interval", "1s")
                process = start(Path(folder), *given)
                wait_for_sample(Path(folder))
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                codes.append(process.wait(BOUND_SECONDS))
                times.append(time.monotonic() - began)
        yield {"figure": "end", "engine": engine, "most_s": max(times), "median_s": median(times), "exits": codes}


def wait_for_sample(folder: Path) -> None:
    """Wait until a soak has written its first sample."""
    deadline = time.monotonic() + BOUND_SECONDS
    while not any(path.stat().st_size for path in folder.glob("soak-*/samples.jsonl")):
        if time.monotonic() > deadline:
            raise SystemExit("no sample came")
        time.sleep(0.05)


def crowd(engines: Sequence[str], rounds: int, minutes: float) -> Iterator[dict[str, Any]]:
    """Many more CPUs than cores."""
    for engine in engines:
        given = ("stop_machine", "--engine", engine, "--cpus", 64, "--duration", f"{round(minutes * 60)}s")
        began = time.monotonic()
        code, ending = soaked(*given)
        [result] = ending.results
        yield {
            "figure": "crowd",
            "engine": engine,
            "exit": code,
            "wall_s": time.monotonic() - began,
            "verdict": result.verdict.name,
            "reason": result.verdict.reason,
            "unloads": result.tally.unloads,
            "lookups": result.tally.lookups,
        }


FIGURES = {"panel": (panel, 0.0), "memory": (memory, 20.0), "end": (end, 0.0), "crowd": (crowd, 2.0)}


def main() -> None:
    """Measure one figure."""
    parser = argparse.ArgumentParser(description="what a soak costs and how it ends")
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--engine", choices=ENGINES)
    given = parser.parse_args()
    measure, minutes = FIGURES[given.figure]
    engines = [given.engine] if given.engine else ENGINES if has_llvmlite() else ENGINES[1:]
    for seen in measure(engines, given.rounds, given.minutes or minutes):
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
