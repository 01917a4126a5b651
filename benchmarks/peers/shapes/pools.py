"""Faults of pools and queues: what one thread gives up while another one uses it."""

from collections import deque
from itertools import count
from threading import Lock

from benchmarks.peers.shapes.shape import RIGHT, Guard, Shape


class Connection:
    """Something that must not be used once it is closed."""

    def __init__(self) -> None:
        """Open, with no user."""
        self.is_open, self.users = True, 0


class Pool:
    """A pool of one connection, which is closed when it is replaced, though it may be in use."""

    def __init__(self, guard: Guard) -> None:
        """With an open connection."""
        self._guard, self._connection = guard, Connection()

    def ask(self) -> str:
        """Take the connection, and use it."""
        with self._guard:
            connection = self._connection
            return RIGHT if connection.is_open else "closed in use"

    def replace(self) -> str:
        """Put another connection in, and close the old one."""
        with self._guard:
            old, self._connection = self._connection, Connection()
            old.is_open = False
        return RIGHT


class Deferred:
    """An entry that is deleted when its last user leaves: a new user comes between the look and the deletion."""

    def __init__(self, guard: Guard) -> None:
        """With one entry."""
        self._guard, self._entry = guard, Connection()

    def use(self) -> str:
        """Come, use and leave; the last one deletes the entry."""
        with self._guard:
            entry = self._entry
            entry.users += 1
        seen = RIGHT if entry.is_open else "deleted in use"
        with self._guard:
            entry.users -= 1
            if entry.users == 0:
                entry.is_open = False
                self._entry = Connection()
        return seen


class Ring:
    """Two slots: a take drops the older one. So two takes of others must come between a take and its use."""

    def __init__(self, guard: Guard) -> None:
        """Nothing is taken. The lock of the faulty form guards the ring, but not the use."""
        self._guard, self._lock, self._slots = guard, Lock(), deque[Connection]()

    def use(self) -> str:
        """Take a slot, and use it."""
        with self._guard:
            connection = self._take()
            return RIGHT if connection.is_open else "dropped in use"

    def _take(self) -> Connection:
        """A slot, after some work."""
        with self._lock:
            total = 0
            for number in range(30):
                total += number
            connection = Connection()
            self._slots.append(connection)
            if len(self._slots) > 2:
                self._slots.popleft().is_open = False
        return connection


class Handover:
    """A queue of one place: a producer looks whether it is free, and puts its item over another one."""

    def __init__(self, guard: Guard) -> None:
        """Free."""
        self._guard, self._numbers = guard, count(1)
        self.place, self.put_in = 0, list[int]()

    def put(self) -> None:
        """Put an item in, if the place is free."""
        item = next(self._numbers)
        with self._guard:
            if not self.place:
                self.put_in.append(item)
                self.place = item


def nothing_lost(subject: Handover, returned: list[None]) -> str:
    """Whether the item that was put in is there."""
    return RIGHT if subject.put_in == [subject.place] else f"put {subject.put_in}, found {subject.place}"


SHAPES = (
    Shape("pool: closed in use", Pool, (Pool.replace, Pool.ask, Pool.ask, Pool.ask)),
    Shape("deferred deletion", Deferred, (Deferred.use,)),
    Shape("pool: a ring of two", Ring, (Ring.use,)),
    Shape("queue: hand-over", Handover, (Handover.put,), True, nothing_lost),
)
