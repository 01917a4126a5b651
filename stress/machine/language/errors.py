"""What is wrong with kernel code, at the line of its author: found before it runs, or as it runs."""

import traceback
from collections.abc import Callable, Mapping
from inspect import unwrap
from pathlib import Path

from stress.errors import UserError
from stress.machine.seam import BrokenKernelCodeError
from stress.machine.words import AFTER_FREE
from stress.safe_text import on_one_line, shown

NO_CAUSE = -1
PACKAGE = Path(__file__).parents[2]


class KernelCodeError(UserError):
    """Kernel code that is not of the language, or that fails as it runs: `file:line: what; instead`.

    `file` and `said`, which is `what; instead`, are empty where it is about no line.
    """

    file = said = ""


class ShiftError(KernelCodeError):
    """A shift to the left by so many bits that Python has no memory for the number."""


def refusal(file: str, line: int, what: str, instead: str) -> KernelCodeError:
    """The error for a line of a file: what is wrong there, and what to write instead."""
    said = f"{what}; {instead}"
    error = KernelCodeError(f"{shown(file)}:{line}: {said}")
    error.file, error.said = file, said
    return error


def unmarked(function: Callable[..., object]) -> tuple[str, str]:
    """What is said of a function that is not marked, and what to do."""
    return f"{function.__name__} is not kernel code", "mark its definition with @kernel"


def too_deep(function: Callable[..., object]) -> KernelCodeError:
    """The error for a function in which, or below which, Python's limit of recursion ends the work on kernel code."""
    what = f"{function.__name__} is nested too deeply"
    instead = "write shorter expressions, fewer elif in a row, and fewer functions that call each other in a row"
    return refusal(function.__code__.co_filename, function.__code__.co_firstlineno, what, instead)


def is_own(file: str) -> bool:
    """Whether a file is of kstress itself: an error in it is no user's."""
    return Path(file).is_relative_to(PACKAGE)


def error_in_line(file: str, line: int, what: str) -> KernelCodeError | BrokenKernelCodeError:
    """The error for a line that failed as it ran, of whoever wrote it."""
    if is_own(file):
        return BrokenKernelCodeError(f"{file}:{line}: {what}")
    return refusal(file, line, what, "test the operand before this line")


def error_somewhere(operation: Callable[..., object]) -> KernelCodeError | BrokenKernelCodeError:
    """The error for an operation in which a line failed as it ran, and it is not known which one."""
    operation = unwrap(operation)
    code = operation.__code__
    what = f"a line of {operation.__name__}, or of what it calls, divided by zero or shifted by a negative number"
    return error_in_line(code.co_filename, code.co_firstlineno, what)


def error_of_exception(error: BaseException | None) -> KernelCodeError | BrokenKernelCodeError:
    """The error for an exception in kernel code that no fault of its CPU explains."""
    frames = traceback.extract_tb(error.__traceback__ if error else None)
    if not frames or is_own(frames[-1].filename):
        return BrokenKernelCodeError()
    if isinstance(error, MemoryError) and "<<" in (frames[-1].line or ""):
        return _shift_error(frames[-1])
    text = on_one_line(f"{type(error).__name__}: {error}".rstrip(": "))
    return error_in_line(frames[-1].filename, frames[-1].lineno or 1, text)


def _shift_error(frame: traceback.FrameSummary) -> ShiftError:
    """The error for a line of the python engine, where a number has as many bits as it needs until it is stored."""
    what = "a number is shifted by more bits than memory has room for"
    return ShiftError(f"{shown(frame.filename)}:{frame.lineno}: {what}; test the number of bits before this line")


def error_of_outcome(operation: Callable[..., object], outcome: int) -> KernelCodeError | BrokenKernelCodeError:
    """The error for an operation that returned a number that is no outcome, or ended without a cause (-1)."""
    operation = unwrap(operation)
    code = operation.__code__
    if is_own(code.co_filename):
        return BrokenKernelCodeError(operation.__name__)
    what = f"{operation.__name__} returned a number that is not an outcome, {outcome}"
    if outcome == NO_CAUSE:
        what = f"{operation.__name__} returned a number that is not an outcome, or raised Oops without a cause"
    return refusal(code.co_filename, code.co_firstlineno, what, f"return the code of an outcome, 0 to {AFTER_FREE - 1}")


def has_outcomes(outcomes: Mapping[int, str]) -> str:
    """What to do about a number that is none of a scenario's outcomes, given as names by codes."""
    known = ", ".join(f"{name} ({code})" for code, name in sorted(outcomes.items()) if code < AFTER_FREE)
    return f"return 0, or the code of one that it has: {known}"


def error_of_ungraded(operation: Callable[..., object], outcome: int, outcomes: Mapping[int, str]) -> KernelCodeError:
    """The error for an operation that returned a number that is none of its scenario's outcomes."""
    operation = unwrap(operation)
    code = operation.__code__
    what = f"{operation.__name__} returned {outcome}, which is no outcome of its scenario"
    if is_own(code.co_filename):
        # Code of kstress is right: the scenario has not the outcomes of what it runs.
        return KernelCodeError(f"{what}; give the scenario outcomes that have this code")
    return refusal(code.co_filename, code.co_firstlineno, what, has_outcomes(outcomes))
