"""Faults of caches: entries that go while they are looked at."""

import io
import weakref
from collections import OrderedDict
from itertools import count

from benchmarks.peers.shapes.shape import RIGHT, Guard, Shape


class Lru:
    """A cache of the last few entries: `get` looks first, and acts in two more steps."""

    def __init__(self, guard: Guard) -> None:
        """Full."""
        self._guard, self._turns = guard, count()
        self._entries = OrderedDict((key, -key) for key in range(4))

    def get(self) -> str:
        """KeyError if the entry goes between two steps."""
        key = next(self._turns) % 8
        with self._guard:
            if key not in self._entries:
                return RIGHT
            self._entries.move_to_end(key)
            return RIGHT if self._entries[key] == -key else "another entry"

    def put(self) -> str:
        """Put a key in, and the oldest one out."""
        key = next(self._turns) % 8
        with self._guard:
            self._entries[key] = -key
            if len(self._entries) > 4:
                self._entries.popitem(last=False)
        return RIGHT


class Oldest:
    """A cache that evicts its oldest entry: two threads choose the same one."""

    def __init__(self, guard: Guard) -> None:
        """Full."""
        self._guard, self._keys = guard, count()
        self._entries = {next(self._keys): True for _ in range(8)}

    def put(self) -> str:
        """KeyError if another thread has evicted the entry, RuntimeError if it does so meanwhile."""
        with self._guard:
            self._entries[next(self._keys)] = True
            if len(self._entries) > 8:
                oldest = next(iter(self._entries))
                del self._entries[oldest]
        return RIGHT


class Subscribers:
    """A set that one thread walks while others change it."""

    def __init__(self, guard: Guard) -> None:
        """With some members."""
        self._guard, self._members, self._next = guard, set(range(8)), count(8)

    def publish(self) -> str:
        """RuntimeError if the set changes its size meanwhile."""
        with self._guard:
            for _member in self._members:
                pass
        return RIGHT

    def change(self) -> str:
        """One member more, and it goes again."""
        member = next(self._next)
        with self._guard:
            self._members.add(member)
        with self._guard:
            self._members.discard(member)
        return RIGHT


class Thing:
    """Something that a weak reference can be made to."""


class Alive:
    """A dictionary of weak references that forgets what dies, and is walked meanwhile."""

    def __init__(self, guard: Guard) -> None:
        """With some things that live on."""
        self._guard, self._names = guard, count()
        self._kept = [Thing() for _ in range(6)]
        self._alive: dict[int, weakref.ref[Thing]] = {}
        for thing in self._kept:
            self._add(thing)

    def _add(self, thing: Thing) -> int:
        """Keep a weak reference under a name of its own."""
        name = next(self._names)
        self._alive[name] = weakref.ref(thing)
        return name

    def walk(self) -> str:
        """RuntimeError if a thing comes or dies meanwhile."""
        with self._guard:
            for reference in self._alive.values():
                reference()
        return RIGHT

    def come_and_go(self) -> str:
        """A thing comes and dies."""
        with self._guard:
            name = self._add(Thing())
        with self._guard:
            del self._alive[name]
        return RIGHT


class Files:
    """Open files by name: a thread clears the cache, and closes them, while another one reads."""

    def __init__(self, guard: Guard) -> None:
        """With nothing open."""
        self._guard, self._open = guard, dict[str, io.StringIO]()

    def read(self) -> str:
        """ValueError if the file is closed between the look and the read."""
        with self._guard:
            file = self._open.get("a")
            if file is None:
                file = self._open["a"] = io.StringIO("text")
            file.seek(0)
            return RIGHT if file.read() == "text" else "another text"

    def clear(self) -> str:
        """Close all."""
        with self._guard:
            files, self._open = self._open, {}
            for file in files.values():
                file.close()
        return RIGHT


SHAPES = (
    Shape("cache: looks, then acts", Lru, (Lru.put, Lru.get, Lru.get, Lru.get)),
    Shape("cache: evicts its oldest", Oldest, (Oldest.put,)),
    Shape(
        "set walked", Subscribers, (Subscribers.change, Subscribers.publish, Subscribers.publish, Subscribers.publish)
    ),
    Shape("weak references walked", Alive, (Alive.come_and_go, Alive.walk, Alive.walk, Alive.walk)),
    Shape("file cache cleared", Files, (Files.clear, Files.read, Files.read, Files.read)),
)
