"""A thread that spins again has had a core, and one that waits for the GIL has none, whatever Linux says of it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from stress.marks.crews import thread_look
from stress.marks.crews.monitor import ThreadSample
from stress.marks.crews.thread_look import ThreadLook

IDENT = 7


class Looked(ThreadLook):
    """A look at the one thread of a machine: `ready` is what Linux says, `spins` what the CPU has counted."""

    spins: int
    ready: bool

    def __init__(self) -> None:
        ram = SimpleNamespace(log_words=lambda offset: [[self.spins]])
        machine: Any = SimpleNamespace(ram=ram, thread=lambda number: SimpleNamespace(ident=IDENT))
        super().__init__(machine)
        self.spins, self.ready = 0, False

    def host_sample(self, number: int) -> ThreadSample:
        return ThreadSample(1.0, self.ready)


def places() -> Iterator[None]:
    """Stands at another place after each step."""
    yield
    yield
    yield


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The thread under watch: each step moves it."""
    made: Any = places()
    next(made)
    monkeypatch.setattr(thread_look, "gil_enabled", lambda: True)
    monkeypatch.setattr(thread_look, "current_frames", lambda: {IDENT: made.gi_frame})
    return made


@pytest.mark.parametrize("ready", [True, False])
def test_a_thread_that_stands_still_is_what_linux_says(ready: bool, steps: Iterator[None]) -> None:
    look = Looked()
    look.ready = ready
    assert [look.sample(0) for _ in range(3)] == [ThreadSample(1.0, ready)] * 3


def test_a_thread_that_sleeps_and_has_moved_wants_a_core(steps: Iterator[None]) -> None:
    look = Looked()
    look.sample(0)
    next(steps)
    assert look.sample(0).ready
    assert not look.sample(0).ready


def test_a_cpu_that_has_spun_again_wants_none(steps: Iterator[None]) -> None:
    look = Looked()
    look.ready = True
    look.sample(0)
    look.spins += 1
    next(steps)
    assert not look.sample(0).ready
    assert look.sample(0).ready


@pytest.mark.usefixtures("steps")
def test_without_a_gil_no_thread_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_look, "gil_enabled", lambda: False)
    monkeypatch.setattr(thread_look, "current_frames", dict)
    assert not Looked().sample(0).ready
