"""Compilation units: what is compiled, kept and shared on its own.

A unit is a function that LLVM may not inline, with all that is inlined into it. A function's symbol has a digest of its
text, in which the symbols of the functions stand that it calls. So the text of a unit says all that its machine code
depends on, in whatever program it is needed, and an edit costs only the units that it is in.
"""

import hashlib
from collections.abc import Sequence

import attrs

from stress.machine.native.call_stacks import Place
from stress.machine.native.steps_code import DECLARATIONS

NOT_INLINED = "noinline"


@attrs.frozen(eq=False)
class Written:
    """A function as text. `calls` are those that it calls, `places` the lines where it calls them or may end.

    `own`: what it is given of the CPU and of its stack. `words`: its other parameters. `raises`: whether it may end
    with an exception; then it returns a status, and stores its value at a last parameter.
    """

    name: str
    own: Sequence[str]
    words: Sequence[str]
    attributes: str
    body: str
    raises: bool
    calls: Sequence["Written"]
    places: Sequence[Place]
    symbol: str = attrs.field(init=False)
    apart: bool = attrs.field(init=False)
    """Whether it is the outermost function of a unit."""

    def __attrs_post_init__(self) -> None:
        digest = hashlib.sha256(f"{self._parameters()}\0{self.attributes}\0{self.body}".encode()).hexdigest()[:32]
        object.__setattr__(self, "symbol", f"@{self.name}.{digest}")
        object.__setattr__(self, "apart", NOT_INLINED in self.attributes)

    @property
    def head(self) -> str:
        """All but the body."""
        return f"i64 {self.symbol}({self._parameters()}) {self.attributes}"

    def _parameters(self) -> str:
        words = [f"i64 {name}" for name in (*self.own, *self.words)]
        return ", ".join([*words, "ptr nocapture writeonly %value"] if self.raises else words)

    def unit(self, entry: str = "") -> tuple[str, Sequence["Written"]]:
        """The unit that this function is the outermost of, and the functions apart that it calls.

        `entry` is the text of a function that calls this one; then it is the only one that others can call.
        """
        inside: dict[str, Written] = {}
        self._gather(inside)
        outside = {called.symbol: called for one in inside.values() for called in one.calls if called.apart}
        texts = [f"declare {one.head}\n" for one in outside.values()]
        for one in inside.values():
            kind = "define" if one is self and not entry else "define internal"
            texts.append(f"{kind} {one.head} {{\n{one.body}}}\n")
        return "".join([*texts, entry, DECLARATIONS]), list(outside.values())

    def _gather(self, inside: dict[str, "Written"]) -> None:
        """Add what is inlined into this function, and then this function."""
        for called in self.calls:
            if not called.apart and called.symbol not in inside:
                called._gather(inside)
        inside[self.symbol] = self
