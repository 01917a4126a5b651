"""One stress item at a time on a host, and more time for it: what pytest's other plugins must know of its threads.

pytest-xdist would run two items at once.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from stress.host import LONGEST_WAIT, SKIP, WAIT, having_cores


def one_at_a_time(
    tell: Callable[[str], None], longest_wait: float = LONGEST_WAIT, how: str = WAIT
) -> AbstractContextManager[str | None]:
    """Have the host's cores for one item; a warning if it shares them in the end."""
    return having_cores(tell, warn, longest_wait, how=how)


def warn(told: str) -> None:
    """Warn, but never fail for it, whatever the filters of the test say: what a host is like is no fault of a test."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(told, pytest.PytestWarning, stacklevel=2)


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
