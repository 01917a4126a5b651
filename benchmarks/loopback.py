"""A cluster of dask on this host alone, for the benchmark and for tests: all is on 127.0.0.1, and ended by its id."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.kills import environment

HERE = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
LONGEST_IDLE = "5 minutes"
LONGEST_ALONE = "60 s"
WAIT_SECONDS = 60.0
CORES = sorted(os.sched_getaffinity(0))
NOTHING: Mapping[str, str] = {}


class Daemon:
    """A process of dask; what it says is in a file."""

    def __init__(self, log: Path, command: Sequence[str], cwd: Path, more: Mapping[str, str]) -> None:
        """Start it."""
        self._log = log
        known = {**environment(), **more}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=known, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def said(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready.

        Raises:
            RuntimeError: when it ends before, or is not within WAIT_SECONDS; has what it said.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._log.stem} is not ready:\n{self.said}")
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9, if it has not ended."""
        self.process.kill()
        self.process.wait(WAIT_SECONDS)


class Worker(Daemon):
    """A worker."""

    @property
    def address(self) -> str:
        """Where it listens, once it is known to its scheduler."""
        self.wait_for(lambda: "Registered to:" in self.said)
        [line] = [line for line in self.said.splitlines() if "Start worker at:" in line]
        return line.split()[-1]

    @property
    def processes(self) -> list[psutil.Process]:
        """The nursery that it has started, and a cell."""
        children: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return children


class Cluster:
    """A scheduler and its workers, whose files are in `place`."""

    def __init__(self, place: Path) -> None:
        """Start the scheduler; without work it ends by itself before long, should nobody end it."""
        self.place, self.file = place, place / "scheduler.json"
        place.mkdir(parents=True, exist_ok=True)
        self._workers: list[Worker] = []
        command = (*module("dask_scheduler"), *HERE, "--port", "0", "--idle-timeout", LONGEST_IDLE)
        self.scheduler = Daemon(place / "scheduler.log", (*command, "--scheduler-file", str(self.file)), place, NOTHING)

    @property
    def address(self) -> str:
        """Where the scheduler listens, once it does."""
        self.scheduler.wait_for(self._file_is_whole)
        return str(json.loads(self.file.read_text())["address"])

    def _file_is_whole(self) -> bool:
        """Whether the scheduler has written its file."""
        return self.file.is_file() and self.file.read_text().rstrip().endswith("}")

    def worker(self, *cores: int, threads: int = 1, more: Mapping[str, str] = NOTHING) -> Worker:
        """Start a worker, pinned to `cores` if there are any; `more` is added to its environment."""
        name = f"worker-{len(self._workers)}"
        pinned = ("taskset", "-c", ",".join(map(str, cores))) if cores else ()
        command = (*pinned, *module("dask_worker"), self.address, *HERE, "--no-nanny", "--nthreads", str(threads))
        scratch = ("--local-directory", str(self.place), "--death-timeout", LONGEST_ALONE)
        started = Worker(self.place / f"{name}.log", (*command, *scratch), self.place, more)
        self._workers.append(started)
        return started

    def close(self) -> None:
        """End whatever still runs."""
        for daemon in (*self._workers, self.scheduler):
            daemon.kill()


def module(name: str) -> tuple[str, ...]:
    """What starts a command of dask under this interpreter."""
    return (sys.executable, "-m", f"distributed.cli.{name}")


@contextmanager
def cluster(place: Path) -> Iterator[Cluster]:
    """A scheduler without workers, and all that are started meanwhile, while the block runs."""
    started = Cluster(place)
    try:
        yield started
    finally:
        started.close()


def workers_of(cells: Sequence[dict[str, Any]]) -> set[str]:
    """The addresses of the workers that ran some cells."""
    return {cell["worker"].partition(" on ")[0] for cell in cells}
