"""The console that every command prints on."""

import os
import sys
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from stress.judge.verdict import HELD, INCONCLUSIVE, STALLED, VIOLATED
from stress.safe_text import escaped

PLAIN_WIDTH = 120
"""Columns of what is printed where there is no terminal."""
COLOURS = {HELD: "green", VIOLATED: "red", STALLED: "magenta", INCONCLUSIVE: "yellow"}
LEAST_WIDTH = 20
LEAST_HEIGHT = 5
MOST_DIGITS = 4
SIZES = {"COLUMNS": LEAST_WIDTH, "LINES": LEAST_HEIGHT}


class PlainConsole(Console):
    """A console on which text of anybody's tells the terminal nothing."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Render as any console, with control characters in the text escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)


def is_size(name: str) -> bool:
    """Whether a variable of the environment says a size that something can be printed in."""
    value = os.environ.get(name, "")
    return value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS and int(value) >= SIZES[name]


def console(stderr: bool = False) -> Console:
    """A console; as wide as the terminal or as COLUMNS says, or PLAIN_WIDTH where there is neither."""
    stream = sys.stderr if stderr else sys.stdout
    known = {name: value for name, value in os.environ.items() if name not in SIZES or is_size(name)}
    width = None if stream.isatty() or "COLUMNS" in known else PLAIN_WIDTH
    return PlainConsole(stderr=stderr, width=width, highlight=False, emoji=False, soft_wrap=False, _environ=known)
