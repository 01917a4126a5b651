"""A violation or a stall told again from the JSON of a run: for reports on runs that ended long ago, or elsewhere.

The JSON may be damaged or foreign: whatever cannot be told raises, in one line, before anything is shown.
"""

import re
from collections.abc import Callable, Mapping
from operator import index
from typing import Any, TypeVar

from stress.errors import UserError
from stress.judge.outcomes import FINDINGS, MORE_OUTCOMES, OUTCOMES
from stress.judge.sources import Run
from stress.judge.violation import Access, Block, Deed, Node, Overwritten, Row, Stack, Subject, Violation
from stress.machine.stacks import Frame
from stress.machine.waits import ACTIVITIES
from stress.report.told import Told, tell_violation
from stress.safe_text import shown

KNOWN = {**OUTCOMES, **MORE_OUTCOMES, **FINDINGS}
WRONG = (AttributeError, KeyError, TypeError, ValueError, OverflowError)
LARGEST_ACCESS = 16
_FRAME = re.compile(r"(.*) \((.*):([0-9]{1,9})\)", re.DOTALL)

T = TypeVar("T")
Json = Mapping[str, Any]


def retell_violation(report: dict[str, Any], where: str) -> Told:
    """What one of a run's `reports` says, as it was told then.

    Raises:
        UserError: for what is no report; `where` says where it came from.
    """
    try:
        return tell_violation(violation_of(report), KNOWN, _text(report["again"]))
    except WRONG as error:
        raise UserError(f"{where} has a report that cannot be told: {shown(repr(error))}; it is damaged") from None


def retell_stall(stall: dict[str, Any], where: str) -> Told:
    """What a run's `stall` says.

    Raises:
        UserError: for what is no stall.
    """
    try:
        lines = [line for cpu in stall["cpus"] for line in _link(cpu)]
        others = ", ".join(f"CPU {index(number)}" for number in stall["others"])
        headline = "stall: a cycle of waits" if stall["cycle"] else "stall: no cycle"
        return Told((headline, *lines, *([f"  also spinning: {others}"] if others else [])), stall)
    except WRONG as error:
        raise UserError(f"{where} has a stall that cannot be told: {shown(repr(error))}; it is damaged") from None


def _link(cpu: Json) -> list[str]:
    """One CPU of a stall's chain, and its stack."""
    who = f"  CPU {index(cpu['cpu'])} ({_text(cpu['program'])}, operation {index(cpu['operation'])})"
    if cpu["spins_on"] is None:
        did = ACTIVITIES[cpu["activity"]]
    else:
        holder = None if cpu["held_by"] is None else f", held by CPU {index(cpu['held_by'])}"
        guarded = cpu["lock"] not in (None, cpu["spins_on"])
        lock = f", stored only by the holder of {_text(cpu['lock'])}" if guarded else ""
        did = f"has spun for {float(cpu['seconds']):.1f} s on {_text(cpu['spins_on'])}{lock}{holder or ''}"
    return [f"{who} {did}", *(f"    {_text(entry)}" for entry in cpu["stack"])]


def violation_of(report: Json) -> Violation:
    """The violation that a report was made of; names come back as they were printed."""
    copied, expected, runs = _copied(report["copied"])
    return Violation(
        outcome=_text(report["outcome"]),
        cpu=index(report["cpu"]),
        program=_text(report["program"]),
        operation=index(report["operation"]),
        in_handler=bool(report["in_handler"]),
        stop=index(report["stop"]),
        seconds=float(report["seconds"]),
        hit=_maybe(report["hit"], _access),
        fault=_maybe(report["fault"], _access),
        warning=_maybe(report["warning"], _warning),
        subject=_maybe(report["asked"], _subject),
        expected=expected,
        copied=copied,
        answer=_maybe(report["answer"], _address),
        steps=index(report["steps"]),
        walk=tuple(_node(node) for node in report["walk"]),
        focus=_maybe(report["focus"], _address) or 0,
        block=_maybe(report["block"], _block),
        rows=tuple(_row(row) for row in report["memory"]),
        runs=runs,
        overwritten=_maybe(report.get("overwritten"), _overwritten),
    )


def _maybe(value: Any, kind: Callable[[Any], T]) -> T | None:
    """None, or what `kind` makes of a value."""
    return None if value is None else kind(value)


def _text(value: Any) -> str:
    """A text, without a lone surrogate, which nobody could print."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    value.encode()
    return value


def _address(value: Any) -> int:
    """An address, which JSON has in hex."""
    return int(_text(value), 16)


def _stack(entries: Any) -> Stack:
    """A stack, innermost first."""
    return tuple(_frame(_text(entry)) for entry in entries)


def _frame(entry: str) -> Frame:
    """One function of a stack."""
    match = _FRAME.fullmatch(entry)
    if match is None:
        raise ValueError(f"{entry!r:.60} is no entry of a stack")
    return Frame(match[1], match[2], int(match[3]))


def _access(access: Json) -> Access:
    """An access; each of its bytes is marked, so that there must not be too many."""
    size, shadow = index(access["size"]), _maybe(access["shadow"], _address)
    if not 0 <= size <= LARGEST_ACCESS:
        raise ValueError(f"{size} bytes are no access")
    return Access(_address(access["address"]), size, bool(access["write"]), shadow, _stack(access["stack"]))


def _warning(warning: Json) -> Access:
    """What the kernel warned of."""
    return Access(_address(warning["address"]), 0, False, None, _stack(warning["stack"]))


def _subject(asked: Json) -> Subject:
    """What was looked up."""
    return Subject(_address(asked["address"]), _text(asked["name"]).encode(), _maybe(asked["module"], _text))


def _copied(copied: Json | None) -> tuple[bytes | None, bytes | None, tuple[Run, ...]]:
    """The name that was copied, the right one, and where the bytes of the former come from."""
    if copied is None:
        return None, None, ()
    right = copied["text"] == copied["expected"]
    data = bytes.fromhex(copied["bytes"])
    expected = data if right else _text(copied["expected"]).encode()
    return data, expected, tuple(_run(run) for run in copied["runs"])


def _run(run: Json) -> Run:
    """One run of bytes."""
    source = "" if run["name"] is None else _text(run["name"])
    return Run(bytes.fromhex(run["bytes"]), _text(run["kind"]), source.encode(), tuple(map(_text, run["owners"])))


def _node(node: Json) -> Node:
    """One node of the walk."""
    return Node(_address(node["address"]), _maybe(node["module"], _text), _maybe(node["state"], _text))


def _block(block: Json) -> Block:
    """The block that was looked at."""
    return Block(
        address=_address(block["address"]),
        size=index(block["size"]),
        requested=index(block["requested"]),
        live=bool(block["live"]),
        at_rest=bool(block["at_rest"]),
        allocated=_deed(block["allocated"]),
        freed=_maybe(block["freed"], _deed),
    )


def _deed(deed: Json) -> Deed:
    """Who allocated or freed."""
    return Deed(
        cpu=index(deed["cpu"]),
        program=_text(deed["program"]),
        operation=index(deed["operation"]),
        stop=index(deed["stop"]),
        age_s=float(deed["age_s"]),
        module=_maybe(deed["module"], _text),
        stack=_stack(deed["stack"]),
    )


def _overwritten(written: Json) -> Overwritten:
    """What was written into a freed block: as many bytes as were expected, at least one."""
    found, expected = bytes.fromhex(written["found"]), bytes.fromhex(written["expected"])
    if not 0 < len(found) == len(expected):
        raise ValueError(f"{len(found)} bytes in place of {len(expected)} are no write")
    return Overwritten(_address(written["address"]), found, expected, _stack(written["stack"]))


def _row(row: Json) -> Row:
    """One row of memory."""
    return Row(_address(row["address"]), bytes.fromhex(row["bytes"]), bytes.fromhex(row["shadow"]))
