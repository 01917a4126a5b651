"""Fills and copies under control: each piece is a step, so that other CPUs meet memory that is half done."""

from stress.machine.control.words import PIECE_BYTES
from stress.machine.seam import Cpu, kernel
from stress.machine.words import BOUND, LOW


@kernel
def begins_piece(cpu: Cpu, target: int, offset: int) -> bool:
    """Whether a step begins at an offset. What the harness copies, behind the bound, is not scheduled."""
    return offset % PIECE_BYTES == 0 and target >= LOW and target - LOW < cpu.peek(BOUND)
