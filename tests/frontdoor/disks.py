"""Small disks, to be filled by the tests of full ones: `small_disk` of `conftest.py` mounts one."""

import contextlib
from pathlib import Path

MOUNT_BYTES = 64 << 10
PIECE = 4096


def fill(place: Path) -> None:
    """Write until there is no room left."""
    with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PIECE)):
            assert file.tell() <= MOUNT_BYTES
