"""The conditions of a run: what of the host and the settings its figures depend on."""

import os
import platform
import sys

import attrs

from stress.config import Config, keeping, settings_of
from stress.host.system import times_of_all_cores
from stress.machine.engines import usable_cores
from stress.machine.gil import gil_enabled
from stress.settings import CONDITIONS

LEAST_CPU_SECONDS = 1.0
"""The least CPU time of all cores of which a share is worth giving: systems count it in steps of 10 ms."""


@attrs.frozen(field_transformer=keeping(CONDITIONS))
class Conditions:
    """Host and settings of one run; times in seconds, `noise` as a share of accesses, `affinity` as core numbers.

    Settings are None where the scenario was run as its file states it.
    """

    python: str
    gil: bool
    numba: str | None
    """Of runs before kstress had a compiler of its own; None."""
    cores: int
    affinity: list[int] | None
    switch_interval_s: float | None
    steal_percent: float | None
    kasan: bool
    noise: float
    pace_s: float
    stall_after_s: float
    readers_per_writer: int | None = None
    gap_s: float | None = None
    fate: str | None = None
    llvmlite: str | None = None


def affinity() -> list[int] | None:
    """The cores this process may use; None where the system does not say."""
    try:
        return sorted(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # on macOS, or not allowed
        return None


def version_of_llvmlite() -> str | None:
    """The version of llvmlite; None without it. What `importlib.metadata` imports takes ten times as long."""
    try:
        import llvmlite
    except ImportError:
        return None
    return str(llvmlite.__version__)


@attrs.define
class StealMeter:
    """Measures what share of the host's CPU time went to other guests since it was made."""

    _before: tuple[float, float] | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember where the counters stand."""
        self._before = self._read()

    @staticmethod
    def _read() -> tuple[float, float] | None:
        """Seconds stolen and seconds in all, since the host started; None where the system does not count them."""
        return times_of_all_cores()

    def percent(self) -> float | None:
        """Steal in percent; None where the system does not count it, or has counted too little to tell."""
        before, now = self._before, self._read()
        if before is None or now is None or now[1] - before[1] < LEAST_CPU_SECONDS:
            return None
        return round(100 * (now[0] - before[0]) / (now[1] - before[1]), 2)


def host_conditions(config: Config, steal: StealMeter) -> Conditions:
    """The conditions now, for a run with this config, in which the engine's defaults are filled in."""
    gil = gil_enabled()
    settings = settings_of(config, CONDITIONS)
    return Conditions(
        python=platform.python_version(),
        gil=gil,
        numba=None,
        llvmlite=version_of_llvmlite(),
        cores=usable_cores(),
        affinity=affinity(),
        switch_interval_s=(config.switch_interval_s or sys.getswitchinterval()) if gil else None,
        steal_percent=steal.percent(),
        **{**settings, "noise": float(settings["noise"])},
    )
