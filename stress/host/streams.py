"""Standard output and error of a command, which may be closed, full, or lose their reader while it runs.

The reader may leave at any time, as `head` does, or as a terminal does that hangs up: later output is dropped, and the
command goes on to its end and its exit code. A full disk is an error on standard output; on standard error nothing is
an error, since there is no place to report it.
"""

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO


class Outlet(io.RawIOBase):
    """The file below a stream. `unread`: its reader has left, and what is written is dropped.

    `refusal` is the error of the last write that was refused, if one was.
    """

    def __init__(self, raw: Any, lossy: bool, replaced: TextIO | None = None) -> None:
        """Write to `raw`; if `lossy`, drop what cannot be written, whatever the reason.

        The `replaced` stream is kept, since it closes `raw` when it is collected.
        """
        self._raw, self._lossy, self._terminal, self._replaced = raw, lossy, raw.isatty(), replaced
        self.unread = False
        self.refusal: OSError | None = None

    def writable(self) -> bool:
        """Yes: `io` asks each raw file."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._raw.fileno())

    def write(self, data: Any) -> int | None:
        """Write `data`; drop it if the reader has left. OSError for any other failure, unless this is lossy."""
        try:
            return len(data) if self.unread else self._raw.write(data)
        except OSError as error:
            hung_up = error.errno == errno.EIO and self._terminal
            self.unread = hung_up or isinstance(error, BrokenPipeError)
            if not self.unread and not self._lossy:
                self.refusal = error
                raise
            return len(data)


def _opened(stream: TextIO | None, lossy: bool) -> TextIO:
    """A stream over an outlet, or to /dev/null if the stream was closed. What its encoding lacks becomes an escape."""
    if stream is None:
        return Path(os.devnull).open("w")
    binary: Any = getattr(stream, "buffer", None)
    if binary is None:  # another object, such as a test's capture
        return stream
    outlet: Any = Outlet(getattr(binary, "raw", binary), lossy, stream)
    # In the locale C without UTF-8 it is surrogateescape, which has no way to write a character that ASCII lacks.
    errors = "backslashreplace" if stream.errors in ("strict", "surrogateescape") else stream.errors
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=lossy or bool(getattr(stream, "line_buffering", False)),
        write_through=getattr(stream, "write_through", False),
    )


def open_streams() -> None:
    """Replace the streams that this process was started with."""
    sys.stdout, sys.stderr = _opened(sys.stdout, lossy=False), _opened(sys.stderr, lossy=True)


def close_streams() -> None:
    """Write what is left, so that the interpreter prints no error about it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def is_of_output(error: OSError) -> bool:
    """Whether an error is that of a write to standard output."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, Outlet) and raw.refusal is error


def silence(stream: TextIO) -> None:
    """Send a stream that cannot be written to /dev/null."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
