"""Loads the plugin's modules for good: pytester's runs within this process forget those that they import themselves.

The kernel's words can be declared only once, and compiled code is loaded for good, in a process.
"""

from importlib import import_module

import pytest

import stress.marks.fixture
import stress.marks.host
import stress.marks.imports
from stress.machine.engines import has_llvmlite

if has_llvmlite():
    import_module("stress.machine.native.engine")

__all__ = ["stress"]


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs within these tests print what they do at a terminal: where CI is set pytest tells each failure once more."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
