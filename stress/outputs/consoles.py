"""The console that every command prints on."""

import os
import sys

from rich.console import Console

from stress.report.table import PLAIN_WIDTH


class PlainConsole(Console):
    """A console that leaves it to its caller what to do when the reader of a pipe has gone away."""

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the process here."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """A console; as wide as the terminal, or PLAIN_WIDTH where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return PlainConsole(stderr=stderr, width=width, highlight=False, soft_wrap=False)
