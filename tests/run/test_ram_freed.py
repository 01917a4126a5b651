"""A machine's RAM is freed as soon as the machine is over, by reference counts: the collector comes far too late."""

import gc
from collections.abc import Callable, Iterator
from mmap import mmap
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from stress.machine.ram import Ram
from tests.run.runs import PLANTED, run_one
from tests.small_machines import small_machine
from tests.support import each_engine

pytestmark = [pytest.mark.alone, pytest.mark.threads]
STALL_AFTER = 0.2
MACHINES = [
    ("stop_machine", {}),
    ("preempted_reader", {}),
    (PLANTED / "nmis_alone.py", {}),
    ("modlist_spinlock", {"fate": "unmapped"}),
    (PLANTED / "lost_unlock.py", {"stall_after_s": STALL_AFTER, "cpus": 2}),
]


@pytest.fixture
def mappings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[int, int]]]:
    """How many mappings of RAM there were, and how many there are still, while no garbage is collected."""
    made, kept, build = [], WeakSet[mmap](), Ram.__init__

    def counted(ram: Ram, *of: Any) -> None:
        build(ram, *of)
        made.append(1)
        kept.add(ram.mapping)

    monkeypatch.setattr(Ram, "__init__", counted)
    gc.collect()
    gc.disable()
    yield lambda: (len(made), len(kept))
    gc.enable()


@each_engine
@pytest.mark.parametrize(("scenario", "settings"), MACHINES)
def test_no_machine_of_a_run_outlives_it(
    scenario: str | Path, settings: dict[str, Any], engine: str, mappings: Callable[[], tuple[int, int]]
) -> None:
    run_one(scenario, engine, **settings)
    made, kept = mappings()
    assert made > 1
    assert kept == 0


@each_engine
def test_no_machine_under_control_outlives_its_schedules(engine: str, mappings: Callable[[], tuple[int, int]]) -> None:
    one = small_machine("preempted_reader", engine, traced=True)
    for seed in range(3):
        one.follow(0, seed)
    one.finish()
    assert mappings()[1] > 0
    del one
    assert mappings()[1] == 0
