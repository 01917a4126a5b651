"""How to run: one frozen object that the command line, the pytest plugin and Python callers fill in."""

import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
from attrs.converters import optional

from stress.errors import UserError
from stress.machine.gil import gil_enabled
from stress.settings import SETTINGS, Setting

DEFAULT_CPUS = 4
DEFAULT_SECONDS = 10.0


def wrong_settings(record: object, settings: Iterable[Setting] = SETTINGS) -> Iterator[tuple[str, str]]:
    """The flag of each setting that is out of range in a record with a field for each, and what is wrong."""
    for setting in settings:
        wrong = setting.wrong(getattr(record, setting.field))
        if wrong:
            yield setting.flag, wrong


@attrs.frozen(kw_only=True)
class Config:
    """How scenarios are run. None stands for a default that depends on the engine, or for a random seed.

    `duration_s`, `pace_s` and `stall_after_s` are in seconds; `noise` is the share of memory accesses at which
    a CPU gives up its core; `pace_s` is the rest of a writer between two operations. `switch_interval_s` is how long a
    thread waits for the GIL before it asks for it. `readers_per_writer`, `gap_s` and `fate` vary the scenario: how CPUs
    are dealt out, the length of a hypervisor's gaps, what becomes of freed memory.

    `stress.settings` has the range of each. The command that runs a run again gives them in this order.

    Raises:
        UserError: for a value out of range.
    """

    engine: str = "auto"
    cpus: int = DEFAULT_CPUS
    duration_s: float = DEFAULT_SECONDS
    seed: int = attrs.field(factory=lambda: int.from_bytes(os.urandom(4)) >> 1)
    kasan: bool = True
    noise: Fraction | None = None
    pace_s: float | None = None
    stall_after_s: float | None = None
    stop_on_violation: bool = False
    corpus: Path | None = attrs.field(default=None, converter=optional(Path))
    switch_interval_s: float | None = None
    gap_s: float | None = None
    readers_per_writer: int | None = None
    fate: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check what types cannot."""
        for flag, wrong in wrong_settings(self):
            raise UserError(f"{flag}: {wrong}")
        if self.switch_interval_s is not None and not gil_enabled():
            raise UserError("--switch-interval: there is no GIL to wait for here; leave it out")


def settings_of(record: object, settings: Iterable[Setting] = SETTINGS) -> dict[str, Any]:
    """The values that a record with a field for each of `settings` has, by the names of the fields."""
    return {setting.field: getattr(record, setting.field) for setting in settings}


NEWER = "newer"
"""The metadata of fields that run directories of before need not have."""

Fields = list["attrs.Attribute[Any]"]


def keeping(settings: Iterable[Setting]) -> Callable[[type, Fields], Fields]:
    """A field transformer of attrs for a record that run directories keep: it has a field for each of `settings`.

    The record declares those that it has always had, in the order of its JSON. The others come behind them, of the type
    that `Config` has, and None where a run directory of before has none.
    """
    known = attrs.fields_dict(Config)

    def add(record: type, fields: Fields) -> Fields:
        declared = {field.name for field in fields}
        more = [known[setting.field] for setting in settings if setting.field not in declared]
        return [*fields, *(field.evolve(default=None, converter=None, metadata={NEWER: True}) for field in more)]

    return add
