"""The console that every command prints on."""

import os
import sys
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from stress.escapes import escaped
from stress.report.table import PLAIN_WIDTH


class PlainConsole(Console):
    """A console that shows text of anybody's as it is, and leaves it to its caller if a pipe's reader has gone away."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Render as any console, but nothing in the text tells the terminal what to do."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the process here."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """A console; as wide as the terminal, or PLAIN_WIDTH where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return PlainConsole(stderr=stderr, width=width, highlight=False, soft_wrap=False)
