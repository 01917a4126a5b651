"""Digests of what counts depend on, so that a resumed campaign never adds up what does not belong together."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from stress.corpus.files import BUNDLED
from stress.extras import package_version
from stress.host.disk import read_whole, telling
from stress.safe_text import shown

PACKAGE = Path(__file__).parents[1]
ROOMS = ("machine", "kernel", "judge", "programs")


def digest_of(contents: Iterable[bytes]) -> str:
    """A short digest of some contents, in order."""
    total = hashlib.sha256()
    for content in contents:
        total.update(len(content).to_bytes(8, "little") + content)
    return total.hexdigest()[:16]


def sources_digest() -> str:
    """A digest of all code that CPUs run, and of what judges it."""
    paths = sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
    return digest_of(path.read_bytes() for path in paths)


def corpus_digest(path: Path | None) -> str:
    """A digest of a corpus file, or of the bundled one."""
    with telling(f"--corpus: cannot read {shown(repr(str(path)))}", "name a corpus file"):
        return digest_of([read_whole(path or BUNDLED)])


def made_by() -> str:
    """This program and its version."""
    version = package_version("kstress")
    return f"kstress {version}" if version else "kstress, not installed"
