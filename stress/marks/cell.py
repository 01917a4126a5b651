"""A cell: one test on one number of CPUs, with one seed. Where its settings come from, checked.

The command line comes before the marker, the marker before the settings file, that before the defaults.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from stress.config import DEFAULT_CPUS, ENGINES, LARGEST_SEED
from stress.errors import UserError
from stress.machine.words import MAX_CPUS
from stress.units import parse_duration, write_duration

SMOKE = "1s"
GRACE_SECONDS = 5.0
CPUS = str(DEFAULT_CPUS)
REPEAT = "1"
SEED_BITS = 32
MOST_SECONDS = 86400.0


@attrs.frozen
class Cell:
    """What one test item runs: CPUs, seconds, the seed of its noise and its `cpu.random`, which repetition it is."""

    cpus: int
    duration_s: float
    seed: int
    repeat: int = 0

    @property
    def budget_s(self) -> float:
        """By when its run has ended, whatever its bodies do."""
        return self.duration_s + GRACE_SECONDS

    @property
    def name(self) -> str:
        """The part of the item's name in brackets."""
        again = f"-again{self.repeat}" if self.repeat else ""
        return f"{self.cpus}cpus{again}"


@attrs.frozen
class Setting:
    """One setting: its name, the value that it has without being given, what reads it (value, origin)."""

    name: str
    default: str
    read: Callable[[object, str], Any]

    def find(self, line: object, marked: Mapping[str, object], ini: str, default: str | None = None) -> Any:
        """Its value, `default` if there is another than usual; UserError, with its origin, if it cannot be used."""
        if line is not None:
            return self.read(line, f"--stress-{self.name}")
        if marked.get(self.name) is not None:
            return self.read(marked[self.name], f"@pytest.mark.stress({self.name}=...)")
        if ini:
            return self.read(ini, f"stress_{self.name} in the settings file")
        return self.read(default or self.default, f"stress_{self.name}")


def whole(text: object, origin: str, least: int, most: int, what: str) -> int:
    """A whole number within bounds."""
    if isinstance(text, bool) or not isinstance(text, int | str):
        raise UserError(f"{origin}: {text!r} is not {what}; give a whole number")
    try:
        number = int(text)
    except ValueError:
        raise UserError(f"{origin}: {text!r} is not {what}; give a whole number") from None
    if not least <= number <= most:
        raise UserError(f"{origin}: {number} is not {what}; give {least} to {most}")
    return number


def read_cpus(value: object, origin: str) -> tuple[int, ...]:
    """CPU counts, each once: a number, a list of them, or text like `2,4,8`."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    parts = list(value) if isinstance(value, Sequence) and several else str(value).split(",")
    if not parts:
        raise UserError(f"{origin}: no CPU count; give one or several, like 2,4,8")
    return tuple(dict.fromkeys(whole(part, origin, 1, MAX_CPUS, "a CPU count") for part in parts))


def read_duration(value: object, origin: str) -> float:
    """Seconds for one cell."""
    if not isinstance(value, str):
        raise UserError(f"{origin}: {value!r} is not a duration; write text with a unit, like '500ms'")
    seconds = parse_duration(value, origin)
    if not 0 < seconds <= MOST_SECONDS:
        raise UserError(f"{origin}: {value!r} is no time for a test; give more than 0 and at most a day")
    return seconds


def read_seed(value: object, origin: str) -> int | None:
    """A seed; `random` for another one in each run."""
    return None if value == "random" else whole(value, origin, 0, LARGEST_SEED, "a seed")


def read_repeat(value: object, origin: str) -> int:
    """How many cells there are of each kind."""
    return whole(value, origin, 1, 1_000_000, "a number of repetitions")


def read_engine(value: object, origin: str) -> str:
    """An engine's name."""
    if value not in ENGINES:
        raise UserError(f"{origin}: {value!r} is no engine; give one of {', '.join(ENGINES)}")
    return str(value)


SETTINGS = {
    one.name: one
    for one in (
        Setting("cpus", CPUS, read_cpus),
        Setting("duration", SMOKE, read_duration),
        Setting("seed", "random", read_seed),
        Setting("repeat", REPEAT, read_repeat),
        Setting("engine", "auto", read_engine),
    )
}
MARKED = ("cpus", "duration", "seed", "repeat")


def check_mark(args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Raise UserError for arguments that the marker does not take."""
    if args:
        raise UserError(f"@pytest.mark.stress: {args[0]!r} has no name; give it as one of {', '.join(MARKED)}")
    for name in kwargs:
        if name not in MARKED:
            raise UserError(f"@pytest.mark.stress: there is no {name!r}; there are {', '.join(MARKED)}")


def fresh_seed() -> int:
    """A seed that nobody has chosen; short enough to be typed again."""
    return secrets.randbits(SEED_BITS)


def cells(found: Mapping[str, Any]) -> list[Cell]:
    """Every cell of a test, from its settings; without a seed each has one of its own."""
    return [
        Cell(cpus, found["duration"], fresh_seed() if found["seed"] is None else found["seed"] + repeat, repeat)
        for cpus in found["cpus"]
        for repeat in range(found["repeat"])
    ]


def again(nodeid: str, cell: Cell) -> str:
    """The command that runs one cell again, wherever its settings came from."""
    given = {"cpus": cell.cpus, "seed": cell.seed - cell.repeat, "duration": write_duration(cell.duration_s)}
    if cell.repeat:
        given["repeat"] = cell.repeat + 1
    return " ".join([f'pytest "{nodeid}"', *(f"--stress-{name} {value}" for name, value in given.items())])
