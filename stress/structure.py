"""A lockless structure of one's own: its objects, how it is filled, what readers can see. `stress.studies` runs it."""

from collections.abc import Callable, Mapping, Sequence

import attrs

from stress.judge.outcomes import OUTCOMES, Outcome
from stress.kernel.protocol import Protocol
from stress.kernel.struct import Struct
from stress.machine.seam import Cpu

FAULTS = ("wild", "endless")
DEFAULT_OBJECTS = 1024
MOST_OBJECTS = 1 << 20


def _check_objects(structure: "Structure", attribute: object, objects: object) -> None:
    """ValueError for what is no number of objects."""
    if not isinstance(objects, int) or not 1 <= objects <= MOST_OBJECTS:
        what = f"the structure {structure.name} has objects={objects!r:.40}"
        raise ValueError(f"{what}; give a whole number from 1 to {MOST_OBJECTS:,}")


def _check_structs(structure: "Structure", attribute: object, structs: object) -> None:
    """ValueError for what is no list of kinds of objects."""
    if not isinstance(structs, Sequence) or not all(isinstance(one, Struct) for one in structs):
        what = f"the structure {structure.name} has structs={structs!r:.40}"
        raise ValueError(f"{what}; give a list of Struct, empty for static words alone")


@attrs.frozen(eq=False)
class Structure:
    """What readers read and writers change.

    structs: the kinds of its objects, none if it is made of static words alone. boot: fills it before any CPU runs, as
    part of the image; it is given a protocol that does nothing. outcomes: what an operation of a reader can end in,
    from `Outcome.table`. objects: how many objects, each as large as the largest, memory has room for, those that wait
    for their free included. reads: what results call the operations of readers.
    """

    name: str
    structs: Sequence[Struct] = attrs.field(validator=_check_structs)
    boot: Callable[[Cpu, Protocol], None]
    outcomes: Mapping[str, Outcome] = attrs.field(kw_only=True)
    objects: int = attrs.field(
        default=DEFAULT_OBJECTS,
        kw_only=True,
        validator=_check_objects,
    )
    reads: str = attrs.field(default="reads", kw_only=True)

    @property
    def all_outcomes(self) -> Mapping[str, Outcome]:
        """Its own, and the faults that every operation can end in."""
        return {**{name: OUTCOMES[name] for name in FAULTS}, **self.outcomes}

    @property
    def labels(self) -> Mapping[int, Struct]:
        """The kinds of objects by the labels of their blocks."""
        return {struct.LABEL: struct for struct in self.structs}
