"""Keeps the results of stress items: a plugin that is registered where run files are asked for.

What became of an item is known once pytest has judged its test and torn it down: a check may fail after the run.
"""

from collections.abc import Generator

import attrs
import pytest

from stress.marks.fixture import STRESS
from stress.marks.results import INTERRUPTS, ItemEnd, folder_of, keep

CALLED = pytest.StashKey[pytest.TestReport]()
RAISED = pytest.StashKey[BaseException | None]()


class Keeper:
    """Writes a run file for each item with the fixture `stress`, once the item has ended."""

    def __init__(self, config: pytest.Config) -> None:
        """Remember the config, for the folder."""
        self._config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how the test went, with what `xfail` makes of it."""
        report = yield
        if call.when == "call":
            item.stash[CALLED], item.stash[RAISED] = report, call.excinfo.value if call.excinfo else None
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Keep the result once all fixtures are torn down. A file that cannot be written fails the teardown."""
        try:
            done = yield
        except INTERRUPTS:  # kept below
            raise
        except BaseException as error:
            self._keep_beside(error, item)
            raise
        self._keep(item, _end_of(item))
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Keep the result of an item in which pytest ends."""
        try:
            return (yield)
        except INTERRUPTS as error:
            self._keep(item, ItemEnd(error, accepted=False))
            raise

    def _keep(self, item: pytest.Item, end: ItemEnd | None) -> None:
        """Write the run file of an item, if there is anything to keep."""
        one, folder = item.stash.get(STRESS, None), folder_of(self._config)
        item.stash[STRESS] = None  # kept once
        found = one.result(item.nodeid, end) if one and end else None
        if folder and found:
            keep(folder, found)

    def _keep_beside(self, error: BaseException, item: pytest.Item) -> None:
        """Keep the result of an item whose teardown failed; that it cannot be written is a note of that."""
        end = _end_of(item)
        try:
            failed = end and attrs.evolve(end, accepted=False, error=end.error or error, in_teardown=not end.error)
            self._keep(item, failed)
        except pytest.fail.Exception as failure:
            error.add_note(str(failure))


def _end_of(item: pytest.Item) -> ItemEnd | None:
    """How the test of an item went; None if it was skipped, or never called."""
    report = item.stash.get(CALLED, None)
    if report is None:
        return None
    error = item.stash[RAISED]
    del item.stash[CALLED], item.stash[RAISED]
    xfailed = report.skipped and hasattr(report, "wasxfail")
    return None if report.skipped and not xfailed else ItemEnd(error, False, not report.failed, xfailed)
