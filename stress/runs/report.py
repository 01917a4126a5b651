"""The report on a violation or a stall, for people and for programs at once: what can be kept without the machine.

It is made when something is seen; `stress.runs.reread` makes it again from the JSON of a run that ended long ago. What
makes JSON is imported where it is used: a run that is told on the terminal alone needs the text only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from stress.judge.outcomes import FINDINGS, MORE_OUTCOMES, OUTCOMES, Outcome
from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.runs.stall_text import stall_lines
from stress.runs.violation_text import report_lines
from stress.safe_text import printable

KNOWN = {**OUTCOMES, **MORE_OUTCOMES, **FINDINGS}


def printable_text(lines: Iterable[str]) -> str:
    """The lines of a report as they may be printed: what a terminal would obey is escaped."""
    return "\n".join(printable(line.encode(errors="surrogateescape")) for line in lines)


@attrs.frozen
class Report:
    """`lines` are for a person, `json` is for a program."""

    lines: tuple[str, ...]
    json: dict[str, Any]

    @property
    def text(self) -> str:
        """The lines as they may be printed."""
        return printable_text(self.lines)


def report_violation(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> Report:
    """The report on a violation; `again` is the command that runs it again."""
    from stress.runs.codec import violation_json

    return Report(tuple(report_lines(violation, outcomes, again)), violation_json(violation, again))


def violation_text(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> str:
    """The text of the report on a violation."""
    return printable_text(report_lines(violation, outcomes, again))


def report_stall(stall: Stall) -> Report:
    """The report on a stall."""
    from stress.runs.codec import stall_json

    return Report(tuple(stall_lines(stall)), stall_json(stall))


def stall_text(stall: Stall) -> str:
    """The text of the report on a stall."""
    return printable_text(stall_lines(stall))
