"""kill -9 of a soak at random moments: whether what is left can be read and added to, and how much is lost.

    python -m benchmarks.kills --times 100 --engine python

One soak is killed again and again, while it starts, runs, writes. After each kill its directory is read with `kstress
report` and resumed for a moment to an orderly end; the next kill hits the soak that goes on from there. Prints a JSON
object of counts, and a line on standard error for each kill that went wrong; exit code 1 if there was any.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import psutil

from benchmarks.exhibits import ROOT
from stress.campaign.soak.rundir import SAMPLES, StoredSoak, read_run
from stress.errors import UserError

INTERVAL_SECONDS = 0.5
LATEST_MOMENT = 4.0
MOMENT_MORE = 0.3
BOUND_SECONDS = 120.0
ORPHAN_SECONDS = 20.0
DIRECTORY = "run directory: "


def command(*arguments: object) -> list[str]:
    """What starts `kstress`."""
    return [sys.executable, "-c", "from stress.cli import main; main()", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This process's environment with the checkout's `stress` on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def kstress(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A whole command."""
    return subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )


class Session:
    """A soak that runs. `ready` is set when its machine is, at the time `ready_at` of the wall clock."""

    def __init__(self, *arguments: object) -> None:
        """Start it."""
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(
            command("soak", *arguments),
            env=environment(),
            stdout=pipe,
            stderr=nowhere,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.ready, self.ready_at, self.killed_at = threading.Event(), 0.0, 0.0
        self._machines: list[psutil.Process] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(DIRECTORY):
                self.ready_at = time.time()
                self.ready.set()

    def kill(self) -> None:
        """Kill its own process, and wait until all that it printed was heard."""
        self._machines = psutil.Process(self.process.pid).children()
        self.killed_at = time.time()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(BOUND_SECONDS)
        self._thread.join(BOUND_SECONDS)

    def orphans(self) -> int:
        """How many of its processes do not end by themselves before long; they are killed."""
        _, alive = psutil.wait_procs(self._machines, timeout=ORPHAN_SECONDS)
        alive = [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        for machine in alive:
            machine.kill()
        return len(alive)

    @property
    def told_windows(self) -> int:
        """The race windows that the last line of an interval told."""
        told = [line.split(" windows  ")[0].split("  ")[-1] for line in self.lines if " windows  " in line]
        return int(told[-1].replace(",", "")) if told else 0


@contextmanager
def session(*arguments: object) -> Iterator[Session]:
    """A soak that is killed when the block ends, if it was not before."""
    started = Session(*arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def windows_of(run: StoredSoak) -> int:
    """The race windows that are on the disk."""
    return sum(standing.tally.race_windows for standing in run.standings().values())


def elapsed_of(run: StoredSoak) -> float:
    """The seconds that are on the disk."""
    return max(standing.elapsed_s for standing in run.standings().values())


@attrs.define
class Kills:
    """Kills one soak in `place` again and again, at moments that `moments` draws."""

    place: Path
    engine: str
    moments: random.Random
    folder: Path | None = None
    windows: int = 0
    readable: int = 0
    resumable: int = 0
    kept: int = 0
    before_ready: int = 0
    orphans: int = 0
    most_lost_s: float = 0.0

    def kill_once(self) -> None:
        """One kill, and what it left."""
        with session(*self._arguments()) as running:
            if self.folder is None:
                self.folder = self._made(running)
            time.sleep(self.moments.uniform(0.0, LATEST_MOMENT))
            running.kill()
        self.orphans += running.orphans()
        self._check(self.folder, running)

    def _arguments(self) -> tuple[object, ...]:
        """Of the soak that is killed next: a new one, or the one that was killed last."""
        if self.folder is not None:
            return ("--resume", self.folder, "--duration", "10h")
        interval = f"{INTERVAL_SECONDS * 1000:.0f}ms"
        new = ("stop_machine", "--engine", self.engine, "--duration", "10h", "--interval", interval, "--cpus", "3")
        return (*new, "--results", self.place)

    def _made(self, running: Session) -> Path:
        """The run directory of the first session, once it is there."""
        if not running.ready.wait(BOUND_SECONDS):
            raise SystemExit("the soak did not start")
        [folder] = self.place.glob("soak-*")
        return folder

    def _check(self, folder: Path, running: Session) -> None:
        """Count what is well after a kill."""
        try:
            run = read_run(folder)
        except UserError as error:
            self._tell(f"not readable: {error}")
            return
        lost = self._lost_s(folder, running)
        self.most_lost_s = max(self.most_lost_s, lost)
        whole = windows_of(run) >= max(self.windows, running.told_windows)
        self.kept += self._holds(whole and lost <= INTERVAL_SECONDS, f"{lost:.2f} s or counts are lost")
        shown = kstress("report", folder)
        self.readable += self._holds(shown.returncode == 0, f"report: {shown.stderr}")
        self.resumable += self._goes_on(folder, run)

    def _lost_s(self, folder: Path, running: Session) -> float:
        """Seconds of a session that are not on the disk: since its last record or, without one, since it was ready."""
        if not running.ready.is_set():
            self.before_ready += 1
            return 0.0
        return running.killed_at - max(running.ready_at, (folder / SAMPLES).stat().st_mtime)

    def _goes_on(self, folder: Path, before: StoredSoak) -> bool:
        """Whether the soak can be resumed, adds to its counts, and ends in order."""
        longer = f"{round((elapsed_of(before) + MOMENT_MORE) * 1000)}ms"
        done = kstress("soak", "--resume", folder, "--duration", longer)
        run = read_run(folder)
        self.windows = windows_of(run)
        grown = windows_of(before) < self.windows and len(before.samples) < len(run.samples)
        ended = done.returncode in (0, 3) and run.manifest.status == "complete"
        return self._holds(grown and ended, f"resume: exit {done.returncode} {done.stderr}")

    def _holds(self, well: bool, otherwise: str) -> bool:
        """Tell what is wrong, if something is."""
        if not well:
            self._tell(otherwise)
        return well

    def _tell(self, text: str) -> None:
        """One line on standard error."""
        print(" ".join(text.split()), file=sys.stderr, flush=True)


def main() -> int:
    """Kill, and count; the exit code."""
    parser = argparse.ArgumentParser(description="kill -9 of a soak at random moments")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--engine", choices=("python", "native"), default="python")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        kills = Kills(Path(place), given.engine, random.Random(given.seed))
        for _ in range(given.times):
            kills.kill_once()
    counts = {name: getattr(kills, name) for name in ("readable", "resumable", "kept", "before_ready", "orphans")}
    asked = {"figure": "kills", "engine": given.engine, "seed": given.seed, "times": given.times}
    lost = {"most_lost_s": round(kills.most_lost_s, 3), "interval_s": INTERVAL_SECONDS}
    print(json.dumps({**asked, **counts, **lost}), flush=True)
    good = kills.readable == kills.resumable == kills.kept == given.times
    return 0 if good and kills.orphans == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
