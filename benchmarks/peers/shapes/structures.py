"""Faults of structures of several words: a node that is cleared under its reader, two numbers that belong together."""

from __future__ import annotations

from itertools import count

from benchmarks.peers.shapes.shape import RIGHT, Guard, Shape

LENGTH = 8


class Node:
    """One key of a list, and the node after it; a node that is not in the list any more has neither."""

    def __init__(self, key: int | None, after: Node | None) -> None:
        """Linked to what comes after it."""
        self.key, self.after = key, after


class List:
    """A linked list, of whose inner nodes one is unlinked and cleared while a reader may stand on it."""

    def __init__(self, guard: Guard) -> None:
        """All keys, the greatest one last."""
        self._guard, self._writes = guard, count()
        node: Node | None = None
        for key in reversed(range(LENGTH)):
            node = Node(key, node)
        self._first = node

    def walk(self) -> str:
        """Walk to the last key, which is always there."""
        with self._guard:
            node = self._first
            while node is not None:
                if node.key is None:
                    return "a cleared node"
                if node.key == LENGTH - 1:
                    return RIGHT
                node = node.after
            return "no last key"

    def change(self) -> str:
        """Take an inner node out, and put another one with its key in."""
        key = 1 + next(self._writes) % (LENGTH - 2)
        with self._guard:
            before = self._before(key)
            self._remove_after(before)
            before.after = Node(key, before.after)
        return RIGHT

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
    never show this fault by themselves. The mended form is the base class with a guard.
    """

    def __init__(self, guard: Guard) -> None:
        """Both the same."""
        self.a = self.b = 0

    def read(self) -> str:
        """Compare them."""
        return RIGHT if self.a - self.b == 0 else "torn"

    def write(self) -> str:
        """Count both up."""
        self.a += 1
        self.b += 1
        return RIGHT


class GuardedBytecodes(Bytecodes):
    """The same under a guard, which would be a call between the instructions of the faulty form."""

    def __init__(self, guard: Guard) -> None:
        """Both the same."""
        super().__init__(guard)
        self._guard = guard

    def read(self) -> str:
        """Compare them."""
        with self._guard:
            return super().read()

    def write(self) -> str:
        """Count both up."""
        with self._guard:
            return super().write()


def bytecodes(guard: Guard) -> Bytecodes:
    """Two numbers; with a lock, guarded by it."""
    return GuardedBytecodes(guard) if hasattr(guard, "locked") else Bytecodes(guard)


SHAPES = (
    Shape("list: unlinks, then clears", List, (List.change, List.walk, List.walk, List.walk)),
    Shape(
        "two numbers",
        bytecodes,
        (lambda numbers: numbers.write(), *[lambda numbers: numbers.read()] * 3),
    ),
)
