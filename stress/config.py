"""How to run: one frozen object that the command line, the pytest plugin and Python callers fill in."""

import secrets
from fractions import Fraction
from pathlib import Path

import attrs

from stress.errors import UserError
from stress.machine.python_engine import gil_enabled
from stress.machine.words import MAX_CPUS
from stress.scenario import FATES, LONGEST_GAP_SECONDS

ENGINES = ("auto", "python", "native")
DEFAULT_CPUS = 4
DEFAULT_SECONDS = 10.0
LARGEST_SEED = 2**63 - 1
LEAST_NOISE = Fraction(1, 10**9)
LONGEST_SWITCH_INTERVAL = 1.0


def _check(condition: bool, message: str) -> None:
    """Raise UserError with `message` unless `condition`."""
    if not condition:
        raise UserError(message)


@attrs.frozen(kw_only=True)
class Config:
    """How scenarios are run. None stands for a default that depends on the engine, or for a random seed.

    `duration_s`, `pace_s` and `stall_after_s` are in seconds; `noise` is the share of memory accesses at which
    a CPU gives up its core; `pace_s` is the rest of a writer between two operations. `switch_interval_s` is how long a
    thread waits for the GIL before it asks for it. `readers_per_writer`, `gap_s` and `fate` vary the scenario: how CPUs
    are dealt out, the length of a hypervisor's gaps, what becomes of freed memory.

    Raises:
        UserError: for a value out of range.
    """

    cpus: int = DEFAULT_CPUS
    duration_s: float = DEFAULT_SECONDS
    engine: str = "auto"
    seed: int = attrs.field(factory=lambda: secrets.randbelow(2**31))
    kasan: bool = True
    noise: Fraction | None = None
    pace_s: float | None = None
    stall_after_s: float | None = None
    stop_on_violation: bool = False
    corpus: Path | None = None
    switch_interval_s: float | None = None
    readers_per_writer: int | None = None
    gap_s: float | None = None
    fate: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check what types cannot."""
        self._check_run()
        self._check_variation()

    def _check_run(self) -> None:
        """Check what a run of any scenario has."""
        _check(1 <= self.cpus <= MAX_CPUS, f"--cpus: {self.cpus} CPUs cannot be played; give 1 to {MAX_CPUS}")
        _check(self.duration_s > 0, f"--duration: {self.duration_s} s is no time to run; give more than 0")
        _check(self.engine in ENGINES, f"--engine: {self.engine!r} is none of {', '.join(ENGINES)}")
        _check(0 <= self.seed <= LARGEST_SEED, f"--seed: {self.seed} is not from 0 to 2**63 - 1")
        noise = self.noise or LEAST_NOISE
        _check(LEAST_NOISE <= noise <= 1, f"--noise: {float(noise):g} is too seldom or too often; give 1e-9 to 1, or 0")
        stall = self.stall_after_s
        _check(stall is None or stall > 0, f"--stall-after: {stall} s would call everything a stall; give more than 0")

    def _check_variation(self) -> None:
        """Check what differs from the scenario or the interpreter only if it is given."""
        ratio, gap, switch = self.readers_per_writer, self.gap_s, self.switch_interval_s
        _check(
            ratio is None or 1 <= ratio < MAX_CPUS,
            f"--readers-per-writer: {ratio} is no number of readers; give 1 to {MAX_CPUS - 1}",
        )
        _check(
            gap is None or 0 < gap <= LONGEST_GAP_SECONDS,
            f"--gap: {gap} s is no length of a gap; give more than 0s, up to {LONGEST_GAP_SECONDS * 1000:.0f}ms",
        )
        _check(self.fate in (None, *FATES), f"--fate: {self.fate!r} is none of {', '.join(FATES)}")
        _check(
            switch is None or 0 < switch <= LONGEST_SWITCH_INTERVAL,
            f"--switch-interval: {switch} s is no time to wait for the GIL; give more than 0s, up to 1s",
        )
        _check(switch is None or gil_enabled(), "--switch-interval: there is no GIL to wait for here; leave it out")
