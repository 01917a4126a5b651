"""Where the calling thread is in kernel code. The python engine notes it for each CPU that power-off cuts short.

A thread tells its own stack. Another one could only read it with `sys._current_frames()`, whose frames change
under the reader as soon as there is no GIL (CPython issue 152355: use after free).
"""

import sys
from collections.abc import Set
from pathlib import Path
from types import CodeType, FrameType

from stress.machine import loop
from stress.machine.seam import KERNEL_FUNCTIONS, SCENARIO_MODULE

CHECKOUT = Path(__file__).parents[2]


def _is_shown(frame: FrameType, kernel: Set[CodeType]) -> bool:
    """Whether a frame is one of kernel code or of a scenario's file; the loop's own add nothing."""
    module = str(frame.f_globals.get("__name__"))
    return module.startswith(SCENARIO_MODULE) or (frame.f_code in kernel and module != loop.__name__)


def _show(frame: FrameType) -> str:
    """A frame as `function (file:line)`; the file as seen from the checkout, if it lies there."""
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path
    return f"{frame.f_code.co_name} ({shown}:{frame.f_lineno})"


def kernel_stack() -> tuple[str, ...]:
    """The kernel functions that the calling thread is in, innermost first, each as `function (file:line)`."""
    kernel = {function.__code__ for function in KERNEL_FUNCTIONS}
    shown: list[str] = []
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if _is_shown(frame, kernel):
            shown.append(_show(frame))
        frame = frame.f_back
    return tuple(shown)
