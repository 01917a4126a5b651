"""Which tests run: KSTRESS_TEST_ENGINE=native leaves those of the python engine to other environments.

Planted scenarios are run by tests, and are no tests themselves.
"""

import os
import tempfile

import pytest

from stress.host.lock_folder import NAMED
from stress.machine.engines import choose_engine, cores_for, usable_cores

collect_ignore_glob = ["*/planted"]
LONGEST_TEST = 120
"""Seconds, unless a test says otherwise."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep this session apart from other stress runs of the host, and its workers from each other where that can be.

    Sessions have locks of cores of their own, which their workers and the commands that they start inherit. A worker of
    pytest-xdist has a core of its own where no engine can use two: none waits for another's.
    """
    if NAMED not in os.environ:
        own = tempfile.TemporaryDirectory(prefix="kstress-locks-")
        config.add_cleanup(own.cleanup)
        os.environ[NAMED] = own.name
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and cores_for(choose_engine("auto")) < usable_cores():
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bound the time of each test, and deselect those of an engine that is not wanted.

    The bound is no setting of pytest's, since `pytest scenarios/` runs where pytest-timeout is not installed.
    """
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_TEST))
    wanted = os.environ.get("KSTRESS_TEST_ENGINE")
    if not wanted:
        return
    of_others = [item for item in items if engine_of(item) not in (None, wanted)]
    config.hook.pytest_deselected(items=of_others)
    items[:] = [item for item in items if item not in of_others]


def engine_of(item: pytest.Item) -> object:
    """The engine that a test is about; None if it is about both, or neither."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("engine") if callspec else None
