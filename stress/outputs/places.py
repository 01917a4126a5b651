"""Where a command writes to: checked before anything runs, written whole, and nothing is lost that was there."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stress.corpus.untrusted import shown
from stress.errors import UserError
from stress.report.result import json_text

HEAD_BYTES = 4096


def check_writable(folder: Path, origin: str) -> None:
    """Raise UserError unless a file can be made in `folder`: known before the run, not after it."""
    if not folder.is_dir():
        raise UserError(f"{origin}: there is no folder {str(folder)!r}; make it first or name another")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{origin}: cannot write in {str(folder)!r}; name a folder that you may write in")


def make_folder(folder: Path, origin: str) -> None:
    """Make `folder` and what leads to it, if it is not there; UserError unless a file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{origin}: cannot make {str(folder)!r}: {error.strerror}; name another folder") from None
    check_writable(folder, origin)


def _replace(path: Path, text: str) -> None:
    """Write a whole file beside `path` and put it in its place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_results(path: Path, text: str, origin: str) -> None:
    """Write a whole file or, if that fails, leave what was there; a device or a pipe is written to as it is.

    Raises:
        UserError: when it cannot be written, after the results were printed.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
        else:
            _replace(path, text)
    except OSError as error:
        raise UserError(f"{origin}: cannot write {str(path)!r}: {error.strerror}; the results are above") from None


def check_json(json_file: str | None, origin: str = "--json") -> None:
    """Raise UserError unless `--json`, or another option, names standard output or a place that can be written to."""
    if json_file not in (None, "-"):
        check_writable(Path(str(json_file)).parent, origin)
        if not json_file or Path(json_file).is_dir():
            raise UserError(f"{origin}: {json_file!r} is no name of a file; give one, or -")


def check_unread(places: Iterable[Path | str | None], read: Iterable[Path]) -> None:
    """Raise UserError where an output is one of the files that are to be read."""
    known = {os.path.realpath(file) for file in read}
    for place in places:
        if place is not None and os.path.realpath(place) in known:
            raise UserError(f"{shown(place)} is to be read and to be written; name another file to write to")


def is_marked(file: Path, mark: str, origin: str) -> bool:
    """Whether a file has a mark near its beginning, by which kstress knows what it has written itself."""
    try:
        with file.open("rb") as opened:
            return mark.encode() in opened.read(HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{origin}: cannot read {shown(file)}: {error.strerror}; name another file") from None


def write_json(json_file: str | None, runs: list[dict[str, Any]], **more: Any) -> None:
    """Write runs, and `more` keys of the document, to where `--json` wants them, if anywhere."""
    if json_file == "-":
        sys.stdout.write(json_text(runs, **more))
    elif json_file is not None:
        write_results(Path(json_file), json_text(runs, **more), "--json")
