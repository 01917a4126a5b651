"""Standard output and error of a command, which may be closed, full, or lose their reader while it runs.

Whoever reads may leave at any time, as `head` does, or as a terminal does that hangs up: what is written from then on
is dropped, and the command comes to its end and to its exit code. What a full disk does not take on standard output is
an error; on standard error nothing is, since there is nowhere to tell it.
"""

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO


class Outlet(io.RawIOBase):
    """What a stream writes to. `unread` is whether its reader has left."""

    def __init__(self, raw: Any, lossy: bool, replaced: TextIO | None = None) -> None:
        """Write to `raw`; drop what it does not take, whatever the reason, if `lossy`.

        The stream that was `replaced` is kept, since it would close `raw` if nobody had it.
        """
        self._raw, self._lossy, self._terminal, self._replaced = raw, lossy, raw.isatty(), replaced
        self.unread = False

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._raw.fileno())

    def write(self, data: Any) -> int | None:
        """Write, unless nobody reads. OSError for what is not taken, unless that may be lost."""
        try:
            return len(data) if self.unread else self._raw.write(data)
        except OSError as error:
            hung_up = error.errno == errno.EIO and self._terminal
            self.unread = hung_up or isinstance(error, BrokenPipeError)
            if not self.unread and not self._lossy:
                raise
            return len(data)


def _opened(stream: TextIO | None, lossy: bool) -> TextIO:
    """A stream over an outlet; one that was closed writes nowhere. What its encoding lacks is written as an escape."""
    if stream is None:
        return Path(os.devnull).open("w")
    binary: Any = getattr(stream, "buffer", None)
    if binary is None:  # it is no stream of this process's own
        return stream
    outlet: Any = Outlet(getattr(binary, "raw", binary), lossy, stream)
    errors = "backslashreplace" if stream.errors == "strict" else stream.errors
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=lossy or bool(getattr(stream, "line_buffering", False)),
        write_through=getattr(stream, "write_through", False),
    )


def open_streams() -> None:
    """Put streams in the place of those that this process was started with."""
    sys.stdout, sys.stderr = _opened(sys.stdout, lossy=False), _opened(sys.stderr, lossy=True)


def close_streams() -> None:
    """Write what is left, so that nothing is told about it when the interpreter ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def nobody_reads() -> bool:
    """Whether the reader of standard output has left."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, Outlet) and raw.unread


def silence(stream: TextIO) -> None:
    """Let nothing more be written to a stream that cannot take it."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
