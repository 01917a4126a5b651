"""Choosing an engine, and what each takes as default when the user says nothing."""

from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from typing import Protocol

import attrs

from stress.errors import UserError
from stress.extras import needs
from stress.host.system import cores
from stress.machine.features import Features
from stress.machine.python_engine import PythonEngine, gil_enabled
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation

NEVER = -1
EVERY_OPERATION = 0
EVERY_SIXTEENTH = 15


class Engine(Protocol):
    """Turns a program into something that an OS thread can play."""

    @property
    def name(self) -> str:
        """`python` or `native`."""

    def program(
        self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features
    ) -> Callable[[Ram, int], None]:
        """A function that plays a CPU of a machine until power-off, on the calling thread."""


@attrs.frozen
class Defaults:
    """What an engine takes for settings left open: the noise's share of accesses, the writers' pace in seconds."""

    noise: Fraction
    pace_s: float


DEFAULTS = {
    "python": Defaults(noise=Fraction(1, 64), pace_s=1e-3),
    "native": Defaults(noise=Fraction(1, 1024), pace_s=1e-4),
}


def has_numba() -> bool:
    """Whether the native engine can be had."""
    return find_spec("numba") is not None


def choose_engine(wanted: str) -> str:
    """The name of the engine to use; `auto` is native when numba can be imported, else python.

    Raises:
        UserError: for `native` without numba.
    """
    if wanted == "python" or (wanted == "auto" and not has_numba()):
        return "python"
    if not has_numba():
        raise UserError(f"{needs('--engine native', 'native')}, or use --engine python")
    return "native"


def load_engine(name: str) -> Engine:
    """The engine of this name; numba, which takes a while, is imported for the native one only."""
    if name == "python":
        return PythonEngine()
    from stress.machine.native.engine import NativeEngine

    return NativeEngine()


def compile_notes(engine: str) -> list[str]:
    """What a person should know before programs are compiled in processes that nobody hears: where none are kept."""
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
    """How often a CPU gives up its core between operations: never while every CPU has a core of its own.

    On the native engine an operation takes well under a microsecond, so every sixteenth will do. With a GIL
    and without noise it is never either: if threads only took turns between operations, no lookup would ever
    overlap a change.
    """
    if cpus <= cores_for(engine) or (engine == "python" and gil_enabled() and not noise):
        return NEVER
    return EVERY_SIXTEENTH if engine == "native" else EVERY_OPERATION
