"""Compiles units side by side: llvmlite holds a lock of its own, so each core but one needs a process of its own.

A helper that cannot be started, or does not end well, costs time and nothing else: its units are compiled here.
"""

import json
import os
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

import attrs

from stress.machine.native import machine_code

LONGEST_SECONDS = 60.0
"""More than any units take on any host; then the helper is ended."""
WORTH_A_HELPER = 40_000
"""Bytes of text that take as long to compile as a helper takes to start, a fifth of a second."""


@attrs.frozen
class Helper:
    """A process that compiles some units."""

    process: "subprocess.Popen[bytes]"
    made: IO[bytes]

    def codes(self) -> Sequence[bytes]:
        """The object code of its units, once the process has ended; none if it has not made them."""
        with suppress(subprocess.TimeoutExpired, ValueError):
            if self.process.wait(LONGEST_SECONDS) == 0:
                self.made.seek(0)
                return [b64decode(code) for code in json.load(self.made)]
        return []

    def end(self) -> None:
        """End the process, if it still runs."""
        self.process.kill()
        self.process.wait()


@contextmanager
def helper(texts: Sequence[str]) -> Iterator[Helper | None]:
    """A process that compiles `texts` while the block runs; None if the host has none to give.

    It is no member of this process's group: a Ctrl-C at the terminal is for this process. It ends when this process
    does, even if that is killed.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as made, ExitStack() as stack:
        started = None
        with suppress(OSError):
            given.write(json.dumps(texts).encode())
            given.seek(0)
            starter, own = os.pipe()
            stack.callback(os.close, own)
            stack.callback(os.close, starter)
            command = [sys.executable, "-P", machine_code.__file__, str(starter)]
            process = subprocess.Popen(
                command, stdin=given, stdout=made, stderr=subprocess.DEVNULL, pass_fds=[starter], start_new_session=True
            )
            started = Helper(process, made)
            stack.callback(started.end)
        yield started


def shares(texts: Sequence[str], cores: int) -> list[list[str]]:
    """The texts in one share for each core that is worth it, of about the same length.

    A share that takes less time than a helper's start is not: one process would have compiled all by then.
    """
    number = min(cores, len(texts), max(1, sum(map(len, texts)) // WORTH_A_HELPER))
    found: list[list[str]] = [[] for _ in range(number)]
    for text in sorted(texts, key=len, reverse=True):
        min(found, key=lambda share: sum(map(len, share))).append(text)
    return found


def machine_codes(texts: Sequence[str], cores: int) -> dict[str, bytes]:
    """The object code of each text; as many are compiled at once as there are cores, if it is worth it."""
    own, *others = shares(texts, cores) if texts else [[]]
    with ExitStack() as stack:
        helpers = [(share, stack.enter_context(helper(share))) for share in others]
        codes = {text: machine_code.machine_code(text) for text in own}
        for share, one in helpers:
            codes |= dict(zip(share, one.codes() if one else [], strict=False))
    return codes | {text: machine_code.machine_code(text) for text in texts if text not in codes}
