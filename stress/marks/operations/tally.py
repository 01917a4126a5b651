"""What is counted of a CPU, or of the judge of rounds: outcomes, the first violation of each, exceptions."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable

import attrs

from stress.host import clocks
from stress.marks.bodies import add_note, fault_of_value, printable
from stress.marks.noise.switches import Kind
from stress.marks.operations.poison import Use, UsedAfterFreeError
from stress.marks.operations.positions import Position, without_harness

FREED = "freed"
MOST_FIRSTS = 8


@attrs.frozen
class Judging:
    """How the operations of one run are judged.

    `acceptable`: the outcomes that are no violations. `began_ns`: the start of the run. `stop` ends it.
    `first_only`: the first violation ends the run.
    """

    acceptable: frozenset[str] = frozenset()
    began_ns: int = 0
    stop: Callable[[], None] = lambda: None
    first_only: bool = False

    @property
    def seconds(self) -> float:
        """The seconds since the start."""
        return (clocks.monotonic_ns() - self.began_ns) / 1e9


@attrs.frozen
class First:
    """The first violation of its outcome, or an exception (`outcome` is its type then): who saw it, and when.

    `seconds` are since the start, `kind` is that of the slice. `positions`: where the other CPUs stood.
    """

    outcome: str
    who: str
    kind: Kind
    seconds: float
    positions: tuple[Position, ...]
    detail: str = ""
    use: Use | None = None


@attrs.define(eq=False)
class Tally:
    """Counts of one CPU, or of the rounds. One thread at a time changes them; others read them after the run.

    `name` is that of the code that is judged, `who()` says which of its calls is under way.
    """

    judging: Judging
    name: str
    who: Callable[[], str]
    others: Callable[[], Iterable[Position]] = tuple
    accepted: dict[str, int] = attrs.field(init=False)
    forbidden: Counter[str] = attrs.field(init=False, factory=Counter)
    firsts: dict[str, First] = attrs.field(init=False, factory=dict)
    errors: list[BaseException] = attrs.field(init=False, factory=list)
    raised: First | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.accepted = dict.fromkeys(self.judging.acceptable, 0)

    @property
    def outcomes(self) -> Counter[str]:
        """The number of operations with each outcome."""
        return Counter({name: count for name, count in self.accepted.items() if count}) + self.forbidden

    def judge(self, value: object, kind: Kind) -> None:
        """Count what a body returned: the name of an outcome, such a name and a detail, or None for nothing."""
        detail = ""
        if isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, str) for one in value):
            value, detail = value
        if isinstance(value, str):
            self.count(value, kind, detail)
        elif value is not None:
            self.keep(TypeError(f"{self.name} {fault_of_value(value)}"), kind)

    def count(self, outcome: str, kind: Kind, detail: str = "", use: Use | None = None) -> None:
        """Count an outcome, and keep the first of each that is not acceptable."""
        if outcome in self.accepted:
            self.accepted[outcome] += 1
            return
        self.forbidden[outcome] += 1
        if outcome not in self.firsts and len(self.firsts) < MOST_FIRSTS:
            self.firsts[outcome] = self._first(outcome, kind, detail, use)
        if self.judging.first_only:
            self.judging.stop()

    def count_raised(self, error: BaseException, kind: Kind, use: Use | None) -> None:
        """Count an exception as `freed` if the use of something freed caused it, else keep it."""
        if use is not None and _has_use(error):
            self.count(FREED, kind, use=use)
        else:
            self.keep(error, kind)

    def keep(self, error: BaseException, kind: Kind) -> None:
        """Keep an exception for the report, and end the run."""
        error = BaseException.with_traceback(printable(error), without_harness(error))
        first = self._first(type(error).__name__, kind)
        where = f"on {first.who}, {first.seconds:.3f} s after the start, {kind.name.lower()} slice"
        add_note(error, where)
        self.raised = self.raised or first
        self.errors.append(error)
        self.judging.stop()

    def _first(self, outcome: str, kind: Kind, detail: str = "", use: Use | None = None) -> First:
        """The first of its kind, now."""
        return First(outcome, self.who(), kind, self.judging.seconds, tuple(self.others()), detail, use)

    def frozen(self) -> "Tally":
        """A copy that a thread which is still in an operation cannot change."""
        one = copy.copy(self)
        one.accepted, one.forbidden = dict(self.accepted), Counter(self.forbidden)
        one.firsts, one.errors = dict(self.firsts), list(self.errors)
        return one


def firsts_of(tallies: Iterable[Tally]) -> list[First]:
    """The first violation of each outcome and the first exception of all tallies, in the order of time."""
    seen = [first for tally in tallies for first in (*tally.firsts.values(), *filter(None, [tally.raised]))]
    seen.sort(key=lambda first: first.seconds, reverse=True)
    return sorted({first.outcome: first for first in seen}.values(), key=lambda first: first.seconds)


def _has_use(error: BaseException | None) -> bool:
    """Whether a use of something freed caused an exception."""
    seen: set[int] = set()  # exceptions may be each other's context
    while error is not None and id(error) not in seen and not isinstance(error, UsedAfterFreeError):
        seen.add(id(error))
        error = error.__context__ if error.__cause__ is None else error.__cause__
    return isinstance(error, UsedAfterFreeError)
