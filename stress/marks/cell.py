"""The cells of a test: one run of it each, on one number of CPUs with one seed; and the command that runs one again."""

import os
import secrets
import shlex
from collections.abc import Mapping
from typing import Any, Self
from zlib import crc32

import attrs
import pytest

from stress.units import write_duration

GRACE_SECONDS = 10.0
SEED_BITS = 32
CHANGED_IN_QUOTES = frozenset('"$`\\!')
"""What a shell changes within double quotes."""


@attrs.frozen
class Cell:
    """What one test item runs: CPUs, seconds, the seed (of noise and `cpu.random`), the number of the repetition.

    `overrides` are the settings that were given as `-o` and have no option of their own, as `stress_noise=queue`.
    `drawn`: nobody has given the seed.
    """

    cpus: int
    duration_s: float
    seed: int
    repeat: int = 0
    overrides: tuple[str, ...] = ()
    drawn: bool = False

    def of(self, nodeid: str) -> Self:
        """The cell of one item: the test's other parameters share it, and a seed that was drawn is another for each."""
        own = crc32(nodeid.encode(errors="surrogatepass")) if self.drawn else 0
        return attrs.evolve(self, seed=self.seed ^ own, drawn=False)

    @property
    def budget_s(self) -> float:
        """The seconds after which its run has ended, whatever its bodies do."""
        return self.duration_s + GRACE_SECONDS

    @property
    def name(self) -> str:
        """The part of the item's name in brackets."""
        again = f"-again{self.repeat}" if self.repeat else ""
        return f"{self.cpus}cpus{again}"


def fresh_seed() -> int:
    """A random seed, short enough to be typed again."""
    return secrets.randbits(SEED_BITS)


def cells(found: Mapping[str, Any]) -> list[Cell]:
    """Every cell of a test, from its settings; without a seed each cell gets a random one."""
    seed, overrides, drawn = found["seed"], found.get("overrides", ()), found["seed"] is None
    return [
        Cell(cpus, found["duration"], fresh_seed() if drawn else seed + repeat, repeat, overrides, drawn)
        for cpus in found["cpus"]
        for repeat in range(found["repeat"])
    ]


def nodeid_of(item: pytest.Item) -> str:
    """The node ID of an item, with its file as seen from the folder in which pytest was started, and not the rootdir.

    `Config.cwd_relative_nodeid` does the same, but pytest 9.2 has changed what it takes.
    """
    file, *names = item.nodeid.split("::")
    path, started = item.config.rootpath / file, item.config.invocation_params.dir
    return item.nodeid if started == item.config.rootpath else "::".join([os.path.relpath(path, started), *names])


def quoted(nodeid: str) -> str:
    """A node ID for a shell, in double quotes where these are enough: they work in other shells too."""
    return shlex.quote(nodeid) if CHANGED_IN_QUOTES & set(nodeid) else f'"{nodeid}"'


def rerun_command(nodeid: str, cell: Cell) -> str:
    """The command that runs one cell again; it gives every setting, wherever the settings came from.

    `nodeid` begins with the file as seen from the folder in which pytest was started.
    """
    given = {"cpus": cell.cpus, "seed": cell.seed - cell.repeat, "duration": write_duration(cell.duration_s)}
    if cell.repeat:
        given["repeat"] = cell.repeat + 1
    options = [f"--stress-{name} {value}" for name, value in given.items()]
    return " ".join([f"pytest {quoted(nodeid)}", *options, *(f"-o {shlex.quote(one)}" for one in cell.overrides)])
