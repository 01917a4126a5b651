"""Digests of what counts depend on, so that a resumed campaign never adds up what does not belong together."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from stress.corpus.files import BUNDLED
from stress.errors import UserError
from stress.scenario_files import find_scenario, scenario_file, twin_of

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


def scenario_digest(origin: str) -> str:
    """A digest of a scenario's file and of its twin's."""
    twin = twin_of(find_scenario(origin))
    origins = [origin] if twin is None else [origin, twin.origin]
    return digest_of(scenario_file(one).read_bytes() for one in origins)


def corpus_digest(path: Path | None) -> str:
    """A digest of a corpus file, or of the bundled one."""
    try:
        return digest_of(
            [path.read_bytes() if path else files("stress.corpus").joinpath("bundled", BUNDLED).read_bytes()]
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path from a run directory
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"--corpus: cannot read {str(path)!r}: {reason}; name a corpus file") from None


def made_by() -> str:
    """This program and its version."""
    try:
        return f"kstress {version('kstress')}"
    except PackageNotFoundError:
        return "kstress, not installed"
