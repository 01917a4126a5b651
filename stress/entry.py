"""Where the command `kstress` begins. Nothing heavy is imported before it can tell of Ctrl-C in a line."""

import os
import sys

STANDARD_ERROR = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    try:
        from stress.host.collector import collect_seldom

        collect_seldom()
        from stress.cli import main as command

        command()
    except KeyboardInterrupt:
        leave()


def leave() -> None:
    """Say that the command was interrupted, without what may be half imported; exit code 130."""
    from contextlib import suppress

    with suppress(OSError):  # it is closed, or full: there is no place to report it
        os.write(STANDARD_ERROR, b"kstress: interrupted\n")
    sys.exit(EXIT_INTERRUPTED)
