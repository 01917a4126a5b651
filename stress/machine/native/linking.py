"""Compiling many small functions into one program quickly: parts are linked, optimised and made into code once.

By default numba makes machine code of every function that compiled code calls, together with all that it calls in
turn, though only a program's entry is ever run: ten times the work for a hundred small functions. Here the parts stay
modules of LLVM's intermediate form until the entry links them all.

A function with a loop stays a function of its own in the machine code, so that the loop has all registers. Every other
part is internal to the program, and is inlined into its callers.
"""

import dis
from collections.abc import Callable, Iterator
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class PartLibrary(JITCodeLibrary):
    """The library of a function that only other compiled functions call."""

    def finalize(self) -> None:
        """Do nothing: the program that links this part optimises it."""
        self._finalized = True


def with_parts(library: Any, seen: set[Any]) -> Iterator[Any]:
    """The libraries that `library` links, and those that they link, each once."""
    for part in library._linking_libraries:
        if part not in seen:
            seen.add(part)
            yield part
            yield from with_parts(part, seen)


class WholeLibrary(JITCodeLibrary):
    """The library of a program's entry, which links every part that the program needs."""

    def finalize(self) -> None:
        """Link, optimise and make code."""
        self._entries = {function.name for function in self._final_module.functions}
        self._linking_libraries = list(with_parts(self, set()))
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Make every part internal, so that LLVM drops what it has inlined; then optimise."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in self._entries:
                function.linkage = "internal"
        super()._optimize_final_module()


def has_loop(function: Callable[..., object]) -> bool:
    """Whether the bytecode of `function` jumps backward."""
    return any("JUMP_BACKWARD" in instruction.opname for instruction in dis.get_instructions(function))


def _give_library(state: Any, kind: type[JITCodeLibrary]) -> None:
    """Give the function that is being compiled a library of this kind."""
    state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
    state.library.enable_object_caching()


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lowers a part to intermediate code, and no further."""

    _name = "kstress_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower. There is no machine code to call, so a new builtin method, which numba accepts, is the part's key."""
        _give_library(state, PartLibrary)
        state.flags.no_compile = state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        super().run_pass(state)
        if has_loop(state.func_id.func):
            lowered = state.library._final_module.get_function(state.cr.fndesc.mangled_name)
            lowered.add_function_attribute("noinline")
        key = list[None]().append
        state.targetctx.insert_user_function(key, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=key)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(NativeLowering):
    """Lowers the entry of a program and makes its code."""

    _name = "kstress_whole_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library that links all parts."""
        _give_library(state, WholeLibrary)
        changed: bool = super().run_pass(state)
        return changed


class _Compiler(CompilerBase):
    """numba's own pipeline with another way of lowering."""

    lowering: type[NativeLowering]

    def define_pipelines(self) -> list[Any]:
        """numba's passes for nopython mode, with this class's lowering in place of its own."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [(self.lowering if step is NativeLowering else step, name) for step, name in manager.passes]
        manager.finalize()
        return [manager]


class PartCompiler(_Compiler):
    """Compiles a function that only compiled code calls."""

    lowering = PartLowering


class WholeCompiler(_Compiler):
    """Compiles the entry of a program."""

    lowering = WholeLowering
