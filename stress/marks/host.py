"""Adapts stress items to pytest and its plugins: tracebacks, warnings, skips, and more time for pytest-timeout."""

import warnings
from collections.abc import Callable

import pytest

from stress.errors import UserError
from stress.host.cores import SKIP
from stress.marks.noise.code_under_test import PACKAGE, is_within

MEANT = (BaseExceptionGroup, UserError, pytest.fail.Exception)
"""What kstress raises for the test's author; in the traceback of anything else its own frames may be what matters."""


def end_in_test(error: BaseException) -> None:
    """End the traceback of a failure at the line of the test that called kstress; a debugger begins there too."""
    last, one = None, error.__traceback__
    while one and isinstance(error, MEANT):
        if not is_within(one.tb_frame.f_code.co_filename, PACKAGE):
            last = one
        one = one.tb_next
    if last:
        last.tb_next = None


def warn_of(item: pytest.Item) -> Callable[[str], None]:
    """A function that warns about an item's host. pytest shows it at its end; no filter makes an error of it."""

    def warn(text: str) -> None:
        warning = warnings.WarningMessage(pytest.PytestWarning(text), pytest.PytestWarning, str(item.path), 0)
        facts = {"warning_message": warning, "when": "runtest", "nodeid": item.nodeid, "location": None}
        item.ihook.pytest_warning_recorded.call_historic(kwargs=facts)

    return warn


def skip_if_shared(item: pytest.Item, how: str, shared: str | None) -> None:
    """Skip an item whose cores another run holds, if the setting `how` says so."""
    if how == SKIP and shared:
        item.add_marker(pytest.mark.skip(reason=f"stress_cores = skip: {shared.replace('shares', 'would share', 1)}"))


def extend_timeout(item: pytest.Item, budget_s: float) -> None:
    """Add an item's budget in seconds to its timeout of pytest-timeout, if it has one."""
    mark = item.get_closest_marker("timeout")
    arguments = dict(mark.kwargs) if mark else {}
    if mark and mark.args:
        arguments.update(zip(("timeout", "method", "func_only"), mark.args, strict=False))
    timeout = arguments.pop("timeout", None) or getattr(item.config, "_env_timeout", None)
    if timeout and item.config.pluginmanager.hasplugin("timeout"):
        item.add_marker(pytest.mark.timeout(float(timeout) + budget_s, **arguments), append=False)
