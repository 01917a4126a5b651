"""The machine: shared RAM, CPUs played by OS threads, the two engines, the watchdog. Knows no module or symbol.

What declares words is loaded first, always in this order, and so it is in `kernel` and `programs`: so a word
has the same address in every process, and compiled code, in which addresses are constants, can be shared.
"""

from stress.machine import blocks, evidence, slab

__all__ = ["blocks", "evidence", "slab"]
