"""The report on a violation or a stall, for people and for programs at once: what can be kept without the machine.

It is made when something is seen, or again from the JSON of a run that ended long ago, with the same text.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from stress.errors import UserError
from stress.judge.outcomes import FINDINGS, MORE_OUTCOMES, OUTCOMES, Outcome
from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.runs.codec import CODEC, stall_json, violation_json
from stress.runs.stall_text import stall_lines
from stress.runs.violation_text import report_lines
from stress.safe_text import printable
from stress.strict_json import UNREADABLE, text_of, what_is_wrong

KNOWN = {**OUTCOMES, **MORE_OUTCOMES, **FINDINGS}


@attrs.frozen
class Report:
    """`lines` are for a person, `json` is for a program."""

    lines: tuple[str, ...]
    json: dict[str, Any]

    @property
    def text(self) -> str:
        """The lines as they may be printed: what a terminal would obey is escaped."""
        return "\n".join(printable(line.encode(errors="surrogateescape")) for line in self.lines)


def report_violation(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> Report:
    """The report on a violation; `again` is the command that runs it again."""
    return Report(tuple(report_lines(violation, outcomes, again)), violation_json(violation, again))


def report_stall(stall: Stall) -> Report:
    """The report on a stall."""
    return Report(tuple(stall_lines(stall)), stall_json(stall))


def reread_violation(json: dict[str, Any], where: str) -> Report:
    """The report that one of a run's `reports` was made of.

    Raises:
        UserError: in one line, for JSON that is damaged or foreign; `where` says where it came from.
    """
    try:
        violation = CODEC.structure(json, Violation)
        return Report(tuple(report_lines(violation, KNOWN, text_of(json["again"]))), json)
    except UNREADABLE as error:
        raise UserError(f"{where} has a damaged report: {what_is_wrong(error)}") from None


def reread_stall(json: dict[str, Any], where: str) -> Report:
    """The report that a run's `stall` was made of.

    Raises:
        UserError: in one line, for JSON that is damaged or foreign.
    """
    try:
        return Report(tuple(stall_lines(CODEC.structure(json, Stall))), json)
    except UNREADABLE as error:
        raise UserError(f"{where} has a damaged stall: {what_is_wrong(error)}") from None
