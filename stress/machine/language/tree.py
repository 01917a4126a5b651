"""The tree of a checked kernel function: what a compiler, or whoever else runs kernel code, has to know.

Values are signed 64-bit words. An expression that is a truth (a comparison, `not`) is 1 or 0 where a word is needed.
CPUs and functions are known when the tree is made, so no node computes one: a function that is called with other
functions, or with a CPU of other features, is another `Instance`.

Nodes are neither compared nor printed: a class without both is made in half the time, and each start waits for it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import attrs

from stress.machine.seam import KernelValue

Function = Callable[..., object]


@attrs.frozen
class CpuKind:
    """A CPU as a value: `features` is what its engine builds into its accesses; None where no engine is known."""

    features: object = None


Kind = CpuKind | Function | KernelValue | str | None
"""What is known of an argument when the tree is made: a CPU, a function, a value or a name; None: it is a word."""


@attrs.frozen(eq=False, repr=False)
class Expression:
    """A word, or a truth. `line` is the author's, in the file of the instance."""

    line: int

    @property
    def is_truth(self) -> bool:
        """Whether this is 1 or 0 for true or false."""
        return False


@attrs.frozen(eq=False, repr=False)
class Truth(Expression):
    """An expression that is true or false."""

    @property
    def is_truth(self) -> bool:
        """It is."""
        return True


@attrs.frozen(eq=False, repr=False)
class Constant(Expression):
    """A number that fits into a signed 64-bit word."""

    value: int


@attrs.frozen(eq=False, repr=False)
class Local(Expression):
    """The value of a local name."""

    name: str


@attrs.frozen(eq=False, repr=False)
class Field(Expression):
    """One of the numbers of the CPU itself: base, number, area or log."""

    name: str


@attrs.frozen(eq=False, repr=False)
class Binary(Expression):
    """An operator of `operators.BINARY` on two words, as Python defines it; the result wraps."""

    operator: str
    left: Expression
    right: Expression


@attrs.frozen(eq=False, repr=False)
class Extreme(Expression):
    """The smaller (`min`) or the larger (`max`) of words."""

    name: str
    values: Sequence[Expression]


@attrs.frozen(eq=False, repr=False)
class Compare(Truth):
    """`first op1 second op2 third ...`: each operand is evaluated once, at most as far as the first that is false."""

    first: Expression
    rest: Sequence[tuple[str, Expression]]


@attrs.frozen(eq=False, repr=False)
class Not(Truth):
    """The opposite of a truth, or whether a word is 0."""

    value: Expression


@attrs.frozen(eq=False, repr=False)
class Several(Truth):
    """`and` (`every`) or `or` of expressions: evaluated as far as is needed."""

    every: bool
    values: Sequence[Expression]


@attrs.frozen(eq=False, repr=False)
class IsTrue(Truth):
    """Whether a word is not 0."""

    value: Expression


@attrs.frozen(eq=False, repr=False)
class Choose(Expression):
    """`yes if test else no`: only one of the two is evaluated."""

    test: Expression
    yes: Expression
    no: Expression


@attrs.frozen(eq=False, repr=False)
class Call(Expression):
    """A call of another kernel function.

    `arguments` are the words among them, in the order in which they are evaluated; `places` has the place of each among
    `instance.words`.
    """

    instance: "Instance"
    arguments: Sequence[Expression]
    places: Sequence[int]


@attrs.frozen(eq=False, repr=False)
class Method(Expression):
    """What is asked of a CPU, by the name that `seam.Cpu` gives it: the one way to memory."""

    cpu: CpuKind
    name: str
    arguments: Sequence[Expression]


@attrs.frozen(eq=False, repr=False)
class Intrinsic(Expression):
    """A step that an engine's own code takes outside of the language, by its name."""

    name: str
    arguments: Sequence[Expression]
    gives_truth: bool = False

    @property
    def is_truth(self) -> bool:
        """As the step says."""
        return self.gives_truth


@attrs.frozen(eq=False, repr=False)
class Statement:
    """A step of a function's body."""


Body = Sequence[Statement]


@attrs.frozen(eq=False, repr=False)
class Assign(Statement):
    """Give a local name a value."""

    name: str
    value: Expression


@attrs.frozen(eq=False, repr=False)
class Evaluate(Statement):
    """Evaluate an expression for what it does."""

    value: Expression


@attrs.frozen(eq=False, repr=False)
class If(Statement):
    """Take one of two bodies."""

    test: Expression
    body: Body
    orelse: Body


@attrs.frozen(eq=False, repr=False)
class While(Statement):
    """Repeat a body while a test is true; `test` None: until it is left."""

    test: Expression | None
    body: Body


@attrs.frozen(eq=False, repr=False)
class For(Statement):
    """Repeat a body for each number of a range, which is evaluated once; `step` is not 0."""

    name: str
    first: Expression
    limit: Expression
    step: int
    body: Body


@attrs.frozen(eq=False, repr=False)
class Return(Statement):
    """End the function, with a value (0 where nobody can use it)."""

    value: Expression | None


@attrs.frozen(eq=False, repr=False)
class Raise(Statement):
    """End the operation with an exception: `oops`, or `broken` for the harness's own check of kernel code."""

    exception: str


@attrs.frozen(eq=False, repr=False)
class Try(Statement):
    """Run a body; run the handler instead of the rest of the body if anything is raised in it. For the harness only."""

    body: Body
    handler: Body


@attrs.frozen(eq=False, repr=False)
class Break(Statement):
    """Leave the innermost loop."""


@attrs.frozen(eq=False, repr=False)
class Continue(Statement):
    """Go on with the next turn of the innermost loop."""


@attrs.frozen(eq=False, slots=False, repr=False)
class Instance:
    """A kernel function for one set of what is known of its arguments."""

    function: Function
    kinds: tuple[Kind, ...]
    file: str
    words: Sequence[str]
    """The parameters that are words, in order."""
    body: Body
    has_value: bool

    def __repr__(self) -> str:
        # Its calls have instances, too: the text of a whole program takes for ever, and tracebacks of pytest show it.
        return f"<{self.name} ({self.file})>"

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @cached_property
    def nodes(self) -> Sequence[Any]:
        """All nodes of the body, without those of the functions that it calls."""
        return list(nodes_of(self.body))


NO_PARTS = ("line", "name", "cpu", "instance", "places", "operator", "step")
_parts: dict[type, Sequence[str]] = {}


def parts_of(node: Expression | Statement) -> Sequence[str]:
    """The attributes of a node that may have other nodes."""
    kind = type(node)
    if kind not in _parts:
        _parts[kind] = [name for name in attrs.fields_dict(kind) if name not in NO_PARTS]
    return _parts[kind]


def nodes_of(found: Any) -> Iterator[Any]:
    """A node, or each of several, and all nodes in it, but not those of the functions that it calls."""
    if isinstance(found, list | tuple):
        for one in found:
            yield from nodes_of(one)
    elif isinstance(found, Expression | Statement):
        yield found
        for part in parts_of(found):
            yield from nodes_of(getattr(found, part))
