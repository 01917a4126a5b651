"""Damage that comes to run directories, of soaks and of sweeps, for the tests of those who read them."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from hypothesis import strategies as st

from stress.campaign.reading import MANIFEST

DIRECTORY, FIFO, LOOP, NOTHING = "directory", "fifo", "loop", "nothing"
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**63, 10**400, float("nan"), float("inf"), "", "1", "1e999999999", "[/x]", "a\nb",
    "\x1b[2J", "\0", "\ud800", "stop_machine", [], {}, [[]], [1], {"a": 1},
]  # fmt: skip

Content = bytes | str
Contents = dict[str, Content]


@attrs.frozen
class Damage:
    """What was done, and what the files are after it: bytes, or what is in their place."""

    kind: str
    contents: Contents


Kind = Callable[[st.DrawFn, bytes, str], Content]


def random_bytes(draw: st.DrawFn, good: bytes, file: str) -> Content:
    return draw(st.binary(max_size=200))


def truncation(draw: st.DrawFn, good: bytes, file: str) -> Content:
    return good[: draw(st.integers(0, len(good) - 1))]


def flip(draw: st.DrawFn, good: bytes, file: str) -> Content:
    data = bytearray(good)
    for place in draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=3)):
        data[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


def zeros(draw: st.DrawFn, good: bytes, file: str) -> Content:
    return good + bytes(draw(st.integers(1, 5000))) + draw(st.sampled_from([b"", b"\n"]))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def changed(draw: st.DrawFn, document: Any) -> bytes:
    """The document with a key removed, renamed or added, or another value, or one that is nested deeply."""
    container, key = draw(st.sampled_from(list(places(document))))
    how = draw(st.sampled_from(["remove", "rename", "add", "swap", "swap", "swap", "nest"]))
    hole = "here it is nested"
    if how == "remove":
        del container[key]
    elif how == "swap":
        container[key] = draw(st.sampled_from(HOSTILE))
    elif how == "nest":
        container[key] = hole
    elif isinstance(container, dict):
        value = container.pop(key) if how == "rename" else 1
        container[draw(st.sampled_from([f"{key}_", "a\nb", "", "\ud800", "[/x]", "-1"]))] = value
    else:
        container.append(draw(st.sampled_from(HOSTILE)))
    deep = draw(st.sampled_from([30, 100, 900, 100_000])) if how == "nest" else 0
    return json.dumps(document).encode().replace(json.dumps(hole).encode(), b"[" * deep + b"]" * deep)


def mutation(draw: st.DrawFn, good: bytes, file: str) -> Content:
    if file == MANIFEST:
        return changed(draw, json.loads(good))
    lines = good.splitlines()
    at = draw(st.integers(0, len(lines) - 1))
    lines[at] = changed(draw, json.loads(lines[at]))
    return b"".join(line + b"\n" for line in lines)


def header(draw: st.DrawFn, good: bytes, file: str) -> Content:
    document = json.loads(good.splitlines()[0] if file != MANIFEST else good)
    name = draw(st.sampled_from(["schema", "kind"]))
    document[name] = draw(st.sampled_from([2, 99, 10**4000, 0, -1, 1.0, "1", None, True, "kstress run"]))
    return json.dumps(document).encode() + b"\n"


def nested(draw: st.DrawFn, good: bytes, file: str) -> Content:
    depth = draw(st.sampled_from([50, 950, 5000, 200_000]))
    opening, closing = draw(st.sampled_from([(b"[", b"]"), (b'{"schema":', b"}")]))
    return opening * depth + b"1" + closing * depth + draw(st.sampled_from([b"", b"\n", b"\n" + good]))


def in_its_place(draw: st.DrawFn, good: bytes, file: str) -> Content:
    return draw(st.sampled_from([DIRECTORY, FIFO, LOOP, NOTHING]))


KINDS: tuple[Kind, ...] = (
    random_bytes, truncation, flip, zeros, mutation, mutation, mutation, header, nested, in_its_place,
)  # fmt: skip


@st.composite
def damages(draw: st.DrawFn, good: Mapping[str, bytes], more: Sequence[Kind] = ()) -> Damage:
    """A run directory with these good files, of which one, or two, are no longer as they were; `more` kinds too."""
    contents: Contents = dict(good)
    files = draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=2, unique=True))
    kinds = [draw(st.sampled_from((*KINDS, *more))) for _ in files]
    for file, kind in zip(files, kinds, strict=True):
        contents[file] = kind(draw, good[file], file)
    return Damage(kinds[0].__name__, contents)


def put_down(home: Path, contents: Mapping[str, Content]) -> Path:
    """A run directory with these contents, in the place of the last one."""
    folder = home / "campaign-1"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in contents.items():
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content == DIRECTORY:
            path.mkdir()
        elif content == FIFO:
            os.mkfifo(path)
        elif content == LOOP:
            path.symlink_to(path)
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every name in a directory: its kind and, of a plain file, its bytes."""
    found = {}
    for path in sorted(folder.iterdir()):
        kind = stat.S_IFMT(os.lstat(path).st_mode)
        found[path.name] = kind, path.read_bytes() if kind == stat.S_IFREG else b""
    return found


def edit(path: Path, line: int, change: Any) -> None:
    """Change the JSON object on a line of a file, or a whole file for -1, by a function of it."""
    if line < 0:
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document))
        return
    lines = path.read_text().splitlines()
    document = json.loads(lines[line])
    change(document)
    path.write_text("".join(f"{one}\n" for one in [*lines[:line], json.dumps(document), *lines[line + 1 :]]))
