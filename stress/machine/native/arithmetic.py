"""Python's arithmetic of integers in LLVM's text, modulo 2**64.

Where LLVM leaves a result undefined (a shift by 64 or more, a division by 0, the least word divided by -1), the code
does what Python does: the result wraps, or an exception is raised.
"""

from collections.abc import Callable

from stress.machine.native.writer import Writer

SIMPLE = {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor"}
SIGNS = {"==": "eq", "!=": "ne", "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge"}
DIVISION_BY_ZERO = "division by zero"
NEGATIVE_SHIFT = "a shift by a negative number"

Refuse = Callable[[str, str], None]
"""Called with a truth and what is wrong if it is true: ends the operation then."""


def is_number(operand: str) -> bool:
    """Whether an operand is a number, not the result of an instruction."""
    return operand.lstrip("-").isdigit()


def may_raise(sign: str, right_is_constant: bool) -> bool:
    """Whether an operator can raise an exception; operands that are constants were checked before."""
    return sign not in SIMPLE and not right_is_constant


def binary(of: Writer, refuse: Refuse, sign: str, left: str, right: str) -> str:
    """The result of an operator."""
    if sign in SIMPLE:
        return of.new(f"{SIMPLE[sign]} i64 {left}, {right}")
    if sign in ("<<", ">>"):
        return _shift(of, refuse, sign, left, right)
    return _divide(of, refuse, sign, left, right)


def _shift(of: Writer, refuse: Refuse, sign: str, left: str, right: str) -> str:
    shift = "shl" if sign == "<<" else "ashr"
    if is_number(right) and 0 <= int(right) <= 63:
        return of.new(f"{shift} i64 {left}, {right}")
    refuse(of.new(f"icmp slt i64 {right}, 0"), NEGATIVE_SHIFT)
    by = of.new(f"call i64 @llvm.smin.i64(i64 {right}, i64 63)")
    shifted = of.new(f"{shift} i64 {left}, {by}")
    if sign == ">>":
        return shifted
    return of.new(f"select i1 {of.new(f'icmp sgt i64 {right}, 63')}, i64 0, i64 {shifted}")


def _divide(of: Writer, refuse: Refuse, sign: str, left: str, right: str) -> str:
    """Floor division or its rest: LLVM's rounds towards 0."""
    by = right
    if not is_number(right) or right == "0":
        refuse(of.new(f"icmp eq i64 {right}, 0"), DIVISION_BY_ZERO)
    if right == "-1" or not is_number(right):  # the least word divided by -1 stops the processor
        by = of.new(f"select i1 {of.new(f'icmp eq i64 {right}, -1')}, i64 1, i64 {right}")
    rest = of.new(f"srem i64 {left}, {by}")
    is_below = of.new(f"icmp slt i64 {of.new(f'xor i64 {rest}, {by}')}, 0")
    off = of.new(f"and i1 {is_below}, {of.new(f'icmp ne i64 {rest}, 0')}")
    if sign == "%":
        return of.new(f"add i64 {rest}, {of.new(f'select i1 {off}, i64 {by}, i64 0')}")
    quotient = of.new(f"sdiv i64 {left}, {by}")
    floor = of.new(f"sub i64 {quotient}, {of.new(f'zext i1 {off} to i64')}")
    if by == right:
        return floor
    negative = of.new(f"sub i64 0, {left}")
    return of.new(f"select i1 {of.new(f'icmp eq i64 {right}, -1')}, i64 {negative}, i64 {floor}")
