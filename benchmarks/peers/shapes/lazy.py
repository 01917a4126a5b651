"""Faults of what is made at its first use: made twice, or seen before it is complete."""

from benchmarks.peers.shapes.shape import RIGHT, Guard, Shape


class Attribute:
    """An object that makes a part of itself when it is first asked for."""

    def __init__(self, guard: Guard) -> None:
        """Without the part."""
        self._guard = guard
        self._part: list[int] | None = None

    def part(self) -> list[int]:
        """The part."""
        with self._guard:
            if self._part is None:
                self._part = []
            return self._part


class Module:
    """A module that fills its table at the first use, and says too early that it has."""

    def __init__(self, guard: Guard) -> None:
        """Without a table."""
        self._guard = guard
        self._table: dict[str, int] | None = None

    def lookup(self) -> str:
        """KeyError if the table is seen before it is full."""
        with self._guard:
            if self._table is None:
                self._table = {}
                for number, name in enumerate(("one", "two", "three")):
                    self._table[name] = number
            return RIGHT if self._table["three"] == 2 else "another number"


class Property:
    """A property that is computed at its first use, once and never again."""

    def __init__(self, guard: Guard) -> None:
        """Not computed."""
        self._guard = guard
        self._values: dict[str, int] = {}
        self.computed: list[int] = []

    def value(self) -> int:
        """The value."""
        with self._guard:
            if "value" not in self._values:
                self.computed.append(1)
                self._values["value"] = 42
            return self._values["value"]


def one_part(subject: Attribute, returned: list[list[int]]) -> str:
    """Whether all threads got the same part."""
    return RIGHT if all(one is returned[0] for one in returned) else "two parts"


def computed_once(subject: Property, returned: list[int]) -> str:
    """Whether the value was computed once."""
    return RIGHT if len(subject.computed) == 1 else f"computed {len(subject.computed)} times"


SHAPES = (
    Shape("lazy attribute", Attribute, (Attribute.part,), True, one_part),
    Shape("lazy module", Module, (Module.lookup,), True),
    Shape("computed exactly once", Property, (Property.value,), True, computed_once),
)
