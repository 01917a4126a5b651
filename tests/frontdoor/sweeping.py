"""Sweeps as real commands, short ones on the python engine, and what their directories hold."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.frontdoor.command import called, kstress
from tests.frontdoor.soaking import facts

END = "kstress: --- End of sweep: "
QUICK = ("--engine", "python", "--duration", "60ms", "--seed", "7")


def sweep(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a sweep to its end, its run directory in `results`."""
    return kstress("sweep", *arguments, "--results", str(results))


def swept(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, where one start of what forks cells is enough for all sweeps."""
    return called("sweep", *arguments, "--results", str(results))


def the_sweep(results: Path) -> Path:
    """The only run directory in `results`."""
    [folder] = results.glob("sweep-*")
    return folder


def cells(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of `cells.jsonl`, as they are on the disk."""
    return [json.loads(line) for line in (folder / "cells.jsonl").read_text().split("\n")[:-1]]


def times_of_cells(folder: Path) -> Counter[tuple[int, int]]:
    """How often each number and repeat is there."""
    return Counter((cell["number"], cell["repeat"]) for cell in cells(folder))


def all_once(cells: int, repeats: int) -> Counter[tuple[int, int]]:
    """Every one once."""
    return Counter((number, repeat) for number in range(cells) for repeat in range(1, repeats + 1))


def last_facts(text: str) -> dict[str, str]:
    """What the last line of a sweep says; its status too."""
    [line] = [line for line in text.splitlines() if line.startswith(END)]
    return {"status": line.removeprefix(END).partition(":")[0], **facts(line)}


def lines_of_cells(text: str) -> Iterator[str]:
    """The line of each cell that has ended, as a pipe gets it."""
    return (line for line in text.splitlines() if " repeat " in line and ": " in line)
