"""A violation or a stall told in full, for a person and for a program at once: what can be kept without the machine."""

from collections.abc import Mapping
from typing import Any

import attrs

from stress.judge.outcomes import Outcome
from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.report.stall import stall_json, stall_lines
from stress.report.violation import printable, report_lines
from stress.report.violation_json import report_json


@attrs.frozen
class Told:
    """`lines` are for a person, `json` is for a program."""

    lines: tuple[str, ...]
    json: dict[str, Any]

    @property
    def text(self) -> str:
        """The lines as they may be printed: what a terminal would obey is escaped."""
        return "\n".join(printable(line.encode(errors="surrogateescape")) for line in self.lines)


def tell_violation(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> Told:
    """A violation; `again` is the command that runs it again."""
    return Told(tuple(report_lines(violation, outcomes, again)), report_json(violation, again))


def tell_stall(stall: Stall) -> Told:
    """A stall."""
    return Told(tuple(stall_lines(stall)), stall_json(stall))
