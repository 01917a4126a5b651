"""Small disks, to be filled by the tests of full ones: `small_disk` of `conftest.py` mounts one. Files that go away."""

import contextlib
from pathlib import Path

MOUNT_BYTES = 64 << 10
PIECE = 4096


def fill(place: Path) -> None:
    """Write until there is no room left."""
    with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PIECE)):
            assert file.tell() <= MOUNT_BYTES


def moved_away(what: str, folder: Path) -> str:
    """How the last line ends when a run directory was moved."""
    done = f"the {what} was stopped, its results so far are above"
    resume = f"kstress {what} --resume {folder}"
    return f"; {done}; if it was moved, move it back, then {resume}; if it was removed, begin a new {what}"
