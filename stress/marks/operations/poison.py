"""Poison: every later use of a freed object is noted, from any thread, even if the code catches what the use raises.

The object's class is swapped for one whose attributes and special methods all note the use and raise. An object whose
class cannot be swapped is marked as freed under a key, and the code under test says where it uses the object.
"""

import types
from collections.abc import Callable, Hashable
from typing import Any

import attrs

from stress.host import threads
from stress.machine.stacks import RawStack, take_stack

MOST_USES = 16
FREED = "_kstress_freed"
"""The attribute by which the classes of freed objects are known."""
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
"""The special methods of objects, from the data model of the language's reference, without `__del__`."""


class UsedAfterFreeError(Exception):
    """Something that was freed is used. The use is noted before this is raised."""


@attrs.frozen
class Action:
    """A free or a use: by whom (CPU, role and operation, or the thread's name), when in ns, and its stack."""

    who: str
    at_ns: int
    stack: RawStack


@attrs.frozen
class Use:
    """A use of something freed."""

    what: str
    how: str
    freed: Action
    used: Action


class FreedObjects:
    """What was freed in one cell, and each use of it since.

    `action` makes an Action of the calling thread; `on_use` is called in the thread that uses, before it raises. The
    dict finds the free of an object by its id, which no other object has while it lives. The lock guards the list and
    the count of uses; a single read or write of a dict is atomic in every build of Python.
    """

    def __init__(self, action: Callable[[RawStack], Action], on_use: Callable[[Use], None]) -> None:
        """Nothing is freed yet."""
        self._action = action
        self._on_use = on_use
        self._lock = threads.new_lock()
        self._keys: dict[Hashable, Action] = {}
        self._objects: dict[int, Action] = {}
        self._freed_classes: dict[type, type] = {}
        self.uses: list[Use] = []
        self.count = 0

    def poison(self, obj: object) -> None:
        """Poison an object. TypeError if its class cannot be swapped; poisoning it twice is a use."""
        cls = type(obj)
        if FREED in cls.__dict__:
            self._used(cls.__qualname__, "freed again", self._objects[id(obj)])
        action = self._action(take_stack())
        try:
            freed_class = self._freed_classes.get(cls) or self._freed_class(cls)
            self._objects[id(obj)] = action
            object.__setattr__(obj, "__class__", freed_class)
        except Exception:  # whatever metaclasses raise
            self._objects.pop(id(obj), None)
            raise _unswappable(cls) from None

    def free(self, key: Hashable) -> None:
        """Mark a key as freed."""
        self._keys[key] = self._action(take_stack())

    def allocate(self, key: Hashable) -> None:
        """Mark a key as in use again."""
        self._keys.pop(key, None)

    def check(self, key: Hashable) -> None:
        """Note a use of a key, and raise UsedAfterFreeError, if it was freed."""
        action = self._keys.get(key)
        if action is not None:
            self._used(f"key {key!r}", "check", action)

    def _used(self, what: str, how: str, freed: Action) -> None:
        """Note a use, the first MOST_USES in full, and raise UsedAfterFreeError."""
        use = Use(what, how, freed, self._action(take_stack()))
        with self._lock:
            self.count += 1
            if len(self.uses) < MOST_USES:
                self.uses.append(use)
        self._on_use(use)
        raise UsedAfterFreeError(f"{what} was freed by {freed.who} and is used now: {how}")

    def _freed_class(self, cls: type) -> type:
        """The class that freed objects of `cls` get."""
        names = {FREED: True, "__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        body = {**names, **{name: self._used_by(name) for name in SPECIAL}, "__del__": self._finalizer(cls)}
        freed_class = types.new_class(cls.__name__, (cls,), exec_body=lambda space: space.update(body))
        return self._freed_classes.setdefault(cls, freed_class)

    def _used_by(self, name: str) -> Callable[..., Any]:
        """A special method that notes its use."""

        def used(obj: object, *args: object, **kwargs: object) -> Any:
            how = f"{name}({args[0]!r})" if name in ATTRIBUTES else name
            self._used(type(obj).__qualname__, how, self._objects[id(obj)])

        return used

    def _finalizer(self, cls: type) -> Callable[[object], None]:
        """The `__del__` of a freed object: it gets its own class back, and its own `__del__` runs."""
        finalize = getattr(cls, "__del__", None)

        def ends(obj: object) -> None:
            self._objects.pop(id(obj), None)
            if finalize:
                object.__setattr__(obj, "__class__", cls)
                finalize(obj)

        return ends


def _unswappable(cls: type) -> TypeError:
    """The error for an object whose class cannot be swapped."""
    return TypeError(
        f"the class of a {cls.__qualname__} cannot be swapped; mark the object as freed with a key of your own: "
        "stress.freed(key), and stress.check(key) where the object is used"
    )
