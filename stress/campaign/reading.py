"""Reading run directories back. Soaks and sweeps share this.

Nothing in them is trusted: a process may have been killed while it wrote, a disk may have lost what came last, or it
may be no run directory at all. Only the last line of a file may be torn; everything else must be right.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from stress.campaign.converter import from_json
from stress.corpus.untrusted import shown
from stress.disk import read_whole, telling
from stress.errors import UserError

MANIFEST = "manifest.json"

T = TypeVar("T")


def read_file(path: Path) -> bytes:
    """The bytes of a plain file of bearable size.

    Raises:
        UserError: for anything else; a device or a pipe might never end.
    """
    with telling(f"cannot read {shown(path)}", "give a run directory"):
        return read_whole(path)


def parse(raw: bytes, where: str) -> dict[str, Any]:
    """A JSON object; UserError for anything else."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise UserError(f"{where} is not JSON: it is damaged, or no file of kstress") from None
    if not isinstance(document, dict):
        raise UserError(f"{where} is no JSON object: it is damaged, or no file of kstress")
    return document


def read_head(folder: Path, what: str, newest: int) -> dict[str, Any]:
    """What the manifest of a run directory says, without its kind, which is that of a `what`, like "soak".

    Raises:
        UserError: when there is none, it is of another kind, or its schema is newer than `newest`.
    """
    path = folder / MANIFEST
    where, kind = shown(path), kind_of(what)
    document = parse(read_file(path), where)
    schema = document.get("schema")
    if document.pop("kind", None) != kind or type(schema) is not int or schema < 1:
        raise UserError(f"{where} is not the manifest of a {what}: it has no kind {kind!r} and schema")
    if schema > newest:
        raise UserError(f"{where} has schema {shown(schema)}, this kstress knows up to {newest}; use a newer kstress")
    return document


def kind_of(what: str) -> str:
    """How a manifest says what it is of."""
    return f"kstress {what}"


def whole_lines(path: Path) -> tuple[list[bytes], int]:
    """The whole lines of a file, and how many bytes they are; a torn last line is left out."""
    raw = read_file(path)
    lines = raw.split(b"\n")[:-1]
    if lines and not _is_json(lines[-1]):
        lines.pop()
    return lines, sum(len(line) + 1 for line in lines)


def _is_json(line: bytes) -> bool:
    """Whether a line can be parsed at all."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def records(lines: list[bytes], kind: type[T], path: Path) -> Iterator[T]:
    """The records of a file's lines; UserError names the line that is none."""
    for number, line in enumerate(lines, 1):
        where = f"{shown(path)}, line {number}"
        yield from_json(parse(line, where), kind, where)
