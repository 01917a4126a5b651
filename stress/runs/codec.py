"""Violations and stalls as the JSON of a run has them, and back: the one converter (results/README.md has the keys).

A record is an object with its fields as keys. Some keys only say what follows from the fields (`WORKED_OUT`): they are
written for readers of the JSON, and ignored when it is read back.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter, eq
from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from stress.judge.addresses import hexed
from stress.judge.sources import KINDS
from stress.judge.violation import (
    Access,
    Block,
    ByteRun,
    Copied,
    Hex,
    KernelWarning,
    Name,
    Node,
    Noted,
    Overwritten,
    Row,
    Shadow,
    Violation,
)
from stress.machine.ram import Address
from stress.machine.stacks import Frame
from stress.machine.waits import ACTIVITIES, SPINS, Stall
from stress.safe_text import printable
from stress.strict_json import be_strict, text_of

LARGEST_ACCESS = 16
NEWER: Mapping[type, tuple[str, ...]] = {
    Violation: ("noted", "field", "structure"),
    Block: ("retired",),
    Access: ("unended", "retired_again", "unbegun"),
}
"""Fields that JSON has only where there is something to tell: earlier versions had none."""
_KEYS = {ByteRun: {"data": "bytes"}, Copied: {"data": "bytes"}, Row: {"data": "bytes"}, Stall: {"links": "cpus"}}
"""Fields whose key in JSON is another one."""

WORKED_OUT: Mapping[type, tuple[int, Mapping[str, Callable[[Any], Any]]]] = {
    Violation: (0, {"bug": attrgetter("bug")}),
    Access: (1, {"called": attrgetter("called")}),
    KernelWarning: (1, {"called": attrgetter("called")}),
    Node: (1, {"called": attrgetter("called")}),
    Noted: (2, {"called": attrgetter("called")}),
    Copied: (1, {"text": attrgetter("text")}),
    Stall: (0, {"seconds": attrgetter("seconds"), "cycle": lambda stall: bool(stall.cycle)}),
}
"""The keys that a record has besides its fields, and after how many of these they stand."""


def _checked_access(access: Access) -> Access:
    """An access; each of its bytes is marked in the report, so that there must not be too many."""
    if not 0 <= access.size <= LARGEST_ACCESS:
        raise ValueError(f"{access.size} bytes are not an access")
    return access


def _checked_copy(copied: Copied) -> Copied:
    """A copy and its runs; one that reads like the right name is the right name, bytes that are escaped included."""
    if copied.text == printable(copied.expected):
        return attrs.evolve(copied, expected=copied.data)
    if b"".join(run.data for run in copied.runs) != copied.data:
        raise ValueError("the runs do not add up to the bytes that were copied")
    return copied


def _checked_run(run: ByteRun) -> ByteRun:
    """A run of bytes; the text says of each kind where they come from."""
    if run.kind not in KINDS:
        raise ValueError(f"{run.kind!r:.60} is not a kind of run")
    return run


def _checked_write(written: Overwritten) -> Overwritten:
    """As many bytes as were expected, at least one."""
    if not 0 < len(written.found) == len(written.expected):
        raise ValueError(f"{len(written.found)} bytes in place of {len(written.expected)} are not a write")
    return written


def _checked_stall(stall: Stall) -> Stall:
    """A chain of at least one CPU, whose last one waits for nobody or for one that comes before."""
    chain = [link.cpu for link in stall.links]
    if not chain or stall.links[-1].waits_for not in (None, *chain):
        raise ValueError("the CPUs of the stall are not a chain")
    if strange := {link.activity for link in stall.links} - {SPINS, *ACTIVITIES}:
        raise ValueError(f"{min(strange)!r:.60} is not an activity")
    return stall


_CHECKS: Mapping[Any, Callable[[Any], Any]] = {
    Access: _checked_access,
    ByteRun: _checked_run,
    Copied: _checked_copy,
    Overwritten: _checked_write,
    Stall: _checked_stall,
}


_RECORDS = (ByteRun, Row, Overwritten, Access, KernelWarning, Node, Noted, Copied, Block, Stall, Violation)


def _writer(made: Converter, kind: Any) -> Callable[[Any], dict[str, Any]]:
    """How a record of this kind is written, with the keys that are worked out."""
    place, more = WORKED_OUT.get(kind, (0, {}))
    write = make_dict_unstructure_fn(kind, made, **_overrides(kind))

    def with_more(record: Any) -> dict[str, Any]:
        items = list(write(record).items())
        items[place:place] = [(key, value_of(record)) for key, value_of in more.items()]
        return dict(items)

    return with_more


def _overrides(kind: Any) -> dict[str, Any]:
    """Fields with other keys, and those that may be missing, as cattrs takes them."""
    newer = {field: override(omit_if_default=True) for field in NEWER.get(kind, ())}
    return {**newer, **{field: override(rename=key) for field, key in _KEYS.get(kind, {}).items()}}


def _reader(made: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    """How a record of this kind is read and checked."""
    read, check = make_dict_structure_fn(kind, made, **_overrides(kind)), _CHECKS.get(kind, lambda record: record)
    return lambda value, _: check(read(value, kind))


def _hex_number(text: str) -> int:
    """A number that JSON has in hex."""
    return int(text, 16)


_VALUES: Mapping[Any, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    Address: (hexed, _hex_number),
    Shadow: ("{:02x}".format, _hex_number),
    Hex: (bytes.hex, bytes.fromhex),
    Name: (printable, str.encode),
    Frame: (str, Frame.parse),
}
"""What is text in JSON: how it is written and how it is read."""


def _register_values(made: Converter) -> None:
    """Let a converter write and read `_VALUES`."""
    for kind, (write, read) in _VALUES.items():
        made.register_unstructure_hook_func(partial(eq, kind), write)
        made.register_structure_hook_func(partial(eq, kind), partial(_read_text, read))


def _read_text(read: Callable[[str], Any], value: Any, _: Any) -> Any:
    """What `read` makes of a value that must be text."""
    return read(text_of(value))


def _codec() -> Converter:
    """The converter with all hooks; those of a record are made when one is first seen, which most runs never do."""
    made = Converter(unstruct_collection_overrides={tuple: list})
    be_strict(made)
    _register_values(made)
    made.register_unstructure_hook_factory(_RECORDS.__contains__, partial(_writer, made))
    made.register_structure_hook_factory(_RECORDS.__contains__, partial(_reader, made))
    return made


CODEC = _codec()


def violation_json(violation: Violation, again: str) -> dict[str, Any]:
    """One object of a run's `reports`; `again` is the command that runs it again."""
    return {**CODEC.unstructure(violation), "again": again}


def stall_json(stall: Stall) -> dict[str, Any]:
    """The object `stall` of a run's JSON."""
    written: dict[str, Any] = CODEC.unstructure(stall)
    return written
