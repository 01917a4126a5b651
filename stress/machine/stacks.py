"""Stacks of kernel functions: CPUs of the python engine take them quickly; they are made readable after power-off."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import attrs

from stress.machine.seam import KERNEL_FUNCTIONS, SCENARIO_MODULE

RawStack = tuple[tuple[CodeType, int], ...]
"""A stack as it is taken: for each function, innermost first, its code and the offset of the instruction in bytes."""

DEEPEST = 32
"""The most frames that are taken, since a CPU takes a stack in the middle of an operation."""
CHECKOUT = Path(__file__).parents[2]
WRAPPERS = "stress.scenario"
"""Where functions are made that give an operation its protocol: they tell nobody anything."""
MACHINE = "stress.machine."
SHOWN_OF_MACHINE = frozenset({"lock_slab", "kmalloc", "kfree", "take_exception", "take_nmi", "take_interrupt"})
_FRAME = re.compile(r"(.*) \((.*):([0-9]{1,9})\)", re.DOTALL)


@attrs.frozen
class Frame:
    """One function of a stack: name, file (relative to the checkout if it lies there), line."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})"

    @classmethod
    def parse(cls, text: str) -> "Frame":
        """The function that `str` wrote; ValueError for any other text."""
        match = _FRAME.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r:.60} is not an entry of a stack")
        return cls(match[1], match[2], int(match[3]))


def take_stack() -> RawStack:
    """The stack of the calling thread, without the caller, at most DEEPEST frames. It takes some microseconds."""
    return stack_of(sys._getframe(2))


def stack_of(frame: FrameType | None) -> RawStack:
    """The stack of a frame, at most DEEPEST frames; empty for None."""
    stack: list[tuple[CodeType, int]] = []
    while frame is not None and len(stack) < DEEPEST:
        stack.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(stack)


def stack_of_error(error: BaseException) -> RawStack:
    """The stack where an exception was raised, at most DEEPEST frames."""
    trace, stack = error.__traceback__, []
    while trace is not None:
        stack.append((trace.tb_frame.f_code, trace.tb_lasti))
        trace = trace.tb_next
    return tuple(reversed(stack[-DEEPEST:]))


def line_of(code: CodeType, at: int) -> int:
    """The source line of the instruction at byte `at` of `code`."""
    lines = (line for start, end, line in code.co_lines() if start <= at < end and line is not None)
    return next(lines, code.co_firstlineno)


def _shown_file(code: CodeType) -> str:
    """A function's file, relative to the checkout if it lies there."""
    path = Path(code.co_filename)
    return str(path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path)


def _kernel_code() -> list[tuple[CodeType, str]]:
    """Every kernel function's code, and the name of its module; code that was made of a text may have none."""
    named = ((function.__code__, function.__module__ or "") for function in KERNEL_FUNCTIONS)
    return [(code, module) for code, module in named if module != WRAPPERS]


def readable(stack: RawStack) -> tuple[Frame, ...]:
    """The functions of a stack that a report shows: all of the kernel, programs and scenario, few of the machine."""
    return reading()(stack)


def reading() -> Callable[[RawStack], tuple[Frame, ...]]:
    """What makes stacks readable, for many at once: which functions are shown is found out once."""
    shown = {code for code, of in _kernel_code() if not of.startswith(MACHINE) or code.co_name in SHOWN_OF_MACHINE}
    files = {code.co_filename for code, of in _kernel_code() if of.startswith(SCENARIO_MODULE)}
    known: dict[tuple[CodeType, int], Frame] = {}

    def frame(code: CodeType, at: int) -> Frame:
        if (code, at) not in known:
            known[code, at] = Frame(code.co_name, _shown_file(code), line_of(code, at))
        return known[code, at]

    def read(stack: RawStack) -> tuple[Frame, ...]:
        return tuple(frame(code, at) for code, at in stack if code in shown or code.co_filename in files)

    return read


def shown(stack: RawStack) -> tuple[str, ...]:
    """The frames of `readable` as lines of text."""
    return tuple(map(str, readable(stack)))
