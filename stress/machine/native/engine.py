"""Compiling programs and playing them on threads; called by `stress.runner` through the engine's one method.

Compiled code is kept on disk. numba does not notice changes in functions that a compiled one calls, so each
program has a folder named by a digest of everything that it may depend on.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import llvmlite
import numba
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target

from stress.errors import UserError
from stress.machine.features import Features
from stress.machine.loop import run_program
from stress.machine.native.checks import part
from stress.machine.native.cpu import make_constructor
from stress.machine.native.linking import WholeCompiler
from stress.machine.ram import Ram
from stress.machine.seam import KERNEL_FUNCTIONS, SCENARIO_MODULE, Cpu, Operation
from stress.machine.words import area_address, declared

PACKAGE = Path(__file__).parents[2]
SIGNATURE = "void(int64, int64, int64, int64)"
SOURCES = ("machine", "kernel", "judge", "programs")

_registered: set[Callable[..., object]] = set()


def play_cpu(base: int, number: int, area: int, log: int) -> None:
    """What is compiled for each program. Its globals are bound to the program's own functions by `bind`."""
    run_program(new_cpu(base, number, area, log), operation, safepoint)  # type: ignore[name-defined]  # noqa: F821


def cache_root() -> Path:
    """Where compiled programs are kept: under KSTRESS_CACHE_DIR, else XDG_CACHE_HOME, else ~/.cache."""
    if chosen := os.environ.get("KSTRESS_CACHE_DIR"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kstress"


def sources_of(operation: Operation) -> list[Path]:
    """Every file that compiled code of `operation` may come from: the package's, its own, and other kernel code's.

    Other scenarios' files do not count, or running one more would make all compile again.
    """
    files = {path for folder in SOURCES for path in (PACKAGE / folder).rglob("*.py")}
    for function in KERNEL_FUNCTIONS:
        if function.__module__ == operation.__module__ or not function.__module__.startswith(SCENARIO_MODULE):
            files.add(Path(function.__code__.co_filename))
    return sorted(files)


def digest(operation: Operation, safepoint: Callable[[Cpu], None], features: Features) -> str:
    """A name for the folder of a program: depends on all sources that it may have, and on the machine's make."""
    total = hashlib.sha256()
    for path in sources_of(operation):
        total.update(str(path).encode() + path.read_bytes())
    made_by = (sys.version, numba.__version__, llvmlite.__version__, platform.machine(), platform.processor())
    program = (operation.__module__, operation.__qualname__, safepoint.__qualname__, repr(features), declared())
    for fact in (*made_by, *program):
        total.update(fact.encode() + b"\0")
    return total.hexdigest()[:24]


def register_kernel_functions() -> None:
    """Let compiled code call every function recorded so far."""
    for function in KERNEL_FUNCTIONS:
        if function not in _registered:
            part(function)
            _registered.add(function)


def warm_up() -> None:
    """Load all that programs need before one is compiled or loaded: for a process that others are forked from."""
    register_kernel_functions()
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def can_keep(folder: Path) -> bool:
    """Whether compiled code can be kept in `folder`; where it cannot, each process compiles anew."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "writable").touch()
    except OSError:
        return False
    return True


def bind(code: CodeType, **names: object) -> Callable[..., None]:
    """A function of `code` with globals of its own, since numba's cache cannot tell closures over functions apart."""
    return FunctionType(code, {"__name__": __name__, "run_program": run_program, **names})


def compile_kept(entry: Callable[..., None], folder: Path) -> Any:
    """Compile `entry`, or load it from `folder`; what is damaged there is thrown away and made anew."""
    if not can_keep(folder):
        return numba.njit(SIGNATURE, nogil=True, pipeline_class=WholeCompiler)(entry)
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(SIGNATURE, nogil=True, cache=True, pipeline_class=WholeCompiler)(entry)
    except NumbaError:
        raise
    except Exception:  # numba raises whatever a damaged file makes pickle or LLVM raise
        shutil.rmtree(folder, ignore_errors=True)
        return numba.njit(SIGNATURE, nogil=True, pipeline_class=WholeCompiler)(entry)


class NativeEngine:
    """Runs programs compiled, in true parallel."""

    name = "native"

    def program(
        self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features
    ) -> Callable[[Ram, int], None]:
        """Compile `operation`'s loop, or load it from the cache; a function that plays it as CPU `number` of a machine.

        Takes some seconds without a cache. The function returned runs without the GIL until power-off.
        """
        register_kernel_functions()
        compiled = self._compile(operation, safepoint, features)

        def play(ram: Ram, number: int) -> None:
            base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
            compiled(base, number, area_address(number), ram.map.log(number))

        return play

    def _compile(self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features) -> Any:
        """The compiled loop of one program; UserError if its code is not of the subset that can be compiled."""
        entry = bind(play_cpu.__code__, new_cpu=make_constructor(features), operation=operation, safepoint=safepoint)
        folder = cache_root() / digest(operation, safepoint, features)
        try:
            return compile_kept(entry, folder)
        except NumbaError as error:
            where = f"{operation.__code__.co_filename}: {operation.__name__}"
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{where} cannot be compiled ({reason}); --engine python runs it and says more") from error
