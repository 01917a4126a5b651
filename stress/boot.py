"""`stress.runs.boot`, by the name that scripts of 0.1.0 import it by."""

from stress.runs.boot import World, boot_ram, build_world

__all__ = ["World", "boot_ram", "build_world"]
