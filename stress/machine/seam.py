"""The one seam: what code that runs on a CPU may ask of it. Both engines provide exactly this.

Kernel code (`stress/kernel/`, `stress/programs/`, a scenario's own functions) is written once, in the language that
`stress/machine/language/` checks, and marked with `@kernel`. The python engine runs it as it is, the native engine
compiles it. All it can touch is the `Cpu` that is its first argument.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., object])
C = TypeVar("C", bound=Callable[..., int])

SCENARIO_MODULE = "kstress_scenario_"
"""How the modules of scenario files are called, so that they can be distinguished from code that scenarios share."""

KERNEL_FUNCTIONS: set[Callable[..., object]] = set()
HARNESS_CODE: set[Callable[..., object]] = set()
"""The kernel functions that catch what ends an operation, and check others: a `try`, an exception without a cause."""

CONSTANT_FUNCTIONS: set[Callable[..., object]] = set()
"""What gives a number from what is known before kernel code runs."""


class KernelValue:
    """What kernel functions may be given beside words: attributes that are numbers and kernel functions.

    It is known when kernel code is compiled, as functions are, and never changes.
    """

    __slots__ = ()


class Oops(Exception):
    """A CPU cannot go on with its operation; the cause is in the CPU's own words (`machine.words.FAULT_CAUSE`)."""


class BrokenKernelCodeError(Exception):
    """Kernel code raised something that no fault of its CPU explains: an error in that code, not an outcome."""


def kernel(function: F) -> F:
    """Mark `function` as kernel code, which is checked and may be compiled, and return it unchanged."""
    KERNEL_FUNCTIONS.add(function)
    return function


def constant(function: C) -> C:
    """Mark a function, which is no kernel code, that kernel code calls with names, values and functions: for a number.

    The number is taken when kernel code is compiled: the same arguments must always give the same one.
    """
    CONSTANT_FUNCTIONS.add(function)
    return function


def harness(function: F) -> F:
    """Mark `function` as kernel code of the harness itself, which may catch what ends an operation."""
    HARNESS_CODE.add(function)
    return kernel(function)


class Accesses(Protocol):
    """What code under test does to words and bytes, and where it lets others run: each may be scheduled.

    What takes an address, but for `relax`, is checked, may be reported, and takes noise. It raises `Oops` for an
    address that is not mapped or not aligned, and always once the machine is off.
    """

    def load(self, address: int) -> int:
        """The 64-bit word at `address`, 8-byte aligned."""

    def store(self, address: int, value: int) -> None:
        """Store a 64-bit word at `address`, 8-byte aligned; the value wraps."""

    def load8(self, address: int) -> int:
        """The byte at `address`, 0 to 255."""

    def store8(self, address: int, value: int) -> None:
        """Store the low byte of `value` at `address`."""

    def cmpxchg(self, address: int, old: int, new: int) -> int:
        """Store `new` if the word is `old`, in one atomic step that is a full barrier; return what was there."""

    def xchg(self, address: int, value: int) -> int:
        """Store `value` in the word at `address`, in one atomic step that is a full barrier; return what was there."""

    def fetch_add(self, address: int, amount: int) -> int:
        """Add `amount` to a word; it wraps. One atomic step that is a full barrier; return what was there."""

    def load_acquire(self, address: int) -> int:
        """The word at `address`; accesses after this one are seen after it (Linux: smp_load_acquire)."""

    def store_release(self, address: int, value: int) -> None:
        """Store a word; accesses before this one are seen before it (Linux: smp_store_release)."""

    def barrier(self) -> None:
        """Full memory barrier: accesses before it are seen before accesses after it."""

    def rmb(self) -> None:
        """Read barrier: loads before it are seen before loads after it (Linux: smp_rmb)."""

    def wmb(self) -> None:
        """Write barrier: stores before it are seen before stores after it (Linux: smp_wmb)."""

    def relax(self, address: int) -> None:
        """One turn of a spin on the word at `address`; gives up the core when that helps."""

    def yield_core(self) -> None:
        """Let other threads that wait for this core run first."""

    def sleep(self, nanoseconds: int) -> None:
        """Sleep off the core, for about 50 microseconds to a second; what is less or more is taken as that."""


class Bulk(Protocol):
    """What code under test does to many words at once. It is checked word by word, as an access is.

    It is not one step: others may see it half done. Where one CPU runs at a time, each 64 bytes are a step.
    """

    def fill(self, address: int, size: int, byte: int) -> None:
        """Set `size` bytes (a multiple of 8, aligned) to `byte`."""

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy `size` bytes (a multiple of 8, aligned, not overlapping)."""


class HarnessWords(Protocol):
    """What is the harness's own: unchecked, without noise, never scheduled, so that counting disturbs nothing."""

    @property
    def number(self) -> int:
        """This CPU's number, from 0."""

    @property
    def area(self) -> int:
        """Address of this CPU's area, which kernel code may reach (per-CPU variables, buffers)."""

    @property
    def log(self) -> int:
        """Address of this CPU's log, which only the harness reaches (counters, notes). One writer: this CPU."""

    def peek(self, address: int) -> int:
        """The word at `address`."""

    def poke(self, address: int, value: int) -> None:
        """Store a word at `address`."""

    def peek8(self, address: int) -> int:
        """The byte at `address`."""

    def fill_unchecked(self, address: int, size: int, byte: int) -> None:
        """Set `size` bytes (a multiple of 8, aligned) to `byte`; where one CPU runs at a time, in steps as `fill`."""

    def copy_unchecked(self, target: int, source: int, size: int) -> None:
        """Copy `size` bytes (a multiple of 8, aligned, not overlapping)."""

    def memchr_inv(self, address: int, size: int, byte: int) -> int:
        """Address of the first of `size` bytes (a multiple of 8, aligned) that is not `byte`; 0 if all are."""

    def fill_shadow(self, address: int, size: int, byte: int) -> None:
        """Set the shadow of `size` bytes (a multiple of 8) from `address` to `byte`."""

    def clock(self) -> int:
        """Monotonic time in nanoseconds, the same clock on every CPU and in `time.monotonic_ns`."""

    def hand_over(self, this: int, other: int) -> None:
        """Where one CPU runs at a time: let the CPU `other` go on; returns when it is the turn of `this` again.

        -1 is the main program, which conducts them.
        """

    def unexplained(self) -> None:
        """Called while an exception is handled that no fault explains; raises if the engine knows which it is."""

    def remember_stack(self, word: int) -> None:
        """Keep the functions that this CPU is in, for the word at the address `word`, which is this CPU's own."""

    def copy_stack(self, target: int, source: int) -> None:
        """Keep the stack of the word `source` for the word `target` too; the word itself is copied before."""


class Cpu(Accesses, Bulk, HarnessWords, Protocol):
    """A CPU as kernel code sees it. Addresses are bytes into RAM; values are signed 64-bit integers."""


Operation = Callable[[Cpu], int]
