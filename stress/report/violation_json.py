"""A violation as the JSON of a run has it; `results/README.md` says what each key is. Addresses, bytes: in hex."""

from typing import Any

from stress.judge.sources import Run
from stress.judge.violation import Access, Block, Deed, Node, Overwritten, Row, Stack, Violation
from stress.report.violation import bug, hexed, outside_name, poison_name, printable


def report_json(violation: Violation, again: str) -> dict[str, Any]:
    """One object of a run's `reports`; `again` is the command that runs it again."""
    return {
        "bug": bug(violation),
        "outcome": violation.outcome,
        "cpu": violation.cpu,
        "program": violation.program,
        "operation": violation.operation,
        "in_handler": violation.in_handler,
        "stop": violation.stop,
        "seconds": round(violation.seconds, 9),
        "hit": _access(violation.hit),
        "fault": _access(violation.fault),
        "warning": _warning(violation.warning),
        "asked": _asked(violation),
        "copied": _copied(violation),
        "answer": None if violation.answer is None else hexed(violation.answer),
        "steps": violation.steps,
        "walk": [_node(node) for node in violation.walk],
        "focus": hexed(violation.focus) if violation.focus else None,
        "block": _block(violation.block),
        "memory": [_row(row) for row in violation.rows],
        "overwritten": _overwritten(violation.overwritten),
        "again": again,
    }


def _stack(stack: Stack) -> list[str]:
    """A stack, innermost first."""
    return [str(frame) for frame in stack]


def _access(access: Access | None) -> dict[str, Any] | None:
    """An access; `size` 0 is a bad argument, which no access had."""
    if access is None:
        return None
    return {
        "address": hexed(access.address),
        "called": poison_name(access.address),
        "size": access.size,
        "write": access.writes,
        "shadow": None if access.shadow is None else f"{access.shadow:02x}",
        "stack": _stack(access.stack),
    }


def _warning(warning: Access | None) -> dict[str, Any] | None:
    """What the kernel warned of."""
    if warning is None:
        return None
    return {
        "address": hexed(warning.address),
        "called": outside_name(warning.address),
        "stack": _stack(warning.stack),
    }


def _asked(violation: Violation) -> dict[str, Any] | None:
    """What was looked up, and the right answer."""
    subject = violation.subject
    if subject is None:
        return None
    return {"address": hexed(subject.address), "name": printable(subject.name), "module": subject.module}


def _copied(violation: Violation) -> dict[str, Any] | None:
    """The name that was copied, and where its bytes come from."""
    if violation.copied is None or violation.expected is None:
        return None
    return {
        "bytes": violation.copied.hex(),
        "text": printable(violation.copied),
        "expected": printable(violation.expected),
        "runs": [_run(run) for run in violation.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    """One run of bytes."""
    source = printable(run.source) if run.source else None
    return {"bytes": run.data.hex(), "kind": run.kind, "name": source, "owners": list(run.owners)}


def _node(node: Node) -> dict[str, Any]:
    """One node of the walk."""
    called = outside_name(node.address) if node.state is None else None
    return {"address": hexed(node.address), "called": called, "module": node.module, "state": node.state}


def _deed(deed: Deed | None) -> dict[str, Any] | None:
    """Who allocated or freed."""
    if deed is None:
        return None
    return {
        "cpu": deed.cpu,
        "program": deed.program,
        "operation": deed.operation,
        "stop": deed.stop,
        "age_s": round(deed.age_s, 9),
        "module": deed.module,
        "stack": _stack(deed.stack),
    }


def _block(block: Block | None) -> dict[str, Any] | None:
    """The block that was looked at."""
    if block is None:
        return None
    return {
        "address": hexed(block.address),
        "size": block.size,
        "requested": block.requested,
        "live": block.live,
        "at_rest": block.at_rest,
        "allocated": _deed(block.allocated),
        "freed": _deed(block.freed),
    }


def _overwritten(written: Overwritten | None) -> dict[str, Any] | None:
    """What was written into a freed block."""
    if written is None:
        return None
    return {
        "address": hexed(written.address),
        "found": written.found.hex(),
        "expected": written.expected.hex(),
        "stack": _stack(written.stack),
    }


def _row(row: Row) -> dict[str, str]:
    """One row of memory."""
    return {"address": hexed(row.address), "bytes": row.data.hex(), "shadow": row.shadow.hex()}
