"""Freed objects: every use is noted before it raises, whoever makes it, whatever catches it."""

import abc
import dataclasses
import enum
import gc
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from stress.machine.stacks import RawStack
from stress.marks.operations.poison import Action, FreedObjects, Use, UsedAfterFreeError

pytestmark = pytest.mark.threads


def action(stack: RawStack) -> Action:
    return Action(threading.current_thread().name, 0, stack)


@pytest.fixture
def uses() -> list[Use]:
    return []


@pytest.fixture
def freed_objects(uses: list[Use]) -> FreedObjects:
    return FreedObjects(action, uses.append)


class Plain:
    def __init__(self) -> None:
        self.x = 1

    def method(self) -> int:
        return self.x


class Slots:
    __slots__ = ("__weakref__", "x")


class Abstract(Plain, abc.ABC):
    pass


@attrs.frozen
class Frozen:
    x: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots:
    x: int = 1


class OfList(list[int]):
    x = 1


class OfError(Exception):
    x = 1


class Colour(enum.Enum):
    RED = 1


KINDS = [Plain, Slots, Abstract, Frozen, FrozenSlots, OfList, OfError]

USED: dict[str, Callable[[Any], object]] = {
    "an attribute": lambda obj: obj.x,
    "an attribute that there is not": lambda obj: obj.nothing,
    "setting": lambda obj: setattr(obj, "x", 2),
    "deleting": lambda obj: delattr(obj, "x"),
    "a method": lambda obj: obj.method(),
    "printing": repr,
    "text": str,
    "truth": bool,
    "hashing": hash,
    "comparing": lambda obj: obj == 3,
    "comparing in a list": lambda obj: [obj] == [3],
    "length": len,
    "indexing": lambda obj: obj[0],
    "iterating": iter,
    "containing": lambda obj: 3 in obj,
    "calling": lambda obj: obj(),
    "adding": lambda obj: obj + 1,
    "adding from the right": lambda obj: 1 + obj,
    "entering": lambda obj: obj.__enter__(),
    "a with block": lambda obj: type(obj).__enter__(obj),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", USED)
def test_any_use_is_noted_and_raises(
    used: str, kind: Callable[[], object], freed_objects: FreedObjects, uses: list[Use]
) -> None:
    obj = kind()
    freed_objects.poison(obj)
    with pytest.raises(UsedAfterFreeError):
        USED[used](obj)
    assert len(uses) == freed_objects.count == 1
    assert uses[0].what == getattr(kind, "__qualname__", "")
    assert any("test_any_use" in code.co_name for code, _ in uses[0].freed.stack)
    assert any(code.co_filename == __file__ for code, _ in uses[0].used.stack)


def _swallows(obj: Plain) -> bool:
    try:
        return obj.x < 0
    except Exception:
        return True


def test_a_use_that_is_caught_is_noted_all_the_same(freed_objects: FreedObjects, uses: list[Use]) -> None:
    obj = Plain()
    freed_objects.poison(obj)
    assert _swallows(obj)
    assert [use.how for use in uses] == ["__getattribute__('x')"]


def test_a_method_under_way_meets_the_poison(freed_objects: FreedObjects, uses: list[Use]) -> None:
    obj = Plain()
    method = obj.method
    freed_objects.poison(obj)
    with pytest.raises(UsedAfterFreeError):
        method()
    assert [use.used.who for use in uses] == [threading.current_thread().name]


def test_a_second_free_is_a_use(freed_objects: FreedObjects, uses: list[Use]) -> None:
    obj = Plain()
    freed_objects.poison(obj)
    with pytest.raises(UsedAfterFreeError):
        freed_objects.poison(obj)
    assert [use.how for use in uses] == ["freed again"]


def test_every_use_of_every_thread_is_counted(freed_objects: FreedObjects) -> None:
    obj = Plain()
    freed_objects.poison(obj)
    threads = [threading.Thread(target=lambda: [_swallows(obj) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert freed_objects.count == 800
    assert len(freed_objects.uses) == 16


@pytest.mark.parametrize(
    "obj",
    [[], {}, 3, "text", object(), threading.Lock(), Plain, test_a_second_free_is_a_use, Colour.RED],
    ids=lambda obj: type(obj).__name__,
)
def test_what_cannot_be_poisoned_is_refused_with_the_alternative_and_stays_as_it_is(
    obj: object, freed_objects: FreedObjects
) -> None:
    cls = type(obj)
    with pytest.raises(
        TypeError, match=rf"the class of a {cls.__qualname__} cannot be swapped; .*stress\.freed\(key\)"
    ):
        freed_objects.poison(obj)
    assert type(obj) is cls
    assert freed_objects.count == 0


def test_a_freed_object_dies_as_what_it_was_and_that_is_no_use(freed_objects: FreedObjects) -> None:
    died: list[int] = []

    class Mortal(Plain):
        def __del__(self) -> None:
            died.append(self.x)

    obj = Mortal()
    freed_objects.poison(obj)
    del obj
    gc.collect()
    assert died == [1]
    assert freed_objects.count == 0


def test_another_object_of_the_class_is_as_before(freed_objects: FreedObjects) -> None:
    freed_objects.poison(Plain())
    assert Plain().method() == 1


def test_a_key_is_used_after_free_until_it_is_allocated_again(freed_objects: FreedObjects, uses: list[Use]) -> None:
    freed_objects.check("k")
    freed_objects.free("k")
    with pytest.raises(UsedAfterFreeError, match="key 'k' was freed by MainThread and is used now: check"):
        freed_objects.check("k")
    freed_objects.allocate("k")
    freed_objects.check("k")
    assert len(uses) == 1
