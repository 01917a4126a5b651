"""Where a command writes to: checked before anything runs, written whole, and nothing is lost that was there."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from stress.errors import UserError
from stress.host.disk import check_takes_files, reading, telling, write_through, write_whole
from stress.results.pages.signs import GENERATOR, MARK
from stress.results.terminal.consoles import console
from stress.runs.result import json_text
from stress.safe_text import on_one_line, shown

HEAD_BYTES = 4096


JSON_HEAD = r'\A\{\s*"schema":\s*\d+,\s*'


class Own(NamedTuple):
    """What an option writes: in words, and the pattern that is found in the first `HEAD_BYTES` of each such file."""

    what: str
    head: str


OWN = {
    "--json": Own("JSON of kstress that has runs", rf'{JSON_HEAD}"runs"'),
    "explore --json": Own("JSON of kstress that has explorations", rf'{JSON_HEAD}"(plan|explorations)"'),
    "compare --json": Own("JSON of kstress compare", rf'{JSON_HEAD}"kind":\s*"kstress compare"'),
    "--csv": Own("a table of kstress", r"\Asource,kind,scenario,engine,cpus,"),
    "--markdown": Own("a report of kstress", r"\A# [^\n]+\n\n[\d,]+ of [\d,]+ [^\n]* as expected[^\n]*\.\n"),
    "--svg": Own("a timeline of kstress", rf'\A(<!-- {MARK} [^\n]*\n)?<svg [^>]*class="timeline"'),
    "--junit": Own("a file of kstress compare", 'name="kstress compare"'),
    "--output": Own("a page of kstress", re.escape(GENERATOR)),
    "--figures": Own("a figure of kstress", re.escape(MARK)),
    "corpus import --output": Own("a corpus of kstress", r'\A\{"schema":\d+,"kind":"kstress corpus"'),
}
"""What each option writes, by the option, and by its command too where others write something else.

A run directory's files begin with none of these.
"""


def check_writable(folder: Path, origin: str) -> None:
    """Raise UserError unless a file can be made in `folder`: known before the run, not after it."""
    name = shown(repr(str(folder)))
    with telling(f"{origin}: cannot write in {name}", "name a folder that you may write in"):
        if not os.path.isdir(folder):
            os.stat(folder.joinpath("."))  # which says why
        check_takes_files(folder)


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
    wanted = [place for place in places if place not in (None, "", "-")]
    known = {os.path.realpath(file) for file in read} if wanted else set()
    for place in wanted:
        if os.path.realpath(place) in known:
            raise UserError(f"{shown(place)} is read, so that it cannot be written; name another file to write to")


def files_of(path: Path) -> Iterator[Path]:
    """Every file that may be read where `path` is: itself and, of a folder, what is in it and in its folders."""
    yield path
    with suppress(OSError):  # who reads it says what is wrong with it
        yield from (*path.glob("*"), *path.glob("*/*"))


def check_kept(outputs: Mapping[str, Path | str | None], read: Iterable[Path]) -> None:
    """Raise UserError where a file would be lost: one that is to be read, or that its option, the key, has not written.

    Nothing is lost with an empty file, nor with a device or a pipe.
    """
    check_unread(outputs.values(), read)
    for flag, place in outputs.items():
        if place not in (None, "-") and os.path.isfile(place) and not is_own(flag, Path(place)):
            what = f"{shown(place)} exists and is not {OWN[flag].what}"
            raise UserError(f"{flag[flag.index('--') :]}: {what}; name another file")


def is_own(flag: str, file: Path) -> bool:
    """Whether a file begins as what an option writes, or is empty."""
    with telling(f"{flag}: cannot read {shown(file)}", "name another file"), reading(file, sys.maxsize) as opened:
        head = opened.read(HEAD_BYTES)
    return not head or re.search(OWN[flag].head.encode(), head) is not None


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
    check_kept({"--output": page}, [])


def write_page(place: Path, page: str) -> None:
    """Write a page, and say where it is."""
    write_results(place, page, "--output")
    console(stderr=True).print(Text(f"page: {on_one_line(str(place))}", "dim"), soft_wrap=True)
