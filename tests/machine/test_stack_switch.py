"""The switch of stacks alone, on each processor for which there is a C compiler and what runs its programs."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stress.machine.native import library_switch, stack_switch

pytestmark = pytest.mark.native
HARNESS = Path(__file__).with_name("stack_switch.c")
FUNCTION = re.compile(r'define void @(\w+)\((.*)\) naked .*\n.*sideeffect "(.*)",.*\n.*\n}')
FEATURES = {"riscv64": "+m,+a,+f,+d,+c"}


def triple_of(processor: str) -> str:
    return f"{processor}-unknown-linux-gnu"


def assembler_of(text: str) -> str:
    """The naked functions of a unit as a file for the assembler: llvmlite assembles for its own processor alone."""
    functions = ((name, body.replace("\\0A", "\n")) for name, _, body in FUNCTION.findall(text))
    return "".join(f".globl {name}\n{name}:\n{body}\n" for name, body in functions)


def target_for(processor: str) -> Any:
    """LLVM's compiler for a processor."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple_of(processor))
    except RuntimeError as error:
        pytest.skip(f"this llvmlite makes no code for {processor}: {error}")
    return target.create_target_machine(opt=2, reloc="pic", features=FEATURES.get(processor, ""))


def compiled(text: str, processor: str) -> str:
    """The other functions of a unit, compiled to assembler."""
    import llvmlite.binding as llvm

    machine = target_for(processor)
    module = llvm.parse_assembly(FUNCTION.sub(r"declare void @\1(\2)", text))
    module.triple = triple_of(processor)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    # An assembler that is older than LLVM does not know each extension that LLVM names in an attribute.
    return re.sub(r"\t\.attribute.*\n", "", machine.emit_assembly(module))


def tools_for(processor: str) -> tuple[Sequence[str], Sequence[str]]:
    """The C compiler for a processor, and what runs its programs; the test is skipped where they are not there."""
    is_own = platform.system() == "Linux" and platform.machine() == processor.replace("powerpc", "ppc")
    compiler = "gcc" if is_own else f"{processor}-linux-gnu-gcc"
    runner = [] if is_own else [f"qemu-{processor.replace('powerpc', 'ppc')}"]
    missing = [tool for tool in (compiler, *runner) if not shutil.which(tool)]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    compiling = [compiler, "-O1", *(() if is_own else ("-static",))]
    empty = [*compiling, "-o", os.devnull, "-x", "c", "-"]
    if subprocess.run(empty, input=b'#include <stdio.h>\nint main(void) { return puts(""); }', timeout=60).returncode:
        pytest.skip(f"needs a C library for {compiler}")
    return compiling, runner


ASSEMBLED = [("assembled", processor) for processor in stack_switch.INSTRUCTIONS]
BY_LIBRARY = [("library", processor) for processor in library_switch.PROCESSORS]


@pytest.mark.parametrize(("way", "processor"), ASSEMBLED + BY_LIBRARY)
def test_each_stack_keeps_its_registers_and_words(
    way: str, processor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "library":
        monkeypatch.setattr(stack_switch, "INSTRUCTIONS", {})
        if not library_switch.can_switch(triple_of(processor)):
            pytest.skip("needs a C library that has swapcontext")
    compiler, runner = tools_for(processor)
    text = stack_switch.text_for(triple_of(processor))
    (tmp_path / "assembled.s").write_text(assembler_of(text))
    (tmp_path / "compiled.s").write_text(compiled(text, processor))
    program = str(tmp_path / "program")
    sources = [str(HARNESS), *map(str, tmp_path.glob("*.s"))]
    subprocess.run([*compiler, "-o", program, *sources], check=True, timeout=60)
    told = subprocess.run([*runner, program], capture_output=True, text=True, timeout=60)
    assert (told.stdout, told.returncode) == ("kept\n", 0)
