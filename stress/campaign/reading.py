"""Reading run directories back. Soaks and sweeps share this.

Nothing in them is trusted: a process may have been killed while it wrote, a disk may have lost what came last, or it
may be no run directory at all. Only the last line of a file may be torn; everything else must be right. A torn line has
no end, or zeros where a host that crashed had not written yet: JSON has none.
"""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import attrs

from stress.campaign.converter import Unread, from_json
from stress.errors import UserError
from stress.host.disk import LARGEST_BYTES, read_whole, reading, refusal, telling, too_large
from stress.safe_text import shown

MANIFEST = "manifest.json"
GIVE = "give a run directory"
RESTORE = "its run directory is not whole: copy it again with all of its files, or give another"
"""What to do about a file that a run directory must have beside its manifest."""
DAMAGED_LINE = "it is damaged: copy the run directory again, or delete the line if another program wrote it"
PERMIT = "make it readable for you"
CAMPAIGNS = ("soak", "sweep")
"""What there are run directories of; each is also the command that resumes it."""
ZERO = b"\0"

T = TypeVar("T")


def read_file(path: Path) -> bytes:
    """The bytes of a plain file of bearable size.

    Raises:
        UserError: for anything else; a device or a pipe might never end.
    """
    with telling(f"cannot read {shown(path)}", GIVE):
        return read_whole(path)


def parse(raw: bytes, where: str, usual: str = "it is damaged, or not a file of kstress") -> dict[str, Any]:
    """A JSON object; UserError for anything else, which ends with `usual`."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise UserError(f"{where} is not JSON: {usual}") from None
    if not isinstance(document, dict):
        raise UserError(f"{where} is not a JSON object: {usual}")
    return document


def read_head(folder: Path, what: str, newest: int) -> dict[str, Any]:
    """What the manifest of a run directory says, without its kind, which is that of a `what`, like "soak".

    Raises:
        UserError: when there is none, it is of another kind, or its schema is newer than `newest`.
    """
    path = folder / MANIFEST
    where, kind = shown(path), kind_of(what)
    document = parse(read_file(path), where)
    schema, found = document.get("schema"), document.pop("kind", None)
    for other in CAMPAIGNS:
        if found == kind_of(other) != kind:
            resume = shown(f"kstress {other} --resume {shlex.quote(str(folder))}")
            raise UserError(f"{where} is not the manifest of a {what}, but of a {other}; go on with it by {resume}")
    if found != kind or type(schema) is not int or schema < 1:
        raise UserError(f"{where} is not the manifest of a {what}: it has no kind {kind!r} and schema")
    if schema > newest:
        raise UserError(f"{where} has schema {shown(schema)}, this kstress knows up to {newest}; use a newer kstress")
    return document


def kind_of(what: str) -> str:
    """How a manifest says what it is of."""
    return f"kstress {what}"


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """A context that turns a refusal to read a part of a run directory into a UserError."""
    try:
        yield
    except (OSError, ValueError) as error:
        usual = PERMIT if isinstance(error, PermissionError) else RESTORE
        raise refusal(f"cannot read {shown(path)}", error, usual) from None


@attrs.frozen
class Line:
    """A whole line of a file, and at which byte it begins."""

    at: int
    text: bytes


@attrs.define
class WholeLines:
    """The whole lines of a file, one at a time; a torn last line is left out. `size` is how many bytes they had so far.

    Raises:
        UserError: on the first of them, when the file cannot be read.
    """

    path: Path
    size: int = 0

    def __iter__(self) -> Iterator[Line]:
        """Read the file; each line is given once another one follows it, and the last if it is not torn."""
        kept = None
        with _telling(self.path), reading(self.path) as file:
            while (text := self._next(file)).endswith(b"\n"):
                if kept is not None:
                    yield self._taken(kept)
                kept = text
        if kept is not None and ZERO not in kept:
            yield self._taken(kept)

    def _next(self, file: BinaryIO) -> bytes:
        """The next line; OSError where there is more than can be read, as files of /proc have no size."""
        text = file.readline(LARGEST_BYTES + 1 - self.size)
        if self.size + len(text) > LARGEST_BYTES:
            raise too_large(self.size + len(text), LARGEST_BYTES)
        return text

    def _taken(self, text: bytes) -> Line:
        """The line that is next."""
        line = Line(self.size, text[:-1])
        self.size += len(text)
        return line


class Stored(Unread):
    """The JSON object that a line of a file has under some name, read again whenever it is asked for.

    So a journal of any size needs no memory for what is seldom looked at.
    """

    __slots__ = ("_at", "_name", "_path", "_size")

    def __init__(self, path: Path, line: Line, name: str) -> None:
        """Remember where it is."""
        self._path, self._name = path, name
        self._at, self._size = line.at, len(line.text)

    def _read(self) -> dict[str, Any]:
        """The object; UserError where the file is another one by now."""
        with _telling(self._path), reading(self._path) as file:
            file.seek(self._at)
            raw = file.read(self._size)
        found = parse(raw, shown(self._path)).get(self._name)
        if not isinstance(found, dict):
            raise UserError(f"{shown(self._path)} has changed while it was read; try again")
        return from_json(found, dict[str, Any], shown(self._path))

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def objects(lines: WholeLines) -> Iterator[tuple[Line, dict[str, Any], str]]:
    """The lines of a file, each with its JSON object and with where it is; UserError for a line that has none."""
    for number, line in enumerate(lines, 1):
        where = f"{shown(lines.path)}, line {number}"
        yield line, parse(line.text, where, DAMAGED_LINE), where


def records(lines: WholeLines, kind: type[T]) -> Iterator[T]:
    """The records of a file's lines; UserError names the line that is none."""
    return (from_json(value, kind, where) for _, value, where in objects(lines))
