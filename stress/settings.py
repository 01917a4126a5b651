"""The settings of a run, one entry each: all that kstress has to know of a setting, except the code that acts on it.

SETTINGS gives the options of `kstress run`, `soak` and `sweep`, the checks of `Config`, the axes of sweeps, the keys of
plans, the fields that run directories keep, the conditions of a run, the command that runs it again and the tables of
the docs. `Config` has a typed field for each. Nothing heavy is imported here: every `--help` reads this file.
"""

from typing import Any, NamedTuple

from stress.errors import UserError
from stress.kinds import (
    PATH,
    SHARE,
    SWITCH,
    TEXT,
    TIME,
    WHOLE,
    Check,
    Kind,
    anything,
    from_to,
    one_of,
    positive,
    zero_or,
)

ENGINES = ("auto", "python", "native")
FATES = ("poisoned", "reused", "unmapped")
LARGEST_SEED = 2**63 - 1
LEAST_NOISE = 1e-9
LONGEST_SWITCH_INTERVAL = 1.0
LONGEST_GAP_SECONDS = 0.9
LONGEST_PACE_SECONDS = 365 * 86400.0


class Setting(NamedTuple):
    """One setting of a run.

    `name` is its flag, behind two dashes, and its key in plans; `field` is its name in `Config`, in run directories and
    in JSON. `help` says what it is, `usual` what holds where it is not given. `axis`, an example of a list of values,
    makes it an axis of sweeps; `knee`, a range, one that `--find` searches. `condition` is whether the conditions of a
    run have it. Older run directories lack a newer setting: None must mean what they ran with.
    """

    name: str
    field: str
    kind: Kind
    help: str
    usual: str = ""
    check: Check = anything
    axis: str = ""
    knee: str = ""
    condition: bool = False

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return f"--{self.name}"

    def wrong(self, value: Any) -> str | None:
        """What is wrong with a value, in words that follow its origin; None stands for the usual one, and is right."""
        return None if value is None else self.check(value)

    def read(self, given: object, origin: str) -> Any:
        """A value from the command line or a plan; UserError, which names `origin`, for one that is wrong."""
        value = self.kind.read(given, origin)
        wrong = self.wrong(value)
        if wrong:
            raise UserError(f"{origin}: {wrong}")
        return value

    def write(self, value: Any) -> str:
        """A value as the command line has it."""
        return str(value) if value is None else self.kind.write(value)

    def words(self, value: Any) -> list[str]:
        """The words of a command line that give it this value; none for a value that is usual."""
        if self.kind is SWITCH:
            wanted = self.usual != "on"
            return [] if bool(value) != wanted else [self.flag if wanted else f"--no-{self.name}"]
        return [] if value is None else [self.flag, self.kind.write(value)]


def _cpus(value: int) -> str | None:
    """The check of a number of CPUs."""
    from stress.machine.words import MAX_CPUS

    return from_to(1, MAX_CPUS)(value)


def _readers(value: int) -> str | None:
    """The check of how many readers a writer has, on a CPU of its own."""
    from stress.machine.words import MAX_CPUS

    return from_to(1, MAX_CPUS - 1)(value)


SETTINGS = (
    Setting("cpus", "cpus", WHOLE, "Number of CPUs.", usual="4", check=_cpus, axis="1,2,4,8", knee="2..64"),
    Setting(
        "engine",
        "engine",
        TEXT,
        "Engine: auto, python or native.",
        usual="auto: native if llvmlite is installed",
        check=one_of(*ENGINES),
        axis="native,python",
    ),
    Setting(
        "readers-per-writer",
        "readers_per_writer",
        WHOLE,
        "Number of readers for each writer.",
        usual="one writer in all",
        check=_readers,
        axis="1,3",
        condition=True,
    ),
    Setting(
        "noise",
        "noise",
        SHARE,
        "Share of memory accesses at which a CPU gives up its core; 0 for none.",
        usual="the engine's",
        check=zero_or(from_to(LEAST_NOISE, 1)),
        axis="1/64,0",
        knee="1/4096..1/8",
        condition=True,
    ),
    Setting(
        "switch-interval",
        "switch_interval_s",
        TIME,
        "Time that a thread waits for the GIL before it asks for it.",
        usual="the interpreter's",
        check=positive(" s", LONGEST_SWITCH_INTERVAL),
        axis="1us,5ms",
    ),
    Setting(
        "gap",
        "gap_s",
        TIME,
        "Length of a hypervisor's gaps, in scenarios that have them.",
        usual="the scenario's",
        check=positive(" s", LONGEST_GAP_SECONDS),
        axis="200us,1ms",
        knee="10us..10ms",
        condition=True,
    ),
    Setting(
        "pace",
        "pace_s",
        TIME,
        "Rest of a writer between two operations; 0s for none.",
        usual="the engine's",
        check=from_to(0, LONGEST_PACE_SECONDS, " s"),
        axis="0s,1ms",
        condition=True,
    ),
    Setting(
        "fate",
        "fate",
        TEXT,
        "What becomes of freed memory: poisoned, reused or unmapped.",
        usual="the scenario's",
        check=one_of(*FATES),
        axis="poisoned,reused,unmapped",
        condition=True,
    ),
    Setting(
        "corpus",
        "corpus",
        PATH,
        "File of symbols that readers look up (kstress corpus import).",
        usual="the bundled ones",
        axis="a.json,b.json",
    ),
    Setting("duration", "duration_s", TIME, "Time of a run.", usual="10s", check=positive(" s"), knee="1ms..5s"),
    Setting(
        "seed",
        "seed",
        WHOLE,
        "Fixes workload and noise, not the interleaving.",
        usual="random",
        check=from_to(0, LARGEST_SEED),
    ),
    Setting("kasan", "kasan", SWITCH, "Check the shadow of memory at each access.", usual="on", condition=True),
    Setting(
        "stall-after",
        "stall_after_s",
        TIME,
        "A CPU that spins for this long without progress has stalled.",
        usual="depends on duration and cores",
        check=positive(" s"),
        condition=True,
    ),
    Setting(
        "stop-on-violation",
        "stop_on_violation",
        SWITCH,
        "End a scenario at its first violation.",
        usual="off",
    ),
)
"""In the order of the help and of a sweep, whose first axis varies most slowly."""

AXES = tuple(setting for setting in SETTINGS if setting.axis)
CONDITIONS = tuple(setting for setting in SETTINGS if setting.condition)
FIELDS = {setting.field: setting for setting in SETTINGS}
