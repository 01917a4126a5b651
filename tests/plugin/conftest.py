"""Loads the plugin's modules for good: pytester's runs within this process forget those that they import themselves.

The kernel's words can be declared only once, and compiled code is loaded for good, in a process.
"""

import gc
from collections.abc import Iterator
from importlib import import_module

import pytest

import stress.marks.fixture
import stress.marks.host
import stress.marks.noise.imports
from stress.machine.engines import has_llvmlite
from stress.marks import mark_run
from stress.marks.crews import monitor, run_end

if has_llvmlite():
    import_module("stress.machine.native.engine")

__all__ = ["stress"]

SHORT_GRACE = 0.7
SHORT_IDLE = 0.3
LITTLE_SECONDS = 0.05
LONG_GRACE = 30.0
"""Seconds within which CPUs that only need a core get one, on a busy host too."""


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs within these tests print what they do at a terminal: where CI is set pytest tells each failure once more."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def until_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process give up soon on CPUs that do not end, if each had a core; later tests do as ever."""
    for module in (mark_run, run_end):
        monkeypatch.setattr(module, "STALLED_SECONDS", SHORT_GRACE)
    monkeypatch.setattr(run_end, "IDLE_SECONDS", SHORT_IDLE)
    monkeypatch.setattr(monitor, "FAIR_SECONDS", LITTLE_SECONDS)
    for name in ("GRACE_SECONDS", "LONGEST_GRACE_SECONDS"):
        monkeypatch.setattr(run_end, name, LONG_GRACE)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, until_sure: None) -> None:
    """Runs in this process give up soon on CPUs that do not end, also where others get on."""
    monkeypatch.setattr(run_end, "GRACE_SECONDS", SHORT_GRACE)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process wait long for CPUs that only need a core."""
    for name in ("GRACE_SECONDS", "LONGEST_GRACE_SECONDS"):
        monkeypatch.setattr(run_end, name, LONG_GRACE)


@pytest.fixture
def collected() -> Iterator[None]:
    """Collects what a test's runs in this process leave, once pytester is done: name it before the other fixtures.

    A coroutine that nobody has closed runs when it is collected: in another test's body, as code that noise missed.
    """
    yield
    gc.collect()
