"""A shape: a fault that people report, as four threads would meet it, and how one knows that it has shown."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import attrs

RIGHT = "right"
THREADS = 4

Guard = AbstractContextManager[Any]
Body = Callable[[Any], Any]


def right(subject: object, returned: object) -> str:
    """The check of a shape whose bodies say themselves what is wrong."""
    return RIGHT


@attrs.frozen
class Shape:
    """What threads share, and what they do with it.

    `make` takes a guard, which does nothing in the faulty form and is a lock in the mended one. `bodies` are dealt to
    four threads in turn; each takes what was made, and returns RIGHT or what is wrong. `in_rounds`: each thread calls
    its body once; otherwise in a loop. `check`, for rounds, takes what the bodies returned, and says RIGHT or not.
    `hangs`: the fault is that threads wait for ever.
    """

    name: str
    make: Callable[[Guard], Any]
    bodies: tuple[Body, ...]
    in_rounds: bool = False
    check: Callable[[Any, list[Any]], str] = right
    hangs: bool = False

    @property
    def has_check(self) -> bool:
        """Whether a round is judged, and not what a body returns."""
        return self.check is not right

    def faulty(self) -> Any:
        """What is shared, with the fault."""
        return self.make(nullcontext())

    def mended(self) -> Any:
        """What is shared, without the fault."""
        return self.make(Lock())

    def body(self, number: int) -> Body:
        """The body of a thread."""
        return self.bodies[number % len(self.bodies)]
