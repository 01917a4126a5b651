"""The choice of an engine, and each engine's defaults for settings that the user leaves open."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib.util import find_spec
from typing import Protocol

import attrs

from stress.errors import UserError
from stress.extras import needs
from stress.host.system import cores
from stress.machine.control.on_threads import Threads
from stress.machine.features import Features
from stress.machine.gil import gil_enabled
from stress.machine.machine import Play
from stress.machine.python_engine import PythonEngine
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation

NEVER = -1
EVERY_OPERATION = 0
EVERY_SIXTEENTH = 15


class Engine(Protocol):
    """Turns a program into a function that an OS thread can run as a CPU."""

    @property
    def name(self) -> str:
        """`python` or `native`."""

    def programs(
        self, operations: Sequence[Operation], safepoint: Callable[[Cpu], None], features: Features
    ) -> Sequence[Play]:
        """For each of `operations`, a function that plays a CPU of a machine until power-off, on the calling thread."""


@attrs.frozen
class Defaults:
    """An engine's defaults: noise as the share of accesses that yield, the writers' pace in seconds."""

    noise: Fraction
    pace_s: float


DEFAULTS = {
    "python": Defaults(noise=Fraction(1, 64), pace_s=1e-3),
    "native": Defaults(noise=Fraction(1, 1024), pace_s=1e-4),
}


def has_llvmlite() -> bool:
    """Whether llvmlite is installed, so that the native engine can run."""
    return find_spec("llvmlite") is not None


def choose_engine(wanted: str) -> str:
    """The name of the engine to use; `auto` is native when llvmlite can be imported, else python.

    Raises:
        UserError: for `native` without llvmlite.
    """
    if wanted == "python" or (wanted == "auto" and not has_llvmlite()):
        return "python"
    if not has_llvmlite():
        raise UserError(f"{needs('--engine native', 'native')}, or use --engine python")
    return "native"


def load_engine(name: str) -> Engine:
    """The engine of this name. llvmlite is imported only for the native engine."""
    if name == "python":
        return PythonEngine()
    from stress.machine.native.engine import NativeEngine

    return NativeEngine()


class Conducted(Protocol):
    """The CPUs of a machine that run one at a time."""

    def run(self, ram: Ram) -> int:
        """Run one schedule on RAM that was made ready for it; why it ended (`machine.control.words`)."""

    def finish(self, ram: Ram) -> None:
        """End what the schedule has left; RAM has been looked at."""


def conducted(
    engine: str,
    operations: Sequence[Operation],
    safepoint: Callable[[Cpu], None],
    features: Features,
    conductor: Operation,
) -> Conducted:
    """The programs of CPUs that run one at a time on an engine, and what conducts them.

    Raises:
        KernelCodeError: for an operation that is not kernel code.
        HostError: where the native engine cannot do it.
    """
    if engine == "python":
        return Threads(operations, safepoint, features, conductor)
    from stress.machine.native.engine import NativeEngine

    return NativeEngine().conducted(operations, safepoint, features, conductor)


def compile_notes(engine: str) -> list[str]:
    """The lines to print before other processes, whose output nobody sees, compile: where compiled code is not kept."""
    if engine != "native":
        return []
    from stress.machine.native.keeping import find_root

    return find_root()[1]


def usable_cores() -> int:
    """How many cores the threads of this process may run on."""
    return len(cores())


def cores_for(engine: str) -> int:
    """How many CPUs of a machine can run at the same instant on `engine`."""
    return 1 if engine == "python" and gil_enabled() else usable_cores()


def yield_mask(engine: str, cpus: int, noise: float) -> int:
    """The value of YIELD_MASK: a CPU yields its core after each operation whose number has none of these bits.

    CPUs never yield while each has a core of its own. On the native engine an operation takes well under a microsecond,
    so every sixteenth yields. With a GIL and without noise CPUs never yield either: if threads switched only between
    operations, no lookup would overlap a change.
    """
    if cpus <= cores_for(engine) or (engine == "python" and gil_enabled() and not noise):
        return NEVER
    return EVERY_SIXTEENTH if engine == "native" else EVERY_OPERATION
