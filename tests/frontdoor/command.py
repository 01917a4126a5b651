"""Running the command `kstress` in a process of its own, with a bound on its time."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from stress.cli import call
from stress.config import Config

CHECKOUT = Path(__file__).parents[2]
BOUND_SECONDS = 100.0

Command = Callable[..., subprocess.CompletedProcess[str]]
"""`kstress` or `called`."""


def environment(**more: str) -> dict[str, str]:
    """This process's environment with the checkout's `stress` first on the path, and no width of a terminal."""
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), **more}


def kstress(*arguments: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    command = command_line(arguments)
    return subprocess.run(
        command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )


def called(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same within this process, which saves the start of another: for what ends before a machine runs."""
    out, err = io.StringIO(), io.StringIO()
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with contextlib.chdir(cwd or Path.cwd()), streams[0], streams[1], handlers_kept():
        code = call(list(arguments))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """What signals do is afterwards as it was: a command takes them for good, and ends with its process."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def command_line(arguments: Sequence[str]) -> list[str]:
    """What starts `kstress` with these arguments under this interpreter."""
    return [sys.executable, "-c", "from stress.cli import main; main()", *arguments]


def wait_until_cpus_run(process: "subprocess.Popen[Any]") -> None:
    """Wait until the process has started the threads of its CPUs, and a little more."""
    deadline = time.monotonic() + BOUND_SECONDS
    while psutil.Process(process.pid).num_threads() < Config().cpus + 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.5)
