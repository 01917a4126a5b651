"""The native engine: compiles programs and plays them on threads; `stress.runs.runner` calls its one method.

Machine code is kept on disk under a digest of the text that it is made from, so that a comment, or a function that the
program does not call, costs nothing.
"""

import ctypes
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from stress.host.disk import reason
from stress.host.system import cores
from stress.machine.features import Features
from stress.machine.language.errors import error_in_line, error_of_outcome
from stress.machine.language.instances import CPU
from stress.machine.loop import run_program
from stress.machine.machine import Play
from stress.machine.native import keeping, machine_code
from stress.machine.native.function_code import FIRST_SITE
from stress.machine.native.program import Program, Site
from stress.machine.native.side_by_side import machine_codes
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation
from stress.machine.words import UNEXPLAINED, area_address
from stress.safe_text import escaped, shown

_printed: set[str] = set()


def digest_of(text: str) -> str:
    """The name of a program's file: 32 hex digits of a digest of all that its machine code depends on."""
    return hashlib.sha256(f"{machine_code.made_by()}\0{text}".encode()).hexdigest()[:32]


def warm_up() -> None:
    """Load all that compiling and loading need, in a process from which others are forked."""
    machine_code.target()


def load_kept(path: Path) -> machine_code.Entry | None:
    """The program that a file has; None if there is none. A file that is unsafe or damaged is deleted; then None."""
    if not path.is_symlink() and not path.exists():
        return None
    code, fault = keeping.kept(path)
    if code is not None:
        try:
            return machine_code.load(code)
        except RuntimeError as error:
            fault = f"it cannot be loaded: {error}"
    tell(f"compiled code in {shown(path)} is deleted and compiled again: {fault}")
    keeping.throw_away(path)
    return None


def keep(path: Path | None, code: bytes) -> None:
    """Keep a program's code in its file, if there is a safe place."""
    if path:
        try:
            keeping.keep(path, code)
        except OSError as error:
            tell(f"compiled code is not kept in {shown(path.parent)}: {reason(error)}")


def entries(texts: Sequence[str]) -> list[machine_code.Entry]:
    """Load the programs that are kept; compile and keep the others."""
    root, passed = keeping.find_root()
    for line in passed:
        tell(line)
    paths = [root / f"{digest_of(text)}{keeping.SUFFIX}" if root else None for text in texts]
    loaded = [load_kept(path) if path else None for path in paths]
    missing = [place for place, entry in enumerate(loaded) if not entry]
    for place, code in zip(missing, machine_codes([texts[place] for place in missing], len(cores())), strict=True):
        keep(paths[place], code)
        loaded[place] = machine_code.load(code)
    return [entry for entry in loaded if entry]


def tell(line: str) -> None:
    """Print a line on standard error, once in this process."""
    if line not in _printed:
        _printed.add(line)
        print(f"kstress: {escaped(line)}", file=sys.stderr)


def error_of(status: int, sites: Sequence[Site], operation: Operation) -> Exception:
    """The error that ended a program: of a line of kernel code, if that is known."""
    if status < FIRST_SITE:
        return error_of_outcome(operation)
    return error_in_line(*attrs.astuple(sites[status - FIRST_SITE]))


class NativeEngine:
    """Runs compiled programs, in parallel even with a GIL."""

    name = "native"

    def programs(
        self, operations: Sequence[Operation], safepoint: Callable[[Cpu], None], features: Features
    ) -> Sequence[Play]:
        """Compile the loops of `operations` side by side, or load those that are kept.

        Compiling takes about a second. What plays a CPU runs without the GIL until power-off.

        Raises:
            KernelCodeError: for an operation that is not kernel code.
        """
        programs = [Program(features) for _ in operations]
        texts = [
            program.text(run_program, CPU, operation, safepoint)
            for program, operation in zip(programs, operations, strict=True)
        ]
        return [playing(*one) for one in zip(programs, entries(texts), operations, strict=True)]


def playing(program: Program, entry: machine_code.Entry, operation: Operation) -> Play:
    """A function that plays CPU `number` of a machine with a compiled program."""

    def play(ram: Ram, number: int) -> None:
        ram.numbered[number] = program.stacks.stack
        base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        log = ram.map.log(number)
        if status := entry(base, number, area_address(number), log, ctypes.addressof(ctypes.c_int64())):
            raise error_of(ram.peek(log + UNEXPLAINED) or status, program.sites, operation)

    return play
