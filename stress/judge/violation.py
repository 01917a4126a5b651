"""A violation as evidence: records whose fields are the keys of its JSON, in their order (results/README.md).

`stress.judge.harvest` reads them from RAM, `stress.judge.explain` adds what the corpus knows, `stress.runs.codec`
writes JSON and reads it back, `stress.runs.violation_text` writes the report for people.
"""

from typing import Annotated

import attrs

from stress.judge.addresses import outside_name, poison_name, value_name
from stress.machine.blocks import SHADOW_FREED, SHADOW_UNMAPPED
from stress.machine.ram import Address
from stress.machine.stacks import Frame
from stress.safe_text import printable

AT_BOOT = "boot"
AT_POWER_OFF = "power-off"
LIVE, FREED = "live", "freed"
BUGS = {
    "endless": "endless-walk",
    "missed": "missed-module",
    "poisoned": "poisoned-name",
    "torn": "torn-name",
    "alien": "alien-name",
    "garbled": "garbled-name",
}

Shadow = Annotated[int, "a byte of the shadow; in JSON two hex digits"]
Hex = Annotated[bytes, "bytes; in JSON hex"]
Name = Annotated[bytes, "a name; in JSON text, in which bytes that cannot be printed are escaped"]
Stack = tuple[Frame, ...]
"""Innermost first; empty on the native engine."""


@attrs.frozen
class Access:
    """One access: `size` in bytes. `shadow` is what the shadow said of a hit.

    Size 0 is no access: kernel code refused the argument of a call, that of kfree and its like unless `write` is set.
    If `unended`, the operation ended in a read section: `address` is that of the word that says so. If `unbegun`, it
    ended one that it was not in. If `retired_again`, it retired a block that somebody had retired before, and that may
    have been freed since.
    """

    address: Address
    size: int
    write: bool
    shadow: Shadow | None
    stack: Stack
    unended: bool = False
    retired_again: bool = False
    unbegun: bool = False

    @property
    def called(self) -> str | None:
        """The name of the address, if it is poison."""
        return poison_name(self.address)

    @property
    def is_misaligned(self) -> bool:
        """Whether the address is no multiple of the size, and no poison, whose address says nothing of the code."""
        return self.size > 0 and self.address % self.size != 0 and self.called is None


@attrs.frozen
class KernelWarning:
    """What the kernel warned of: an address that nothing need have accessed."""

    address: Address
    stack: Stack

    @property
    def called(self) -> str | None:
        """The name of the address, if it is poison or a word of the kernel."""
        return outside_name(self.address)


@attrs.frozen
class Subject:
    """What the reader was to look up, and the name that is right; `module` is filled in from the corpus."""

    address: Address
    name: Name
    module: str | None = None


@attrs.frozen
class ByteRun:
    """A run of bytes with one source.

    `kind` is `whole`, `beginning` or `end` of the name `name`, which the modules `owners` have; or `poison` (freed
    memory), `fresh` (what memory holds when it is allocated) or `unknown`, which have no name.
    """

    data: Hex
    kind: str
    name: Name | None = None
    owners: tuple[str, ...] = ()


@attrs.frozen
class Copied:
    """The string that came back, the one that is `expected`, and where the bytes of the former come from."""

    data: Hex
    expected: Name
    runs: tuple[ByteRun, ...] = ()

    @property
    def text(self) -> str:
        """The string, printable."""
        return printable(self.data)


@attrs.frozen
class Node:
    """One node of a walk: the module whose block it lies in, `live` or `freed`; both None where there is no block."""

    address: Address
    module: str | None
    state: str | None

    @property
    def called(self) -> str | None:
        """The name of an address where there is no block."""
        return outside_name(self.address) if self.state is None else None


@attrs.frozen
class Deed:
    """Who allocated, retired or freed a block: CPU, program, operation, stop, how long before, where.

    The program is `boot` before the start. `module` is what the block was for, None before its owner has said so.
    """

    cpu: int
    program: str
    operation: int
    stop: int
    age_s: float
    module: str | None
    stack: Stack


@attrs.frozen
class Block:
    """The block that was looked at: `size` in bytes, of which `requested` were asked for.

    `live` is whether it was allocated when the report was made; then `allocated` is newer than `freed`. `at_rest` is
    False when another CPU was just changing it, so that the record may be half old, half new. `retired` is who gave it
    to a protocol that frees later: of the life that `freed` ended, or of the present one if that has been retired too.
    """

    address: Address
    size: int
    requested: int
    live: bool
    at_rest: bool
    allocated: Deed
    freed: Deed | None
    retired: Deed | None = None

    @property
    def is_reused(self) -> bool:
        """Whether the block was allocated after it was last freed."""
        return self.live and self.freed is not None

    @property
    def is_retired(self) -> bool:
        """Whether the block is retired, and not freed yet."""
        return self.live and self.retired is not None and self.retired.age_s <= self.allocated.age_s


@attrs.frozen
class Row:
    """16 bytes of memory and the two bytes of shadow that they have."""

    address: Address
    data: Hex
    shadow: Hex


@attrs.frozen
class Overwritten:
    """A write into a freed block that nobody saw: from `address` on `found` stands where `expected`, the poison, was.

    It covers no more than the rows of the report do. `stack` is of who found it, not of who wrote.
    """

    address: Address
    found: Hex
    expected: Hex
    stack: Stack


@attrs.frozen
class Noted:
    """A value that the operation noted under a name."""

    name: str
    value: int

    @property
    def called(self) -> str | None:
        """The name of the value, if it is poison."""
        return value_name(self.value)


@attrs.frozen
class Violation:
    """All that is known of one operation with a forbidden outcome.

    `seconds` counts from the start of the scenario's own time. `hit` is its first access to memory that was not
    allocated, `fault` what ended it, `warning` what the kernel warned of, `asked` what it was to look up. `copied` is
    the string that it gave, None if it gave none; `answer` is the number that it gave. `walk` has the last nodes of
    `steps`, `noted` the last values that the operation noted. `focus` is the address that block and memory are
    about. Where `overwritten` is there, the operation wrote nothing wrong: it allocated the block, or the machine was
    off (program AT_POWER_OFF). In a `structure` of a scenario's own, `field` is the field that `focus` lies in, and
    blocks are for objects by their names, not for modules.
    """

    outcome: str
    cpu: int
    program: str
    operation: int
    in_handler: bool
    stop: int
    seconds: float
    hit: Access | None
    fault: Access | None
    warning: KernelWarning | None
    asked: Subject | None
    copied: Copied | None
    answer: Address | None
    steps: int
    walk: tuple[Node, ...]
    focus: Address | None
    block: Block | None
    memory: tuple[Row, ...]
    overwritten: Overwritten | None = None
    noted: tuple[Noted, ...] = ()
    field: str | None = None
    structure: str | None = None

    @property
    def access(self) -> Access | None:
        """The access to blame: the first to memory that was not allocated, else the one that faulted."""
        return self.hit or self.fault

    @property
    def stack(self) -> Stack:
        """Where the program was at the access to blame or, without one, at the warning or the find."""
        blamed = self.access or self.warning or self.overwritten
        return blamed.stack if blamed else ()

    @property
    def hit_freed(self) -> bool:
        """Whether the first bad access was to memory that was free just then."""
        return self.hit is not None and self.hit.shadow in (SHADOW_FREED, SHADOW_UNMAPPED)

    @property
    def bug(self) -> str:
        """The kind of bug, by KASAN's word where it has one."""
        if self.overwritten is not None:
            return "poison-overwritten"
        if self.hit is not None:
            return "use-after-free" if self.hit_freed else "slab-out-of-bounds"
        if self.fault is not None:
            return self.bug_of_fault(self.fault)
        return self.outcome if self.structure else BUGS.get(self.outcome, self.outcome)

    def bug_of_fault(self, fault: Access) -> str:
        """The kind of bug that a fault shows by itself."""
        if fault.unended:
            return "unended-section"
        if fault.unbegun:
            return "unbegun-section"
        if not fault.size:
            refused = "double-retire" if fault.retired_again else "bad-argument"
            return refused if fault.write else "invalid-free"
        freed = self.block is not None and self.focus == fault.address and not self.block.live
        return "use-after-free" if freed else "wild-memory-access"
