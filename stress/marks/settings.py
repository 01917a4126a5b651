"""The settings of a test, found and checked: an invalid one is reported in one line before anything runs.

The command line comes before the mark, the mark before the settings file, and that before the default. Called by
`stress.pytest_plugin` and `stress.marks.scenario_items`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from stress.config import DEFAULT_CPUS
from stress.errors import UserError
from stress.extras import needs
from stress.host.cores import HOW, SETTING, WAIT
from stress.machine import engines
from stress.machine.words import MAX_CPUS
from stress.settings import ENGINES, LARGEST_SEED
from stress.units import parse_duration

SMOKE = "1s"
CPUS = str(DEFAULT_CPUS)
REPEAT = "1"
EXPLORE = "2s"
MOST_SECONDS = 86400.0


@attrs.frozen
class Setting:
    """One setting: its name, its default, and the function that reads it (value, origin).

    `variable` is the environment variable that comes after the settings file, if there is one.
    """

    name: str
    default: str
    read: Callable[[object, str], Any]
    variable: str = ""

    def find(self, line: object, marked: Mapping[str, object], ini: str, default: str | None = None) -> Any:
        """Its value; `default` replaces the usual one. UserError, with the value's origin, if it is invalid."""
        if line is not None:
            return self.read(line, f"--stress-{self.name}")
        if marked.get(self.name) is not None:
            return self.read(marked[self.name], f"@pytest.mark.stress({self.name}=...)")
        if ini:
            return self.read(ini, f"stress_{self.name} in the settings file")
        if value := os.environ.get(self.variable):
            return self.read(value, self.variable)
        return self.read(default or self.default, f"stress_{self.name}")


def whole(text: object, origin: str, least: int, most: int, what: str) -> int:
    """A whole number from `least` to `most`; UserError, which says that it is not `what`, for anything else."""
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
        raise UserError(f"{origin}: no CPU count; give one or more, like 2,4,8")
    return tuple(dict.fromkeys(whole(part, origin, 1, MAX_CPUS, "a CPU count") for part in parts))


def read_duration(value: object, origin: str) -> float:
    """Seconds for one cell."""
    if not isinstance(value, str):
        raise UserError(f"{origin}: {value!r} is not a duration; write text with a unit, like '500ms'")
    seconds = parse_duration(value, origin)
    if not 0 < seconds <= MOST_SECONDS:
        raise UserError(f"{origin}: the duration must be greater than 0 and at most a day (got {value!r})")
    return seconds


def read_explore(value: object, origin: str) -> float:
    """Seconds to look for a schedule; 0 for no search."""
    return 0.0 if value in ("0", "0s") else read_duration(value, origin)


def read_seed(value: object, origin: str) -> int | None:
    """A seed; None for `random`, which is a new one in each run."""
    return None if value == "random" else whole(value, origin, 0, LARGEST_SEED, "a seed")


def read_repeat(value: object, origin: str) -> int:
    """The number of cells for each number of CPUs."""
    return whole(value, origin, 1, 1_000_000, "a number of repetitions")


def read_engine(value: object, origin: str) -> str:
    """The name of an engine, or `auto`."""
    if value not in ENGINES:
        raise UserError(f"{origin}: {value!r} is not an engine; give one of {', '.join(ENGINES)}")
    return str(value)


def read_cores(value: object, origin: str) -> str:
    """What an item does while another stress run holds the cores: wait, share or skip."""
    if value not in HOW:
        raise UserError(f"{origin}: must be one of {', '.join(HOW)} (got {value!r})")
    return str(value)


SETTINGS = {
    one.name: one
    for one in (
        Setting("cpus", CPUS, read_cpus),
        Setting("duration", SMOKE, read_duration),
        Setting("seed", "random", read_seed),
        Setting("repeat", REPEAT, read_repeat),
        Setting("engine", "auto", read_engine),
        Setting("cores", WAIT, read_cores, SETTING),
        Setting("explore", EXPLORE, read_explore),
    )
}
MARKED = ("cpus", "duration", "seed", "repeat")


def check_mark(args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Raise UserError for arguments that the mark does not take."""
    if args:
        raise UserError(f"@pytest.mark.stress: name each argument: {', '.join(MARKED)} (got {args[0]!r})")
    for name in kwargs:
        if name not in MARKED:
            raise UserError(f"@pytest.mark.stress: unknown argument {name!r}; give {', '.join(MARKED)}")


def find_setting(config: pytest.Config, name: str, marked: Mapping[str, Any], default: str | None = None) -> Any:
    """One setting of an item, as `find_settings` finds it."""
    line, ini = config.getoption(f"--stress-{name}"), config.getini(f"stress_{name}")
    return SETTINGS[name].find(line, marked, ini, default)


def find_settings(config: pytest.Config, marked: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    """Every setting of an item: from the command line, the mark, the settings file, `defaults`, or its own default.

    Raises:
        UserError: for a setting that is invalid.
    """

    found = {name: find_setting(config, name, marked, defaults.get(name)) for name in SETTINGS}
    if found["engine"] == "native" and not engines.has_llvmlite():
        raise UserError(f"{needs('stress engine native', 'native')}, or use --stress-engine python")
    overrides = (one for one in config.getoption("override_ini") or () if one.startswith("stress_noise="))
    return {**found, "overrides": tuple(overrides)}
