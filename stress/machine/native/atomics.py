"""Atomic accesses to raw addresses, as LLVM has them, for compiled code.

LLVM may move a plain load out of a spin loop. "monotonic" forbids that and no more: each access happens once, whole,
and in the program's order at its own address, like a volatile access of one word in C. x86-64 adds its own order
(loads in order, stores in order); where kernel code needs more, it asks for a barrier.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WORD = ir.IntType(64)
OCTET = ir.IntType(8)
ORDER = "monotonic"


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    """`address`, an integer, as an LLVM pointer to `kind`."""
    return builder.inttoptr(address, kind.as_pointer())


@intrinsic
def load_word(_: Any, address: Any) -> Any:
    """The 64-bit word at a raw address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0], WORD), ORDER, 8)

    return types.int64(types.int64), generate


@intrinsic
def load_octet(_: Any, address: Any) -> Any:
    """The byte at a raw address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.load_atomic(_pointer(builder, args[0], OCTET), ORDER, 1), WORD)

    return types.int64(types.int64), generate


@intrinsic
def load_acquire_octet(_: Any, address: Any) -> Any:
    """The byte at a raw address; no later access moves before this load (LLVM's "acquire")."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.load_atomic(_pointer(builder, args[0], OCTET), "acquire", 1), WORD)

    return types.int64(types.int64), generate


@intrinsic
def store_word(_: Any, address: Any, value: Any) -> Any:
    """Store a 64-bit word at a raw address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0], WORD), ORDER, 8)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


@intrinsic
def store_octet(_: Any, address: Any, value: Any) -> Any:
    """Store the low byte of a value at a raw address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        octet = builder.trunc(args[1], OCTET)
        builder.store_atomic(octet, _pointer(builder, args[0], OCTET), ORDER, 1)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


@intrinsic
def compare_exchange(_: Any, address: Any, old: Any, new: Any) -> Any:
    """Store `new` at a raw address if the word is `old`, in one step that is a full barrier; returns what was there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(builder, args[0], WORD)
        pair = builder.cmpxchg(pointer, args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 0)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def fence(_: Any) -> Any:
    """Full memory barrier, `mfence` or a locked instruction on x86-64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def is_below(_: Any, value: Any, limit: Any) -> Any:
    """Whether `value` < `limit`, both as unsigned numbers: one comparison checks both ends of a range."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.icmp_unsigned("<", args[0], args[1])

    return types.boolean(types.int64, types.int64), generate


@intrinsic
def unlikely(_: Any, condition: Any) -> Any:
    """`condition`, with the hint to the compiler that it is false."""
    bit = ir.IntType(1)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(bit, [bit, bit])
        expect = cgutils.get_or_insert_function(builder.module, kind, "llvm.expect.i1")
        return builder.call(expect, [args[0], ir.Constant(bit, 0)])

    return types.boolean(types.boolean), generate


@intrinsic
def stay_apart(_: Any) -> Any:
    """Keep the function that calls this out of its callers' code (noinline): for paths that are seldom taken."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), generate
