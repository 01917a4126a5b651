"""How a compiled program ended that should have gone on until power-off."""

import attrs

from stress.machine.language.errors import error_in_line, error_of_outcome, error_somewhere
from stress.machine.native.call_stacks import CallStacks
from stress.machine.ram import Ram
from stress.machine.seam import Operation
from stress.machine.words import UNEXPLAINED, WRONG_OUTCOME


def error_of(status: int, stacks: CallStacks, operation: Operation, ram: Ram, log: int) -> Exception:
    """The error that ended a program: of a line of kernel code, or of the whole operation, with what it returned.

    `status` is what the program of the CPU with this `log` returned.
    """
    status = ram.peek(log + UNEXPLAINED) or status
    if status >= 0:
        return error_of_outcome(operation, ram.peek(log + WRONG_OUTCOME))
    site = stacks.site(status)
    return error_in_line(*attrs.astuple(site)) if site else error_somewhere(operation)
