"""Which tests run: markers say what a test needs, and those that lack it are skipped.

Planted scenarios are run by tests, and are no tests themselves.
"""

import gc
import os
import tempfile
from collections.abc import Iterator

import pytest

from stress.extras import EXTRAS, missing_modules
from stress.host.collector import uncollected
from stress.host.lock_folder import NAMED
from stress.machine.engines import choose_engine, cores_for, usable_cores
from tests.support import THOROUGH

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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep all tests and what they import from the cyclic collector: each whole collection of a run would scan them."""
    with uncollected():
        yield
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound the time of each test, and skip those that need an extra that is not installed, or more time.

    The bound is no setting of pytest's, since `pytest scenarios/` runs where pytest-timeout is not installed.
    """
    # What takes 20 s to set up comes first, so that one worker of pytest-xdist sets it up, and no other takes from it.
    items.sort(key=lambda item: "newcomer" not in getattr(item, "fixturenames", ()))
    lacking = [extra for extra in EXTRAS if missing_modules(extra)]
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_TEST))
        for extra in filter(item.get_closest_marker, lacking):
            item.add_marker(pytest.mark.skip(reason=f"needs the extra {extra}, which is not installed"))
        if item.get_closest_marker("thorough") and not THOROUGH:
            item.add_marker(pytest.mark.skip(reason="takes long: tox -e thorough"))
