"""Where a CPU stands in its body, as for each other CPU at the moment when one sees something wrong."""

from types import FrameType, TracebackType

import attrs

from stress.host.frames import current_frames
from stress.machine.gil import gil_enabled
from stress.machine.stacks import DEEPEST, RawStack
from stress.marks.bodies import CALLERS
from stress.marks.noise.code_under_test import PACKAGE, is_within

GENERATED = "<attrs generated methods stress."
"""How the names of files begin of code that attrs makes for classes of kstress."""


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
    return tuple((one.f_code, one.f_lasti) for one in frames_in_body(frame)[:DEEPEST])


def frames_in_body(frame: FrameType | None) -> list[FrameType]:
    """The frames of a body from a thread's innermost frame on, innermost first; none if it is outside of a body.

    The harness calls other code too, as `random` for noise within a body. Such frames are no part of the body.
    """
    found: list[FrameType] = []
    while frame is not None:
        if not _is_harness(frame):
            found.append(frame)
        elif found and frame.f_code in CALLERS:
            return found
        else:
            found.clear()
        frame = frame.f_back
    return []


def without_harness(error: BaseException) -> TracebackType | None:
    """The traceback of an exception that went through a body, without the harness's frames around the body's.

    One that several CPUs raised, as `Future.result` does, has the frames of each, one after the other. Frames of the
    harness inside of all others stay: it may have raised the exception itself.
    """
    entries: list[TracebackType] = []
    one = error.__traceback__
    while one is not None:
        entries.append(one)
        one = one.tb_next
    own = [at for at, entry in enumerate(entries) if not _is_harness(entry.tb_frame)]
    kept = [entries[at] for at in own] + entries[own[-1] + 1 if own else 0 :]
    for entry in reversed(kept):
        one = TracebackType(one, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return one


def _innermost(frame: FrameType | None) -> RawStack:
    """The innermost function alone: without a GIL its thread may return from the others while they are looked at."""
    return () if frame is None or _is_harness(frame) else ((frame.f_code, frame.f_lasti),)


def _is_harness(frame: FrameType) -> bool:
    """Whether a frame belongs to kstress."""
    return is_within(frame.f_code.co_filename, PACKAGE) or frame.f_code.co_filename.startswith(GENERATED)
