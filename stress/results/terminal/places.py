"""Where a command writes to: checked before anything runs, written whole, and nothing is lost that was there."""

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.text import Text

from stress.errors import UserError
from stress.host.disk import reading, telling, write_through, write_whole
from stress.results.pages.render import GENERATOR
from stress.results.terminal.consoles import console
from stress.runs.result import json_text
from stress.safe_text import shown

HEAD_BYTES = 4096


def check_writable(folder: Path, origin: str) -> None:
    """Raise UserError unless a file can be made in `folder`: known before the run, not after it."""
    name = shown(repr(str(folder)))
    with telling(f"{origin}: cannot write in {name}", "name a folder that you may write in"):
        if not os.path.isdir(folder):
            os.stat(folder.joinpath("."))  # which says why
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def make_folder(folder: Path, origin: str) -> None:
    """Make `folder` and what leads to it, if it is not there; UserError unless a file can be made in it."""
    with telling(f"{origin}: cannot make {shown(repr(str(folder)))}", "name another folder"):
        folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder, origin)


def write_results(path: Path, text: str, origin: str) -> None:
    """Write a whole file or, if that fails, leave what was there; a device or a pipe is written to as it is.

    Raises:
        UserError: when it cannot be written, after the results were printed.
    """
    data = text.encode(errors="backslashreplace")
    with telling(f"{origin}: cannot write {shown(repr(str(path)))}", "the results are above"):
        if os.path.exists(path) and not os.path.isfile(path):
            write_through(path, data)
        else:
            write_whole(path, [data])


def check_json(json_file: str | None, origin: str = "--json") -> None:
    """Raise UserError unless `--json`, or another option, names standard output or a place that can be written to."""
    if json_file not in (None, "-"):
        check_writable(Path(str(json_file)).parent, origin)
        if not json_file or os.path.isdir(json_file):
            raise UserError(f"{origin}: {shown(repr(json_file))} is not a name of a file; give one, or -")


def check_distinct(places: Iterable[Path | str | None]) -> None:
    """Raise UserError where one file is named for two outputs."""
    files = [os.path.realpath(place) for place in places if place not in (None, "-")]
    if len(set(files)) < len(files):
        raise UserError(f"{shown(max(files, key=files.count))} is named for two things at once; name two files")


def check_unread(places: Iterable[Path | str | None], read: Iterable[Path]) -> None:
    """Raise UserError where an output is one of the files that are to be read."""
    known = {os.path.realpath(file) for file in read}
    for place in places:
        if place is not None and os.path.realpath(place) in known:
            raise UserError(f"{shown(place)} is read, so that it cannot be written; name another file to write to")


def is_marked(file: Path, mark: str, origin: str) -> bool:
    """Whether a file has a mark near its beginning, by which kstress knows what it has written itself."""
    with telling(f"{origin}: cannot read {shown(file)}", "name another file"), reading(file) as opened:
        return mark.encode() in opened.read(HEAD_BYTES)


def write_json(json_file: str | None, runs: list[dict[str, Any]], **more: Any) -> None:
    """Write runs, and `more` keys of the document, to where `--json` wants them, if anywhere."""
    if json_file == "-":
        sys.stdout.write(json_text(runs, **more))
    elif json_file is not None:
        write_results(Path(json_file), json_text(runs, **more), "--json")


def check_page(page: Path, example: Path) -> None:
    """Raise UserError for a place where no page can be written, or where something else would be lost."""
    if os.path.isdir(page) or not page.name:
        raise UserError(f"--output: {shown(page)} is not a name of a file; give one, like {example}")
    check_writable(page.parent, "--output")
    if os.path.isfile(page) and not is_marked(page, GENERATOR, "--output"):
        raise UserError(f"--output: {shown(page)} exists and is not a page of kstress; name another file")


def write_page(place: Path, page: str) -> None:
    """Write a page, and say where it is."""
    write_results(place, page, "--output")
    console(stderr=True).print(Text(f"page: {place}", "dim"), soft_wrap=True)
