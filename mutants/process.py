"""Running one trial in a copy of the tree: within a time limit, with whatever it started ended in any case."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from mutants.mutant import Trial

LIMIT_SECONDS = 300.0
TEST_LINE = re.compile(r"^(tests/\S+\.py(?:::.*?)?)(?: (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b.*)?\s*$")


@attrs.frozen
class Report:
    """How a trial ended: `code` is None at the time limit; `by` is the test that failed, or the one under way."""

    code: int | None
    seconds: float
    by: str
    output: str


def environment(tree: Path) -> dict[str, str]:
    """The environment in which `tree` is what is imported, and nothing compiled before is used."""
    own = {"PYTHONPATH": str(tree), "KSTRESS_CACHE_DIR": str(tree / ".compiled"), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "1"}


def end_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def started(trial: Trial, tree: Path, limit: float) -> Iterator[tuple[subprocess.Popen[str], threading.Event]]:
    """The process of a trial, and whether its time was up; its group is gone when this is left."""
    up = threading.Event()
    process = subprocess.Popen(
        [sys.executable, *trial.arguments], cwd=tree, env=environment(tree), text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip

    def stop() -> None:
        up.set()
        end_group(process)

    timer = threading.Timer(limit, stop)
    timer.start()
    try:
        yield process, up
    finally:
        timer.cancel()
        end_group(process)
        if process.stdout:
            process.stdout.close()


def run_trial(trial: Trial, tree: Path, limit: float = LIMIT_SECONDS) -> Report:
    """Run a trial in `tree`; ends at the first test that fails, since a CPU that hangs would outlive it."""
    begun, lines, failed = time.monotonic(), [], False
    with started(trial, tree, limit) as (process, up):
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            match = TEST_LINE.match(line)
            if match and match[2] == "FAILED":
                failed = True
                break
        code = 1 if failed else process.wait()
    seconds = time.monotonic() - begun
    return Report(None if up.is_set() else code, seconds, last_test(lines), "".join(lines))


def last_test(lines: list[str]) -> str:
    """The last test that was begun and has not passed; empty if there is none."""
    for line in reversed(lines):
        match = TEST_LINE.match(line)
        if match and "::" in match[1]:
            return match[1] if match[2] in (None, "FAILED", "ERROR") else ""
    return ""
