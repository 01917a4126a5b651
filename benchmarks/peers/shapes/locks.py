"""Faults of locks: threads that wait for ever, and a lock that another thread takes away."""

import threading

from benchmarks.peers.shapes.shape import RIGHT, Guard, Shape

LOCK = type(threading.Lock())


class Accounts:
    """Two locks, taken in opposite orders."""

    def __init__(self, guard: Guard) -> None:
        """Both are free."""
        self._guard, self._here, self._there = guard, threading.Lock(), threading.Lock()

    def forth(self) -> str:
        """From here to there."""
        with self._guard, self._here, self._there:
            return RIGHT

    def back(self) -> str:
        """From there to here."""
        with self._guard, self._there, self._here:
            return RIGHT


class ReadWriteLock:
    """Readers may become writers: two that try at once wait for each other to leave."""

    def __init__(self, guard: Guard) -> None:
        """Free."""
        self._guard, self._condition, self._readers = guard, threading.Condition(), 0

    def read_then_write(self) -> str:
        """Read, then wait until no other reader is left."""
        with self._guard:
            with self._condition:
                self._readers += 1
            with self._condition:
                while self._readers > 1:
                    self._condition.wait()
                self._readers -= 1
                self._condition.notify_all()
        return RIGHT


class Event:
    """A condition whose flag is looked at outside of its lock: the wake-up comes before the wait."""

    def __init__(self, guard: Guard) -> None:
        """Not set. The mended form looks again when it has the lock."""
        self._looks_again = isinstance(guard, LOCK)
        self._condition, self._is_set = threading.Condition(), False

    def wait(self) -> str:
        """Wait until it is set."""
        if not self._is_set:
            with self._condition:
                if not (self._looks_again and self._is_set):
                    self._condition.wait()
        return RIGHT

    def set(self) -> str:
        """Set it, and wake who waits."""
        with self._condition:
            self._is_set = True
            self._condition.notify_all()
        return RIGHT


class KeyedLocks:
    """A lock for each key: who leaves takes the key's lock away, though another thread waits for it."""

    def __init__(self, guard: Guard) -> None:
        """No key has a lock. The mended form keeps it."""
        self._keeps = isinstance(guard, LOCK)
        self._locks: dict[str, threading.Lock] = {}
        self._inside = 0

    def work(self) -> str:
        """Work on a key; no other thread may."""
        lock = self._locks.setdefault("key", threading.Lock())
        with lock:
            self._inside += 1
            seen = RIGHT if self._inside == 1 else f"{self._inside} inside"
            self._inside -= 1
        if not self._keeps:
            self._locks.pop("key", None)
        return seen


SHAPES = (
    Shape("two locks, two orders", Accounts, (Accounts.forth, Accounts.back), hangs=True),
    Shape("upgrade of a read lock", ReadWriteLock, (ReadWriteLock.read_then_write,), True, hangs=True),
    Shape("wake-up lost", Event, (Event.set, Event.wait, Event.wait, Event.wait), True, hangs=True),
    Shape("lock taken away", KeyedLocks, (KeyedLocks.work,)),
)
