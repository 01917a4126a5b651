"""Where each other CPU stands at the moment when one sees something wrong."""

from types import FrameType

import attrs

from stress.host.frames import current_frames
from stress.machine.python_engine import gil_enabled
from stress.machine.stacks import DEEPEST, RawStack
from stress.marks.noise.code_under_test import PACKAGE, is_within


@attrs.frozen
class Position:
    """A CPU and its operation at one moment, and its stack, innermost first; empty if it is between two operations."""

    who: str
    stack: RawStack


def stack_in_body(ident: int | None) -> RawStack:
    """The stack of another thread, which may be running, from the body of its CPU inwards; empty outside of a body."""
    frame = current_frames().get(ident or 0)
    if not gil_enabled():
        return _innermost(frame)
    stack: list[FrameType] = []
    while frame is not None and len(stack) < DEEPEST:
        if not _is_harness(frame):
            stack.append(frame)
        elif stack:
            return tuple((one.f_code, one.f_lasti) for one in stack)
        frame = frame.f_back
    return ()


def _innermost(frame: FrameType | None) -> RawStack:
    """The innermost function alone: without a GIL its thread may return from the others while they are looked at."""
    return () if frame is None or _is_harness(frame) else ((frame.f_code, frame.f_lasti),)


def _is_harness(frame: FrameType) -> bool:
    """Whether a frame belongs to kstress."""
    return is_within(frame.f_code.co_filename, PACKAGE)
