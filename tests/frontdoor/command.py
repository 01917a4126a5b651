"""Running the command `kstress` in a process of its own, with a bound on its time."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BOUND_SECONDS = 100.0


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


def command_line(arguments: Sequence[str]) -> list[str]:
    """What starts `kstress` with these arguments under this interpreter."""
    return [sys.executable, "-c", "from stress.cli import main; main()", *arguments]
