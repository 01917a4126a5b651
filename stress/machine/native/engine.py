"""The native engine: compiles programs and plays them on threads; `stress.runs.runner` calls its one method.

Compiled code is kept on disk. numba does not notice a change in a function that a compiled function calls, so each
program has a folder that is named by a digest of everything that the code may depend on.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import llvmlite
import numba
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target

from stress.errors import UserError
from stress.host.disk import reason
from stress.machine.features import Features
from stress.machine.loop import run_program
from stress.machine.native import keeping
from stress.machine.native.checks import part
from stress.machine.native.cpu import make_constructor
from stress.machine.native.linking import WholeCompiler
from stress.machine.native.reached import facts_of, functions_of
from stress.machine.ram import Ram
from stress.machine.seam import KERNEL_FUNCTIONS, Cpu, Operation
from stress.machine.words import area_address
from stress.safe_text import escaped, shown

PACKAGE = Path(__file__).parents[2]
SIGNATURE = "void(int64, int64, int64, int64)"
SOURCES = ("machine", "kernel", "judge", "programs")

_registered: set[Callable[..., object]] = set()
_printed: set[str] = set()


def play_cpu(base: int, number: int, area: int, log: int) -> None:
    """The function that is compiled for each program. `bind` sets its globals to the program's own functions."""
    run_program(new_cpu(base, number, area, log), operation, safepoint)  # type: ignore[name-defined]  # noqa: F821


def digest(operation: Operation, safepoint: Callable[[Cpu], None], features: Features) -> str:
    """The name of a program's folder: 24 hex digits of a digest of all that its compiled code may depend on.

    That is the package's sources, the files of all functions that the program calls, the values that these use, the
    versions, the processor, and the time at which this file was written (numba looks at that too, so that it always
    finds the code that is in the folder).
    """
    functions = functions_of((operation, safepoint, run_program, features.interrupt, features.nmi))
    total = hashlib.sha256(_digest_of_package())
    for path in sorted({Path(function.__code__.co_filename) for function in functions}):
        total.update(str(path).encode() + path.read_bytes())
    written, processor = Path(__file__).stat(), cpu_target.target_context.codegen().magic_tuple()
    made_by = (sys.version, numba.__version__, llvmlite.__version__, repr(processor), str(written.st_mtime_ns))
    for fact in (*made_by, repr(features), *facts_of(functions)):
        total.update(fact.encode() + b"\0")
    return total.hexdigest()[:24]


@cache
def _digest_of_package() -> bytes:
    """The digest of this package's files that may become compiled code."""
    total = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in (PACKAGE / folder).rglob("*.py")):
        total.update(str(path).encode() + path.read_bytes())
    return total.digest()


def register_kernel_functions() -> None:
    """Let compiled code call every kernel function recorded so far."""
    for function in KERNEL_FUNCTIONS:
        if function not in _registered:
            part(function)
            _registered.add(function)


def warm_up() -> None:
    """Load all that compiling and loading need, in a process from which others are forked."""
    register_kernel_functions()
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def bind(code: CodeType, **names: object) -> Callable[..., None]:
    """A function of `code` with its own globals: numba's cache cannot tell closures over different functions apart."""
    return FunctionType(code, {"__name__": __name__, "run_program": run_program, **names})


def compile_here(entry: Callable[..., None], cache: Path | None) -> Any:
    """Compile `entry` and keep the code in the folder `cache`, or load it if it is there. None: keep nothing."""
    numba.config.CACHE_DIR = str(cache or "")
    return numba.njit(SIGNATURE, nogil=True, cache=cache is not None, pipeline_class=WholeCompiler)(entry)


def load_kept(entry: Callable[..., None], folder: Path) -> Any:
    """Load `entry` from its folder; None if there is none. An unsafe or damaged folder is deleted; then None."""
    if not os.path.lexists(folder):
        return None
    fault = keeping.fault_of_kept(folder)
    if fault is None:
        try:
            loaded = compile_here(entry, folder)
            if not loaded.stats.cache_hits:
                keeping.seal(folder)
            return loaded
        except Exception as error:  # numba may raise anything; the code itself was compiled before
            fault = f"it cannot be loaded: {type(error).__name__}"
    tell(f"compiled code in {shown(folder)} is deleted and compiled again: {fault}")
    keeping.throw_away(folder)
    return None


def compile_kept(entry: Callable[..., None], name: str) -> Any:
    """Load `entry` from the folder of this name, or compile it and keep it there, if there is a safe place."""
    root, passed = keeping.find_root()
    for line in passed:
        tell(line)
    if root is None:
        return compile_here(entry, None)
    loaded = load_kept(entry, root / name)
    if loaded is not None:
        return loaded
    try:
        with keeping.draft_in(root) as draft:
            compiled = compile_here(entry, draft)
            keeping.keep(draft, root / name)
            return compiled
    except OSError as error:
        tell(f"compiled code is not kept in {shown(root)}: {reason(error)}")
        return compile_here(entry, None)


def tell(line: str) -> None:
    """Print a line on standard error, once in this process."""
    if line not in _printed:
        _printed.add(line)
        print(f"kstress: {escaped(line)}", file=sys.stderr)


class NativeEngine:
    """Runs compiled programs, in parallel even with a GIL."""

    name = "native"

    def program(
        self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features
    ) -> Callable[[Ram, int], None]:
        """Compile the loop of `operation`, or load it from the cache; a function that plays CPU `number` of a machine.

        Compiling takes some seconds. The function returned runs without the GIL until power-off.
        """
        register_kernel_functions()
        compiled = self._compile(operation, safepoint, features)

        def play(ram: Ram, number: int) -> None:
            base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
            compiled(base, number, area_address(number), ram.map.log(number))

        return play

    def _compile(self, operation: Operation, safepoint: Callable[[Cpu], None], features: Features) -> Any:
        """The compiled loop of one program; UserError if its code is not in the subset that can be compiled."""
        entry = bind(play_cpu.__code__, new_cpu=make_constructor(features), operation=operation, safepoint=safepoint)
        try:
            return compile_kept(entry, digest(operation, safepoint, features))
        except NumbaError as error:
            where = f"{operation.__code__.co_filename}: {operation.__name__}"
            reason = str(error).strip().splitlines()[0]
            advice = "run it with --engine python to see more"
            raise UserError(f"{where} cannot be compiled ({reason}); {advice}") from error
