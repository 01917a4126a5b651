"""Compiles programs side by side: llvmlite holds a lock of its own, so each program needs a process of its own.

A helper that cannot be started, or does not end well, costs time and nothing else: its program is compiled here.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

import attrs

from stress.machine.native import machine_code

LONGEST_SECONDS = 60.0
"""More than any program takes on any host; then the helper is ended."""


@attrs.frozen
class Helper:
    """A process that compiles one program."""

    process: "subprocess.Popen[bytes]"
    made: IO[bytes]

    def code(self) -> bytes | None:
        """The object code, once the process has ended; None if it has not made any."""
        with suppress(subprocess.TimeoutExpired):
            if self.process.wait(LONGEST_SECONDS) == 0:
                self.made.seek(0)
                return self.made.read()
        return None

    def end(self) -> None:
        """End the process, if it still runs."""
        self.process.kill()
        self.process.wait()


@contextmanager
def helper(text: str) -> Iterator[Helper | None]:
    """A process that compiles `text` while the block runs; None if the host has none to give.

    It is no member of this process's group: a Ctrl-C at the terminal is for this process, which then ends the helper.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as made, ExitStack() as stack:
        started = None
        with suppress(OSError):
            given.write(text.encode())
            given.seek(0)
            command = [sys.executable, "-P", machine_code.__file__]
            process = subprocess.Popen(
                command, stdin=given, stdout=made, stderr=subprocess.DEVNULL, start_new_session=True
            )
            started = Helper(process, made)
            stack.callback(started.end)
        yield started


def machine_codes(texts: Sequence[str], cores: int) -> list[bytes]:
    """The object code of each program; as many are compiled at once as there are cores."""
    with ExitStack() as stack:
        helpers = [stack.enter_context(helper(text)) for text in texts[1:cores]]
        made = dict(enumerate(helpers, 1))
        own = {place: machine_code.machine_code(text) for place, text in enumerate(texts) if not made.get(place)}
        codes = {place: one.code() for place, one in made.items() if one}
        known = {place: code for place, code in (own | codes).items() if code}
        return [known.get(place) or machine_code.machine_code(text) for place, text in enumerate(texts)]
