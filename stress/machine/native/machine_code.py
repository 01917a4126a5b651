"""Machine code from LLVM's text, and its place in this process.

As a script it compiles: a list of LLVM's texts on standard input, a list of object code on standard output, both as
JSON (`side_by_side`). Its argument is a pipe that is closed when the process that started it ends. It imports nothing
of kstress.
"""

import ctypes
import json
import os
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

ENTRY = "entry"
"""The one function of a program that is called from outside."""
SPEED = 2
"""How much LLVM optimises, 0 to 3: 3 gave no faster code, 1 slower code, each measured on whole runs."""
CODE_MODEL = "jitdefault"

Entry = Callable[..., int]


@cache
def target() -> Any:
    """The processor of this host, for which code is made."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    features = llvm.get_host_cpu_features().flatten()
    chosen = llvm.Target.from_default_triple()
    return chosen.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=SPEED, jit=True, codemodel=CODE_MODEL
    )


@cache
def made_by() -> str:
    """What machine code depends on besides its text: LLVM, the settings, the processor."""
    processor = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    return f"{llvmlite.__version__} {llvm.llvm_version_info} {SPEED} {CODE_MODEL} {target().triple} {processor}"


def _optimise(text: str) -> Any:
    """A unit as a module of LLVM, optimised."""
    module = llvm.parse_assembly(text)
    module.verify()
    builder = llvm.create_pass_builder(target(), llvm.create_pipeline_tuning_options(speed_level=SPEED))
    builder.getModulePassManager().run(module, builder)
    return module


def machine_code(text: str) -> bytes:
    """The object code of a unit, optimised."""
    code: bytes = target().emit_object(_optimise(text))
    return code


def optimised(text: str) -> str:
    """The text of a unit as LLVM has optimised it: for tests, and to look at."""
    return str(_optimise(text))


_engines: list[Any] = []
"""What owns the code that was loaded; it stays until the process ends."""


def load(codes: Sequence[bytes], words: int = 0) -> Entry:
    """Load the units of a program; its entry, which takes a CPU's four numbers, the address of its value, `words` more.

    A call of it releases the GIL.

    Raises:
        RuntimeError: none of the units has the entry. LLVM ends the process at what is no object code (`keeping`).
    """
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * (5 + words))(entry_address(codes))


def entry_address(codes: Sequence[bytes]) -> int:
    """Load the units of a program; where its entry lies."""
    return address_of(linked(codes), ENTRY)


def linked(codes: Sequence[bytes]) -> Any:
    """What owns the units of a program, which are loaded and find each other's functions."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return engine


def address_of(engine: Any, name: str) -> int:
    """The address of a function that was loaded; RuntimeError if there is none of this name."""
    address: int = engine.get_function_address(name)
    if not address:
        raise RuntimeError(f"it has no {name}")
    return address


def _end_with(starter: int) -> None:
    """End this process when the one that holds the other end of a pipe ends, however it does."""
    os.read(starter, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=[int(sys.argv[1])], daemon=True).start()
    json.dump([b64encode(machine_code(text)).decode() for text in json.load(sys.stdin)], sys.stdout)
