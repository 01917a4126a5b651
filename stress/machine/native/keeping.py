"""Where compiled programs are kept. What is loaded from there runs, so it must be what this user has put there.

A folder is used only if it belongs to the user and nobody else can write it, and so must all in it. What is in it is
loaded only if it has the digests that were written down beside it. A program's folder appears whole, in one step.
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
"""How files end that numba loads: indices and data, both pickles."""
DRAFT = ".draft-"
OLD_SECONDS = 86400.0


def places() -> Iterator[tuple[str, Path]]:
    """Where compiled programs may be kept, the best place first, and what names it."""
    if chosen := os.environ.get("KSTRESS_CACHE_DIR"):
        yield "KSTRESS_CACHE_DIR", Path(chosen).absolute()
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        yield "XDG_CACHE_HOME", Path(chosen).absolute() / "kstress"
    with suppress(RuntimeError):  # a user without a home
        yield "HOME", Path.home() / ".cache" / "kstress"
    yield "the temporary folder", Path(tempfile.gettempdir()) / f"kstress-{os.geteuid()}-compiled"


def fault_of(path: Path) -> str | None:
    """Why a file or folder may not be used: it is not the user's alone. None if it may."""
    facts = os.lstat(path)
    return "it is a link" if stat.S_ISLNK(facts.st_mode) else not_own(facts)


def _fault_of_place(root: Path) -> str | None:
    """Why nothing can be kept in a folder, which is made if need be; None if it can."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        return fault_of(root) or (None if os.access(root, os.W_OK | os.X_OK) else "it cannot be written")
    except (OSError, ValueError) as error:
        return reason(error)


def find_root() -> tuple[Path | None, list[str]]:
    """The folder for compiled programs, None if there is none, and a line for each better place."""
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
    """The digest of each file in a folder that may be loaded."""
    return {str(path.relative_to(folder)): hashlib.sha256(read_whole(path)).hexdigest() for path in _loadable(folder)}


def fault_of_kept(folder: Path) -> str | None:
    """Why nothing may be loaded from a program's folder; None if all is as it was when it was kept."""
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
    """Write down the digests of what is in a folder, which nobody else may write from now on."""
    write_whole(folder / SUMS, [json.dumps(sums_of(folder)).encode()])
    for path in (folder, *folder.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS_WRITE)


@contextmanager
def draft_in(root: Path) -> Iterator[Path]:
    """A folder of this process's own to compile into; what is left of it in the end goes."""
    _remove_old_drafts(root)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_old_drafts(root: Path) -> None:
    """Remove what processes have left that were killed while they compiled."""
    for draft in root.glob(f"{DRAFT}*"):
        with suppress(OSError):
            if draft.lstat().st_mtime < time.time() - OLD_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def keep(draft: Path, folder: Path) -> None:
    """Give a sealed draft its name, in one step; if another process was faster, what it has kept stays."""
    seal(draft)
    with suppress(OSError):
        draft.rename(folder)


def throw_away(folder: Path) -> None:
    """Remove a program's folder, in one step for those who look into it meanwhile."""
    with suppress(OSError):
        folder.rename(folder.with_name(f"{DRAFT}{folder.name}-{os.getpid()}"))
    shutil.rmtree(folder.with_name(f"{DRAFT}{folder.name}-{os.getpid()}"), ignore_errors=True)
