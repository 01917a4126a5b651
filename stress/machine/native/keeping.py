"""The folder of compiled programs. Code that is loaded from it runs, so it must be code that this user has put there.

The folder, and each file in it, is used only if it belongs to the user and no other user can write it. A unit is one
file: a digest, and the code. It is loaded only if the two fit. It appears whole, in one step.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stress.host.disk import not_own, read_whole, reason, write_whole
from stress.safe_text import shown

SUFFIX = ".code"
DIGEST_BYTES = hashlib.sha256().digest_size
LARGEST_CODE = 64 << 20


def places() -> Iterator[tuple[str, Path]]:
    """The possible places of compiled programs, the best one first, each with the setting that names it."""
    if chosen := os.environ.get("KSTRESS_CACHE_DIR"):
        yield "KSTRESS_CACHE_DIR", Path(chosen).absolute()
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        yield "XDG_CACHE_HOME", Path(chosen).absolute() / "kstress"
    with suppress(RuntimeError):  # a user without a home
        yield "HOME", Path.home() / ".cache" / "kstress"
    yield "the temporary folder", Path(tempfile.gettempdir()) / f"kstress-{os.geteuid()}-compiled"


def fault_of(path: Path) -> str | None:
    """Why a file or folder is not safe: it is a link, or another user may change it. None if it is safe."""
    facts = os.lstat(path)
    return "it is a link" if stat.S_ISLNK(facts.st_mode) else not_own(facts)


def _fault_of_place(root: Path) -> str | None:
    """Why a folder, which is created if need be, cannot keep compiled code; None if it can."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        return fault_of(root) or (None if os.access(root, os.W_OK | os.X_OK) else "it cannot be written")
    except (OSError, ValueError) as error:
        return reason(error)


def find_root() -> tuple[Path | None, list[str]]:
    """The folder for compiled programs (None: no place is safe), and a line for each better place that was refused."""
    passed: list[str] = []
    for origin, root in places():
        fault = _fault_of_place(root)
        if fault is None:
            return root, passed
        passed.append(f"{origin}: compiled code is not kept in {shown(root)}: {fault}; name a folder of your own")
    return None, [*passed, "compiled code is not kept, so every process compiles it again"]


def _with_digest(path: Path, code: bytes) -> bytes:
    """A file's content: the digest of its name and its code, so that no code is loaded under another name; the code."""
    return hashlib.sha256(os.fsencode(path.name) + b"\0" + code).digest() + code


def kept(path: Path) -> tuple[bytes | None, str]:
    """The code in a unit's file; None, and why it must not be loaded, where it is not what was kept."""
    try:
        if fault := fault_of(path):
            return None, fault
        content = read_whole(path, LARGEST_CODE)
    except OSError as error:
        return None, reason(error)
    code = content[DIGEST_BYTES:]
    return (code, "") if content == _with_digest(path, code) else (None, "its content is damaged")


def keep(path: Path, code: bytes) -> None:
    """Write a unit's file in one step, for nobody else to write. What a crash of the host cuts has a wrong digest."""
    write_whole(path, [_with_digest(path, code)], mode=0o600, durable=False)


def throw_away(path: Path) -> str | None:
    """Remove a unit's file, or an empty folder in its place; why that is not possible, or None."""
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            path.rmdir()  # what lies in a folder is not kstress's to remove
        else:
            path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        return reason(error)
    return None
