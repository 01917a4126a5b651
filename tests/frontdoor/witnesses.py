"""Scenario files whose cells tell from inside where they run, and whether they run alone."""

import json
from pathlib import Path
from typing import Any

import attrs

from tests.frontdoor.planting import planted
from tests.frontdoor.soaking import WAIT_SECONDS

ALONE = """
import fcntl, glob, json, os, sys, time
import psutil

def tell(place):
    nursery = psutil.Process(os.getppid())
    me = {"pid": os.getpid(), "worker": nursery.ppid(), "cores": sorted(os.sched_getaffinity(0)), "alone": []}
    for number in [*(f"core-{core}" for core in me["cores"]), f"worker-{me['worker']}"]:
        held.append(open(f"{place}/{number}.lock", "w"))
        try:
            fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            me["alone"].append(True)
        except BlockingIOError:
            me["alone"].append(False)
    return me

def meet(place, me, others):
    open(f"{place}/here-{me['cores']}", "w").close()
    deadline = time.monotonic() + WAIT
    while len(glob.glob(f"{place}/here-*")) < others and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(glob.glob(f"{place}/here-*")) >= others

held = []
"""
"""The locks of a cell's cores and of its worker are of the test's own, and let go of when its process has ended."""


@attrs.frozen
class Witness:
    """What a cell told: its process and its worker's, its cores, and whether it had each of them alone."""

    pid: int
    worker: int
    cores: tuple[int, ...]
    alone: bool
    met: bool


def witness(place: Path, meeting: int = 0) -> Path:
    """A scenario whose cells tell; each waits first for cells on so many sets of cores at the same time."""
    deed = (
        f"me = tell({str(place)!r}); me['met'] = meet({str(place)!r}, me, {meeting}); "
        f"open({str(place)!r} + f'/told-{{os.getpid()}}.json', 'w').write(json.dumps(me))"
    )
    return planted(place, "witness", deed, ALONE.replace("WAIT", str(WAIT_SECONDS)))


def witnesses(place: Path) -> list[Witness]:
    """What the cells have told."""
    return [read(json.loads(path.read_text())) for path in place.glob("told-*.json")]


def read(told: dict[str, Any]) -> Witness:
    """What one of them told."""
    return Witness(told["pid"], told["worker"], tuple(told["cores"]), all(told["alone"]), told["met"])
