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
    """A function's whole name, the same in every process: it distinguishes types and caches."""
    return f"{function.__module__}.{function.__qualname__}"


def _named_if_given(function: Callable[..., object] | None) -> str:
    return _named(function) if function else ""


@attrs.frozen
class Features:
    """What is built into a CPU's accesses.

    kasan: look at the shadow of memory. unmapped: fault where the shadow says that memory was unmapped.
    delays: at random accesses, give up the core or lose it for a while. handled: there also take interrupts and NMIs.
    interrupt: the protocol's interrupt handler. nmi: the NMI handler, an operation of its own. choose: one CPU runs at
    a time, and this says which is next (`machine.control`). traced: then every access is noted.
    """

    kasan: bool = True
    unmapped: bool = False
    delays: bool = False
    handled: bool = False
    interrupt: Callable[[Cpu], None] = attrs.field(default=no_interrupt, repr=_named)
    nmi: Operation = attrs.field(default=no_nmi, repr=_named)
    choose: Callable[[Cpu, int], int] | None = attrs.field(default=None, repr=_named_if_given)
    traced: bool = False

    def inside(self) -> "Features":
        """What handlers run on: they are delayed, but not interrupted themselves, or one could nest without end."""
        plain = self.undisturbed()
        return plain if self.choose else attrs.evolve(plain, delays=True)

    def undisturbed(self) -> "Features":
        """What draws events: it takes none itself."""
        return Features(self.kasan, self.unmapped, choose=self.choose, traced=self.traced)
