"""One stress item at a time on a host, and more time for it: what pytest's other plugins must know of its threads.

pytest-xdist would run two items at once.
"""

import warnings
from collections.abc import Callable

import pytest

from stress.host.cores import SKIP


def warn_of(item: pytest.Item) -> Callable[[str], None]:
    """What warns of an item's host: it is told at the end, and fails nothing, whatever the filters of the item say."""

    def warn(told: str) -> None:
        warning = warnings.WarningMessage(pytest.PytestWarning(told), pytest.PytestWarning, str(item.path), 0)
        facts = {"warning_message": warning, "when": "runtest", "nodeid": item.nodeid, "location": None}
        item.ihook.pytest_warning_recorded.call_historic(kwargs=facts)

    return warn


def skip_if_shared(item: pytest.Item, how: str, shared: str | None) -> None:
    """Let an item be skipped whose cores another run has, if the setting says so."""
    if how == SKIP and shared:
        item.add_marker(pytest.mark.skip(reason=f"stress_cores = skip: {shared.replace('shares', 'would share', 1)}"))


def extend_timeout(item: pytest.Item, budget_s: float) -> None:
    """Add an item's budget to the timeout of pytest-timeout that applies to it, if there is one."""
    mark = item.get_closest_marker("timeout")
    arguments = dict(mark.kwargs) if mark else {}
    if mark and mark.args:
        arguments.update(zip(("timeout", "method", "func_only"), mark.args, strict=False))
    timeout = arguments.pop("timeout", None) or getattr(item.config, "_env_timeout", None)
    if timeout and item.config.pluginmanager.hasplugin("timeout"):
        item.add_marker(pytest.mark.timeout(float(timeout) + budget_s, **arguments), append=False)
