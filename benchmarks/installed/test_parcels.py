"""Stress marks of an installed package, no setting needed: `races` has a bug, `holds` is its locked twin."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from parcels import Lazy, Listeners, Shelf, Tickets  # type: ignore[import-not-found,unused-ignore]

from stress.marks.fixture import Stress
from stress.marks.operations.cpu import StressCpu


class Locked:
    """The same object, one call at a time."""

    def __init__(self, thing: object) -> None:
        """Around a thing."""
        self._thing, self._lock = thing, threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the thing, under the lock."""
        method = getattr(self._thing, name)

        def call(*arguments: object) -> Any:
            with self._lock:
                return method(*arguments)

        return call


def same(thing: Any) -> Any:
    """A thing as it is."""
    return thing


BOTH = pytest.mark.parametrize("around", [same, Locked], ids=["races", "holds"])


@BOTH
@pytest.mark.stress
def test_lazy(stress: Stress, around: Callable[[object], Any]) -> None:
    """A value that is forgotten and made again is never None."""
    lazy = around(Lazy(object))

    @stress.reader
    def get(cpu: StressCpu) -> None:
        assert lazy.get() is not None

    @stress.writer(count=1)
    def forget(cpu: StressCpu) -> None:
        lazy.forget()

    stress.run()


@BOTH
@pytest.mark.stress
def test_shelf(stress: Stress, around: Callable[[object], Any]) -> None:
    """What two take at once goes to one of them."""
    shelf = around(Shelf())

    @stress.writer
    def put_and_take(cpu: StressCpu) -> None:
        key = cpu.random.randrange(2)
        shelf.put(key)
        shelf.take(1 - key)

    stress.run()


@BOTH
@pytest.mark.stress
def test_listeners(stress: Stress, around: Callable[[object], Any]) -> None:
    """All who are there from the start are told, whoever comes and goes."""
    listeners = around(Listeners())

    @stress.reader
    def tell(cpu: StressCpu) -> None:
        assert listeners.tell() >= 8

    @stress.writer(count=1)
    def come_and_go(cpu: StressCpu) -> None:
        number = 8 + cpu.random.randrange(8)
        listeners.come(number)
        listeners.go(number)

    stress.run()


@BOTH
@pytest.mark.stress
def test_tickets(stress: Stress, around: Callable[[object], Any]) -> None:
    """No two get the same ticket."""
    tickets = around(Tickets())
    drawn: dict[int, object] = {}

    @stress.writer
    def draw(cpu: StressCpu) -> None:
        mine = object()
        assert drawn.setdefault(tickets.draw(), mine) is mine

    stress.run()
