"""The report on a violation or a stall again, from the JSON of a run that ended long ago, with the same text."""

from typing import Any

from stress.errors import UserError
from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.runs.codec import CODEC
from stress.runs.report import KNOWN, Report
from stress.runs.stall_text import stall_lines
from stress.runs.violation_text import report_lines
from stress.strict_json import UNREADABLE, text_of, what_is_wrong


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
