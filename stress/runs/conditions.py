"""The conditions of a run: what of the host and the settings its figures depend on."""

import platform
import sys
from typing import Any

import attrs
import psutil

from stress.config import Config, keeping, settings_of
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
        process = psutil.Process()
        return list(process.cpu_affinity() or []) if hasattr(process, "cpu_affinity") else None
    except (psutil.Error, OSError):  # without /proc, or not allowed
        return None


def cpu_times() -> Any:
    """What the host's CPUs did since it started; None where the system does not say."""
    try:
        return psutil.cpu_times()
    except OSError:
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

    _before: tuple[float, float] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember where the counters stand."""
        self._before = self._read()

    @staticmethod
    def _read() -> tuple[float, float]:
        """Seconds stolen and seconds in all, since the host started."""
        times = cpu_times()
        return getattr(times, "steal", 0.0), sum(times or ())

    def percent(self) -> float | None:
        """Steal in percent; None where the system does not count it, or has counted too little to tell."""
        if not hasattr(cpu_times(), "steal"):
            return None
        (stolen_before, all_before), (stolen, everything) = self._before, self._read()
        measured = everything - all_before
        return round(100 * (stolen - stolen_before) / measured, 2) if measured >= LEAST_CPU_SECONDS else None


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
