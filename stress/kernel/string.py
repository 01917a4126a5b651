"""strncpy and strcmp (lib/string.c, 2.6.11), byte by byte: a copy that takes many steps can tear.

Neither bounds the source: a string without a NUL ends where RAM ends, with a fault.
"""

from stress.machine.seam import Cpu, kernel


@kernel
def strncpy(cpu: Cpu, target: int, source: int, count: int) -> None:
    """Write exactly `count` bytes to `target`: `source` up to its NUL, then zeros. No NUL is added to a long name."""
    copied = 0
    while copied < count:
        byte = cpu.load8(source + copied)
        cpu.store8(target + copied, byte)
        copied += 1
        if byte == 0:
            break
    while copied < count:
        cpu.store8(target + copied, 0)
        copied += 1


@kernel
def strcmp(cpu: Cpu, left: int, right: int) -> int:
    """0 when both strings are equal, else the difference of the first bytes that differ."""
    at = 0
    while True:
        byte = cpu.load8(left + at)
        difference = byte - cpu.load8(right + at)
        if difference != 0 or byte == 0:
            return difference
        at += 1
