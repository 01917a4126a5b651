"""The folder of compiled programs. Code that is loaded from it runs, so it must be code that this user has put there.

A folder is used only if it and all in it belong to the user, and no other user can write them. Code is loaded only if
its digests are those that were written beside it. A program's folder appears whole, in one step.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stress.host.disk import OTHERS_WRITE, not_own, read_whole, reason, write_whole
from stress.safe_text import shown

SUMS = "sums.json"
KINDS = (".nbi", ".nbc")
"""The suffixes of the files that numba loads: indices and data, both pickles."""
DRAFT = ".draft-"
OLD_SECONDS = 86400.0


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


def _loadable(folder: Path) -> Iterator[Path]:
    """The files in a folder that numba may load."""
    return (path for path in sorted(folder.rglob("*")) if path.suffix in KINDS)


def sums_of(folder: Path) -> dict[str, str]:
    """The SHA-256 digest of each file in a folder that numba may load, by its relative path."""
    return {str(path.relative_to(folder)): hashlib.sha256(read_whole(path)).hexdigest() for path in _loadable(folder)}


def fault_of_kept(folder: Path) -> str | None:
    """Why a program's folder must not be loaded; None if it is safe and has the content that was kept."""
    try:
        for path in (folder, *folder.rglob("*")):
            if fault := fault_of(path):
                return fault
        known = json.loads(read_whole(folder / SUMS))
        return None if known == sums_of(folder) else "its content is damaged"
    except OSError as error:
        return reason(error)
    except (ValueError, RecursionError):
        return "its list of digests is damaged"


def seal(folder: Path) -> None:
    """Write the digests of a folder's files beside them, and take write permission from other users."""
    write_whole(folder / SUMS, [json.dumps(sums_of(folder)).encode()])
    for path in (folder, *folder.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS_WRITE)


@contextmanager
def draft_in(root: Path) -> Iterator[Path]:
    """A new folder to compile into; what is left of it at the end is removed."""
    _remove_old_drafts(root)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_old_drafts(root: Path) -> None:
    """Remove the drafts of processes that were killed while they compiled."""
    for draft in root.glob(f"{DRAFT}*"):
        with suppress(OSError):
            if draft.lstat().st_mtime < time.time() - OLD_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def keep(draft: Path, folder: Path) -> None:
    """Seal a draft and rename it to `folder` in one step; if another process was faster, its folder stays."""
    seal(draft)
    with suppress(OSError):
        draft.rename(folder)


def throw_away(folder: Path) -> None:
    """Remove a program's folder; it is renamed first, so that other processes see it whole or not at all."""
    with suppress(OSError):
        folder.rename(folder.with_name(f"{DRAFT}{folder.name}-{os.getpid()}"))
    shutil.rmtree(folder.with_name(f"{DRAFT}{folder.name}-{os.getpid()}"), ignore_errors=True)
