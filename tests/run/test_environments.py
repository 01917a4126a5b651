"""tox.ini: what the native environment leaves to the bare one is not skipped there, or it would run nowhere."""

import re
import shlex
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

from tests.frontdoor.command import CHECKOUT

EXTRAS = "numba|distributed|elftools|zstandard|jinja2|matplotlib|prometheus_client"
NEEDS = re.compile(rf'(importorskip|find_spec)\("({EXTRAS})"')


def left_to_bare() -> list[Path]:
    """The files of tests that are not for the native environment."""
    settings = ConfigParser(interpolation=None)
    settings.read(CHECKOUT / "tox.ini")
    words = shlex.split(settings["testenv:native"]["left"].replace("\\\n", " "))
    places = [
        f"{CHECKOUT}/{word}{'*' if option == '--ignore' else ''}"
        for option, word in zip(words[::2], words[1::2], strict=True)
    ]
    return [path for path in (CHECKOUT / "tests").rglob("*.py") if any(fnmatch(str(path), place) for place in places)]


def test_what_is_left_to_an_environment_without_extras_needs_none() -> None:
    left = left_to_bare()
    assert len(left) > 20
    assert [path.name for path in left if NEEDS.search(path.read_text())] == []
