"""One stress item at a time on a host, and more time for it: what pytest's other plugins must know of its threads.

pytest-xdist would run two items at once.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from stress.host import LONGEST_WAIT, having_cores


def one_at_a_time(tell: Callable[[str], None], longest_wait: float = LONGEST_WAIT) -> AbstractContextManager[None]:
    """Have the host's cores for one item; a warning if it shares them in the end."""
    return having_cores(tell, lambda told: warnings.warn(told, pytest.PytestWarning, stacklevel=2), longest_wait)


def extend_timeout(item: pytest.Item, budget_s: float) -> None:
    """Add an item's budget to the timeout of pytest-timeout that applies to it, if there is one."""
    mark = item.get_closest_marker("timeout")
    arguments = dict(mark.kwargs) if mark else {}
    if mark and mark.args:
        arguments.update(zip(("timeout", "method", "func_only"), mark.args, strict=False))
    timeout = arguments.pop("timeout", None) or getattr(item.config, "_env_timeout", None)
    if timeout and item.config.pluginmanager.hasplugin("timeout"):
        item.add_marker(pytest.mark.timeout(float(timeout) + budget_s, **arguments), append=False)
