"""Poison: an object that was freed is known by whoever still uses it, from any thread, whatever catches what it raises.

The object's class is swapped for one whose every attribute and special method reports and raises. What cannot be
swapped is marked as freed under a key, and the code under test says where it uses it.
"""

import threading
import types
from collections.abc import Callable, Hashable
from typing import Any

import attrs

from stress.machine.stacks import RawStack, take_stack

MOST_USES = 16
FREED = "_kstress_freed"
"""What the classes of freed objects have."""
ATTRIBUTES = ("__getattribute__", "__setattr__", "__delattr__")
_NAMES = """
    getattribute setattr delattr repr str bytes format hash bool lt le eq ne gt ge call len length_hint getitem
    setitem delitem missing iter next reversed contains enter exit aenter aexit await aiter anext add radd iadd
    sub rsub isub mul rmul imul matmul rmatmul imatmul truediv rtruediv itruediv floordiv rfloordiv ifloordiv mod
    rmod imod divmod rdivmod pow rpow ipow lshift rlshift ilshift rshift rrshift irshift and rand iand xor rxor
    ixor or ror ior neg pos abs invert complex int float index round trunc floor ceil get set delete dir
    reduce_ex copy deepcopy fspath
"""
SPECIAL = tuple(f"__{name}__" for name in _NAMES.split())
"""The special methods of objects, as the language's reference lists them; `__del__` is another matter."""


class UsedAfterFreeError(Exception):
    """Something that was freed is used; the use is noted before this is raised."""


@attrs.frozen
class Deed:
    """Something that a thread did: where, on which CPU, in which of its operations; on no CPU, on the named thread."""

    who: str
    at_ns: int
    stack: RawStack


@attrs.frozen
class Use:
    """A use of something freed."""

    what: str
    how: str
    freed: Deed
    used: Deed


class Graveyard:
    """What was freed in one cell, and who used it since.

    `deed` makes a deed of the calling thread; `on_use` is called in the thread that uses, before it raises. A freed
    object's deed is found by its id: nobody else has that while it lives. The lock guards the list of uses; a dict's
    single reads and writes are atomic in every build of Python.
    """

    def __init__(self, deed: Callable[[RawStack], Deed], on_use: Callable[[Use], None]) -> None:
        """Nothing was freed yet."""
        self._deed = deed
        self._on_use = on_use
        self._lock = threading.Lock()
        self._keys: dict[Hashable, Deed] = {}
        self._objects: dict[int, Deed] = {}
        self._graves: dict[type, type] = {}
        self.uses: list[Use] = []
        self.count = 0

    def bury(self, obj: object) -> None:
        """Poison an object. TypeError if its class cannot be swapped; a second time is a use."""
        cls = type(obj)
        if FREED in cls.__dict__:
            self._used(cls.__qualname__, "freed again", self._objects[id(obj)])
        deed = self._deed(take_stack())
        try:
            grave = self._graves.get(cls) or self._grave(cls)
            self._objects[id(obj)] = deed
            object.__setattr__(obj, "__class__", grave)
        except Exception:  # whatever metaclasses raise
            self._objects.pop(id(obj), None)
            raise _unswappable(cls) from None

    def free(self, key: Hashable) -> None:
        """Mark a key as freed."""
        self._keys[key] = self._deed(take_stack())

    def allocate(self, key: Hashable) -> None:
        """Mark a key as in use again."""
        self._keys.pop(key, None)

    def check(self, key: Hashable) -> None:
        """Note a use of a key, and raise UsedAfterFreeError, if it was freed."""
        deed = self._keys.get(key)
        if deed is not None:
            self._used(f"key {key!r}", "check", deed)

    def _used(self, what: str, how: str, freed: Deed) -> None:
        """Note a use, the first few in full, and raise."""
        use = Use(what, how, freed, self._deed(take_stack()))
        with self._lock:
            self.count += 1
            if len(self.uses) < MOST_USES:
                self.uses.append(use)
        self._on_use(use)
        raise UsedAfterFreeError(f"{what} was freed by {freed.who} and is used now: {how}")

    def _grave(self, cls: type) -> type:
        """The class of freed objects of a class."""
        names = {FREED: True, "__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        body = {**names, **{name: self._reporter(name) for name in SPECIAL}, "__del__": self._undertaker(cls)}
        grave = types.new_class(cls.__name__, (cls,), exec_body=lambda space: space.update(body))
        return self._graves.setdefault(cls, grave)

    def _reporter(self, name: str) -> Callable[..., Any]:
        """A special method that reports."""

        def used(obj: object, *args: object, **kwargs: object) -> Any:
            how = f"{name}({args[0]!r})" if name in ATTRIBUTES else name
            self._used(type(obj).__qualname__, how, self._objects[id(obj)])

        return used

    def _undertaker(self, cls: type) -> Callable[[object], None]:
        """What ends a freed object: it dies as what it was."""
        last_will = getattr(cls, "__del__", None)

        def ends(obj: object) -> None:
            self._objects.pop(id(obj), None)
            if last_will:
                object.__setattr__(obj, "__class__", cls)
                last_will(obj)

        return ends


def _unswappable(cls: type) -> TypeError:
    """What is told of an object that keeps its class."""
    return TypeError(
        f"the class of a {cls.__qualname__} cannot be swapped; mark the object as freed with a key of your own: "
        "stress.freed(key), and stress.check(key) where the object is used"
    )
