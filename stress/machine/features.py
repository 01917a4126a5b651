"""What a machine's CPUs can do at a memory access, fixed before they are built. A feature that is off costs nothing."""

from collections.abc import Callable

import attrs

from stress.machine.seam import Cpu, Operation, kernel


@kernel
def no_interrupt(cpu: Cpu) -> None:
    """The interrupt handler of a CPU that takes none."""


@kernel
def no_nmi(cpu: Cpu) -> int:
    """The NMI handler of a CPU that takes none: nothing to judge."""
    return 0


def _named(function: Callable[..., object]) -> str:
    """A function's whole name, the same in every process: types and caches are told apart by it."""
    return f"{function.__module__}.{function.__qualname__}"


@attrs.frozen
class Features:
    """What is built into a CPU's accesses.

    kasan: look at the shadow of memory. unmapped: fault where the shadow says that memory was unmapped.
    events: at random accesses, take what `stress.machine.events` draws: noise, a gap, an interrupt or an NMI.
    interrupt: the kernel's interrupt handler. nmi: the NMI handler, an operation of its own.
    """

    kasan: bool = True
    unmapped: bool = False
    events: bool = False
    interrupt: Callable[[Cpu], None] = attrs.field(default=no_interrupt, repr=_named)
    nmi: Operation = attrs.field(default=no_nmi, repr=_named)

    def masked(self) -> "Features":
        """The same without events: what handlers run on, since they are not interrupted themselves."""
        return Features(kasan=self.kasan, unmapped=self.unmapped)
