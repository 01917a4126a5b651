"""Loads the plugin's modules for good: pytester's runs within this process forget those that they import themselves."""

import stress.marks.fixture
import stress.marks.host
import stress.runner

__all__ = ["stress"]
