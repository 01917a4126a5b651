"""Planted bugs for the stress marks and their peers: one writer, any number of readers, and no harness in any of it.

A bug shows as an exception or as what `read` returns, which is RIGHT as long as none does. Each has a twin that does
the same under a lock and must never show anything. All are right as long as one thread uses them. Run by
`python -m benchmarks.marks`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Protocol

RIGHT = "right"
CACHE_SIZE = 4
CACHE_KEYS = 8
LIST_LENGTH = 8


class Race(Protocol):
    """What threads share."""

    def read(self) -> str:
        """One look: RIGHT, or what is wrong."""

    def write(self) -> None:
        """One change."""


class Lru:
    """A cache of the last few entries, whose reader looks first and acts then: an entry is evicted in between."""

    def __init__(self) -> None:
        """Full."""
        self._entries = OrderedDict((key, -key) for key in range(CACHE_SIZE))
        self._reads, self._writes = count(), count()

    def read(self) -> str:
        """Look a key up, which may be there or not; KeyError is the bug."""
        key = next(self._reads) % CACHE_KEYS
        value = self.get(key)
        return RIGHT if value is None or value == -key else f"{key} is {value}"

    def write(self) -> None:
        """Put a key in."""
        key = next(self._writes) % CACHE_KEYS
        self.put(key, -key)

    def get(self, key: int) -> int | None:
        """The value of a key, which is now the last one used; None if it is not there."""
        entries = self._entries
        if key in entries:
            entries.move_to_end(key)
            return entries[key]
        return None

    def put(self, key: int, value: int) -> None:
        """Keep a value, and no more than a few of the others."""
        entries = self._entries
        entries[key] = value
        if len(entries) > CACHE_SIZE:
            entries.popitem(last=False)


class Connection:
    """Something that must not be used once it is closed."""

    def __init__(self) -> None:
        """Open."""
        self.closed = False

    def use(self) -> str:
        """RIGHT as long as it is open."""
        return "closed" if self.closed else RIGHT

    def close(self) -> None:
        """Nobody may use it any more."""
        self.closed = True


class Pool:
    """A pool of one connection, which is closed once another one is in its place, though it may still be in use."""

    def __init__(self) -> None:
        """With an open connection."""
        self._connection = Connection()

    def read(self) -> str:
        """Take the connection and use it."""
        connection = self._connection
        return connection.use()

    def write(self) -> None:
        """Put a new connection in, and close the old one."""
        old = self._connection
        self._connection = Connection()
        old.close()


class Node:
    """One key of a list, and the node after it; a node that is not in the list any more has neither."""

    def __init__(self, key: int | None, after: Node | None) -> None:
        """Linked to what comes after it."""
        self.key, self.after = key, after


class List:
    """A linked list, of whose inner nodes one is unlinked and cleared while a reader may stand on it."""

    def __init__(self) -> None:
        """All keys, the greatest one last."""
        self._writes = count()
        node: Node | None = None
        for key in reversed(range(LIST_LENGTH)):
            node = Node(key, node)
        self._first = node

    def read(self) -> str:
        """Walk to the last key, which is always there."""
        node = self._first
        while node is not None:
            if node.key is None:
                return "a cleared node"
            if node.key == LIST_LENGTH - 1:
                return RIGHT
            node = node.after
        return "no last key"

    def write(self) -> None:
        """Take an inner node out, and put another one with its key in."""
        key = 1 + next(self._writes) % (LIST_LENGTH - 2)
        before = self._before(key)
        self._remove_after(before)
        before.after = Node(key, before.after)

    def _before(self, key: int) -> Node:
        """The node before that of a key."""
        before = self._first
        while before and before.key != key - 1:
            before = before.after
        assert before
        return before

    def _remove_after(self, before: Node) -> None:
        """Unlink the node after one, and clear it."""
        node = before.after
        assert node
        before.after = node.after
        node.key = node.after = None


class Bytecodes:
    """Two numbers that belong together, and nothing but a few instructions between them: no call, no loop.

    A thread that holds the GIL of CPython 3.11 gives it up at calls and backward jumps alone, so that there threads
    never show this bug by themselves.
    """

    def __init__(self) -> None:
        """Both the same."""
        self.a = self.b = 0

    def read(self) -> str:
        """Compare them."""
        return RIGHT if self.a - self.b == 0 else "torn"

    def write(self) -> None:
        """Count both up."""
        self.a += 1
        self.b += 1


class Locked:
    """The twin of a race: a lock around each look and each change."""

    def __init__(self, race: Race) -> None:
        """Of what is shared."""
        self._race, self._lock = race, threading.Lock()

    def read(self) -> str:
        """One look, while nobody changes anything."""
        with self._lock:
            return self._race.read()

    def write(self) -> None:
        """One change, while nobody looks."""
        with self._lock:
            self._race.write()


RACES: dict[str, Callable[[], Race]] = {"lru": Lru, "pool": Pool, "list": List, "bytecodes": Bytecodes}


def twin(bug: str) -> Race:
    """The correct twin of a bug."""
    return Locked(RACES[bug]())
