"""The native engine: compiles programs and plays them on threads; `stress.runs.runner` calls its one method.

Machine code is kept on disk in units, each under a digest of the text that it is made from, so that a comment, or a
function that the program does not call, costs nothing, and other programs need not compile what they share.
"""

import ctypes
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from stress.host.disk import reason
from stress.host.system import cores
from stress.machine.features import Features
from stress.machine.language.instances import CPU
from stress.machine.loop import run_program
from stress.machine.machine import Play
from stress.machine.native import keeping, machine_code
from stress.machine.native.ends import error_of
from stress.machine.native.fibers import Fiber, Fibers
from stress.machine.native.program import Program, library_for
from stress.machine.native.side_by_side import machine_codes
from stress.machine.native.stack_switch import text_for
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation
from stress.machine.words import area_address
from stress.safe_text import escaped, shown

_printed: set[str] = set()


def digest_of(text: str) -> str:
    """The name of a unit's file: 32 hex digits of a digest of all that its machine code depends on."""
    return hashlib.sha256(f"{machine_code.made_by()}\0{text}".encode()).hexdigest()[:32]


def warm_up() -> None:
    """Load all that compiling and loading need, in a process from which others are forked."""
    machine_code.target()


def kept_code(path: Path) -> bytes | None:
    """The machine code in a file; None if there is none, or none that is safe and whole: that is then deleted."""
    if not path.is_symlink() and not path.exists():
        return None
    code, fault = keeping.kept(path)
    if code is None:
        if refused := keeping.throw_away(path):
            tell(f"{shown(path)} is in the way of compiled code, and cannot be deleted: {refused}; remove it")
        else:
            tell(f"compiled code in {shown(path)} is deleted and compiled again: {fault}")
    return code


def keep(path: Path | None, code: bytes) -> None:
    """Keep a unit's code in its file, if there is a safe place."""
    if path:
        try:
            keeping.keep(path, code)
        except OSError as error:
            tell(f"compiled code is not kept in {shown(path.parent)}: {reason(error)}")


def codes_of(texts: Sequence[str]) -> dict[str, bytes]:
    """The machine code of units: what is kept is read, the rest is compiled and kept."""
    root, passed = keeping.find_root()
    for line in passed:
        tell(line)
    paths = {text: root / f"{digest_of(text)}{keeping.SUFFIX}" for text in texts} if root else {}
    found = {text: code for text, path in paths.items() if (code := kept_code(path)) is not None}
    made = machine_codes([text for text in texts if text not in found], len(cores()))
    for text, code in made.items():
        keep(paths.get(text), code)
    return found | made


def tell(line: str) -> None:
    """Print a line on standard error, once in this process."""
    if line not in _printed:
        _printed.add(line)
        print(f"kstress: {escaped(line)}", file=sys.stderr)


class NativeEngine:
    """Runs compiled programs, in parallel even with a GIL."""

    name = "native"

    def programs(
        self, operations: Sequence[Operation], safepoint: Callable[[Cpu], None], features: Features
    ) -> Sequence[Play]:
        """Compile the loops of `operations` side by side, as far as they are not kept.

        Compiling takes about a second. What plays a CPU runs without the GIL until power-off.

        Raises:
            KernelCodeError: for an operation that is not kernel code.
        """
        library = library_for(features)
        programs = [library.program(run_program, CPU, operation, safepoint) for operation in operations]
        codes = codes_of(list(dict.fromkeys(text for program in programs for text in program.units)))
        entries = [machine_code.load([codes[text] for text in program.units]) for program in programs]
        return [playing(*one) for one in zip(programs, entries, operations, strict=True)]

    def conducted(
        self,
        operations: Sequence[Operation],
        safepoint: Callable[[Cpu], None],
        features: Features,
        conductor: Operation,
    ) -> Fibers:
        """The programs of CPUs that run one at a time, and what conducts them.

        Raises:
            KernelCodeError: for an operation that is not kernel code.
            HostError: on a processor for which there is no switch of stacks.
        """
        library, distinct = library_for(features), list(dict.fromkeys(operations))
        programs = [library.program(run_program, CPU, operation, safepoint) for operation in distinct]
        conducting, switch = library.program(conductor, CPU), text_for(machine_code.target().triple)
        texts = [text for program in [*programs, conducting] for text in program.units]
        codes = codes_of(list(dict.fromkeys([*texts, switch])))

        def units(program: Program) -> list[bytes]:
            return [codes[text] for text in (*program.units, switch)]

        addresses = [machine_code.entry_address(units(program)) for program in programs]
        by_operation = dict(zip(distinct, zip(programs, addresses, strict=True), strict=True))
        fibers = [Fiber(operation, *by_operation[operation]) for operation in operations]
        return Fibers(fibers, machine_code.load(units(conducting)), codes[switch])


def playing(program: Program, entry: machine_code.Entry, operation: Operation) -> Play:
    """A function that plays CPU `number` of a machine with a compiled program."""

    def play(ram: Ram, number: int) -> None:
        ram.numbered[number] = program.stacks.stack
        base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
        log = ram.map.log(number)
        if status := entry(base, number, area_address(number), log, ctypes.addressof(ctypes.c_int64())):
            raise error_of(status, program.stacks, operation, ram, log)

    return play
