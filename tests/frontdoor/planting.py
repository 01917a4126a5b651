"""Scenarios that do something when the process of a cell loads them, and nowhere else."""

from pathlib import Path

from tests.frontdoor.soaking import scenario_file

IN_A_CELL = "'stress.campaign.nursery' in getattr(sys.modules['__main__'].__spec__, 'name', '')"
TRAP = """
import os
import resource
import signal
import sys
import time

SPARE = 4 << 20


def no_memory(*arguments):
    raise MemoryError
"""
"""What a deed can use."""


def planted(place: Path, name: str, deed: str, helpers: str = TRAP) -> Path:
    """A copy of `modlist_spinlock` that does the deed; the sweep's own process may load it."""
    path = scenario_file(place, name)
    trap = f"{helpers}\n\nif {IN_A_CELL}:\n    {deed}\n"
    path.write_text(path.read_text().replace("from stress", f"{trap}\nfrom stress", 1))
    return path
