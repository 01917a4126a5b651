"""Writes random programs of the language of kernel code, which both engines must run alike.

Kernel code computes nothing that leaves 64 bits, so a random program must not either where the engines could tell. An
expression is *loose* if Python's result may be larger than a word: it is the same modulo 2**64 on both engines, and may
only be stored, returned, or given to `wrap`. All others are words on both engines.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs

from stress.machine.words import AREAS

LEAST, MOST = -(1 << 63), (1 << 63) - 1
EDGES = (0, 1, 2, 3, 7, 8, 63, 64, 65, 255, 256, 1 << 31, 1 << 32, (1 << 62) + 1, MOST - 1, MOST)
POISON = 0x6B6B_6B6B_6B6B_6B6B
BAD = (0, 8, -8, -1, 4, LEAST, MOST, POISON, 0x3FF_FFF8, 0x1_0000_0000, AREAS - 255, AREAS - 252)
WORDS = AREAS - 256
"""16 words at the end of the statics, where nothing is declared."""
MOST_STEPS = 4000
"""About how many statements and expressions a program may run."""
PRELUDE = f"""\
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import CAUSE_WILD, FAULT_CAUSE
WORDS = {WORDS}
FLAG, EDGE = True, {MOST}

@kernel
def wrap(cpu: Cpu, x: int) -> int:
    return ((x >> 32 & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000 << 32) | x & 0xFFFF_FFFF

@kernel
def first(cpu: Cpu, x: int, y: int = {LEAST}) -> int:
    return x

@kernel
def count(cpu: Cpu, x: int = 3, y: int = -1) -> int:
    seen = cpu.peek(WORDS) & 0xFFFF
    cpu.poke(WORDS, seen + 1)
    return seen ^ x & 15

@kernel
def apply(cpu: Cpu, do, x: int, y: int = {MOST}, other=first) -> int:
    return do(cpu, x, y) if x < y else other(cpu, y, x)

"""
Text = Callable[[], str]


@attrs.frozen
class Callee:
    """A function that may be called with two words: what it costs, and whether it gives one."""

    name: str
    cost: int
    has_value: bool = True


KNOWN = (Callee("first", 5), Callee("count", 10))


class Author:
    """Writes one function, as lines of text."""

    def __init__(self, draw: random.Random, callees: Sequence[Callee]) -> None:
        """`callees` are functions that were written before."""
        self.draw, self.callees = draw, callees
        self.lines: list[str] = []
        self.names = {"x", "y"}
        self.indent, self.loops, self.factor, self.cost, self.depth = 1, 0, 1, 0, 0
        self.is_open, self.has_value = True, True
        self.deepest = draw.choice((1, 1, 2, 2, 3))

    # Words

    def word(self) -> str:
        """An expression that is a word on both engines."""
        self.cost += self.factor
        if self.depth >= self.deepest or self.draw.random() < 0.25:
            return self.leaf()
        kinds: Sequence[Text] = (
            self.wrapped, self.wrapped, self.bits, self.bits, self.shifted_right, self.divided, self.divided,
            self.truth, self.chosen, self.extreme, self.called, self.called, self.loaded, self.loaded, self.converted,
        )  # fmt: skip
        with self.deeper():
            return self.draw.choice(kinds)()

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """What is written in here is a part of an expression."""
        self.depth += 1
        yield
        self.depth -= 1

    def number(self) -> int:
        """A number, at an edge more often than not."""
        number = self.draw.choice(EDGES) if self.draw.random() < 0.8 else self.draw.getrandbits(64) + LEAST
        return max(LEAST, -number - self.draw.randrange(2)) if self.draw.random() < 0.4 else number

    def leaf(self) -> str:
        """A word without parts."""
        if self.draw.random() < 0.6:
            return self.draw.choice(sorted(self.names))
        return self.draw.choice(
            (str(self.number()), str(self.number()), "cpu.number", "cpu.area", "EDGE", "FLAG", "True")
        )

    def wrapped(self) -> str:
        """A loose expression as a word."""
        return f"wrap(cpu, {self.loose()})"

    def loose(self) -> str:
        """An expression that may be larger than a word in Python."""
        sign = self.draw.choice(("+", "-", "*", "*", "<<", "~", "-x", "//", "&", "|", "^"))
        if sign in ("~", "-x"):
            return f"{sign[0]}({self.not_truth()})"
        if sign == "<<":
            return f"({self.word()} << {self.amount()})"
        return f"({self.word()} // {self.divisor()})" if sign == "//" else f"({self.part()} {sign} {self.part()})"

    def part(self) -> str:
        """A part of a loose expression: loose too, or a word."""
        return self.loose() if self.draw.random() < 0.15 else self.word()

    def not_truth(self) -> str:
        """A word that is no bool in Python, where ~ of one is deprecated."""
        return f"int({self.word()})"

    def amount(self) -> str:
        """By how much something is shifted: rarely, and only at run time, a negative number."""
        if self.draw.random() < 0.3:
            return str(self.draw.choice((0, 1, 31, 32, 62, 63)))
        if self.draw.random() < 0.04:
            return f"min({self.word()}, 70)"
        return f"({self.word()} & 127)"

    def divisor(self) -> str:
        """What something is divided by: rarely 0."""
        if self.draw.random() < 0.4:
            return str(self.number() or self.draw.choice((-1, 3)))
        return f"int({self.word()})" if self.draw.random() < 0.04 else f"({self.word()} | 1)"

    def bits(self) -> str:
        """Operators that stay within a word."""
        return f"({self.word()} {self.draw.choice('&|^')} {self.word()})"

    def shifted_right(self) -> str:
        """A shift that stays within a word."""
        return f"({self.word()} >> {self.amount()})"

    def divided(self) -> str:
        """A rest; a quotient, which is loose."""
        if self.draw.random() < 0.5:
            return f"wrap(cpu, {self.word()} // {self.divisor()})"
        return f"({self.word()} % {self.divisor()})"

    def chosen(self) -> str:
        return f"({self.word()} if {self.test()} else {self.word()})"

    def extreme(self) -> str:
        return f"{self.draw.choice(('min', 'max'))}({self.word()}, {self.word()})"

    def converted(self) -> str:
        return self.draw.choice((f"int({self.word()})", f"bool({self.test()})", f"(+{self.leaf()})"))

    def truth(self) -> str:
        """Something that is True or False in Python."""
        with self.deeper():
            kind = self.draw.randrange(4) if self.depth < self.deepest else 0
            if kind == 1:
                return f"(not {self.test()})"
            if kind == 2:
                return f"({self.truth()} {self.draw.choice(('and', 'or'))} {self.truth()})"
            return self.compared()

    def compared(self) -> str:
        """A comparison, often of more than two."""
        parts = [self.word() for _ in range(self.draw.choice((2, 2, 3, 4)))]
        signs = [f" {self.draw.choice(('==', '!=', '<', '<=', '>', '>='))} " for _ in parts[1:]]
        return "(" + "".join(part + sign for part, sign in zip(parts, [*signs, ""], strict=True)) + ")"

    def test(self) -> str:
        """What is only asked whether it is true."""
        kind = self.draw.randrange(5)
        if kind > 2 or self.depth >= self.deepest:
            return self.truth()
        with self.deeper():
            if kind == 0:
                return self.word()
            if kind == 1:
                return f"(not {self.test()})"
            return f"({self.test()} {self.draw.choice(('and', 'or'))} {self.test()})"

    # Calls and accesses

    def callee(self, *, with_value: bool) -> Callee:
        """A function that may be called here without making the program too long."""
        usable = [one for one in self.callees if self.factor * one.cost < MOST_STEPS - self.cost]
        found = self.draw.choice([one for one in usable if one.has_value or not with_value] or KNOWN[:1])
        self.cost += self.factor * found.cost
        return found

    def called(self) -> str:
        """A call of another function, or of one that calls it."""
        one = self.callee(with_value=True)
        if self.draw.random() < 0.25:
            return f"apply(cpu, {one.name}, {self.word()}{self.others()})"
        return f"{one.name}(cpu, {self.arguments()})"

    def others(self) -> str:
        return self.draw.choice(("", f", {self.word()}", f", other=count, y={self.word()}", f", y={self.word()}"))

    def arguments(self) -> str:
        """Two words, by place or by name, in either order."""
        x, y = self.word(), self.word()
        return self.draw.choice((f"{x}, {y}", f"y={y}, x={x}", f"{x}, y={y}", f"x={x}, y={y}", x))

    def loaded(self) -> str:
        """A value from RAM."""
        kind = self.draw.randrange(7)
        if kind == 0:
            return f"cpu.load8({self.address(1)})"
        if kind == 1:
            return f"cpu.peek({self.safe_address()})"
        if kind == 2:
            return f"cpu.cmpxchg({self.address(8)}, {self.word()}, {self.word()})"
        if kind == 3:
            return f"cpu.{self.draw.choice(('xchg', 'fetch_add'))}({self.address(8)}, {self.word()})"
        if kind == 4:
            return f"cpu.load_acquire({self.address(8)})"
        return f"cpu.load({self.address(8)})"

    def safe_address(self) -> str:
        """The address of a word that is there."""
        return f"WORDS + (({self.word()} & 15) << 3)"

    def address(self, size: int) -> str:
        """An address of a word or a byte: rarely that of freed memory, or one that faults."""
        chance = self.draw.random()
        if chance < 0.02:
            return self.draw.choice((str(self.draw.choice(BAD)), self.word()))
        if chance < 0.15:
            start = self.draw.choice(("LIVE", "FREED"))
            return f"{start} + (({self.word()} & 3) << 3)"
        return self.safe_address() if size == 8 else f"WORDS + ({self.word()} & 127)"

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def block(self, statements: int) -> None:
        """Some statements, one level deeper."""
        self.indent += 1
        before = len(self.lines)
        self.statements(statements)
        if len(self.lines) == before:
            self.put("pass")
        self.indent -= 1

    def statements(self, number: int) -> None:
        for _ in range(number):
            if self.is_open and self.factor * 20 < MOST_STEPS - self.cost:
                self.statement()

    def statement(self) -> None:
        """One statement of any kind."""
        simple = (self.assign, self.assign, self.augment, self.parallel, self.store, self.store, self.evaluate)
        compound = (self.branch, self.branch, self.count_up, self.over_range, self.leave)
        deep = self.indent > 3
        self.draw.choice(simple if deep and self.draw.random() < 0.8 else (*simple, *compound))()

    def name(self) -> str:
        return self.draw.choice(("x", "y", "c", "d", "e"))

    def assign(self) -> None:
        """One or two names get a value."""
        value, name, other = self.word(), self.name(), self.name()
        form = self.draw.choice((f"{name} = {value}", f"{name}: int = {value}", f"{name} = {other} = {value}"))
        self.names |= {name, other} if f" = {other} = " in form else {name}
        self.put(form)

    def augment(self) -> None:
        """A name gets a value in place, which is made a word at once."""
        name, sign = (
            self.draw.choice(sorted(self.names)),
            self.draw.choice(("+", "-", "*", "&", "|", "^", "%", "//", ">>")),
        )
        value = self.divisor() if sign in ("%", "//") else self.amount() if sign == ">>" else self.word()
        self.put(f"{name} {sign}= {value}")
        self.put(f"{name} = wrap(cpu, {name})")

    def parallel(self) -> None:
        """Names get the values of others, all at once."""
        names = [self.name() for _ in range(self.draw.choice((2, 3)))]
        values = [self.word() for _ in names]
        self.put(f"{', '.join(names)} = {', '.join(values)}")
        self.names |= set(names)

    def store(self) -> None:
        kind = self.draw.randrange(4)
        if kind == 0:
            self.put(f"cpu.store8({self.address(1)}, {self.loose()})")
        elif kind == 1:
            self.put(f"cpu.poke({self.safe_address()}, {self.word()})")
        else:
            self.put(f"cpu.store({self.address(8)}, {self.loose()})")

    def evaluate(self) -> None:
        """A call for what it does."""
        self.put(f"{self.callee(with_value=False).name}(cpu, {self.arguments()})")

    def branch(self) -> None:
        """If, with elif and else or without; a name has a value after it if each way gives it one."""
        self.put(f"if {self.test()}:")
        before = set(self.names)
        ways = [self.way(before)]
        if self.draw.random() < 0.3:
            self.put(f"elif {self.test_with(before)}:")
            ways.append(self.way(before))
        if self.draw.random() < 0.5:
            self.put("else:")
            ways.append(self.way(before))
        else:
            ways.append(before)
        left = [names for names in ways if names is not None]
        self.is_open = bool(left)
        self.names = set.intersection(*left) if left else before

    def test_with(self, names: set[str]) -> str:
        self.names, self.is_open = set(names), True
        return self.test()

    def way(self, names: set[str]) -> set[str] | None:
        """One way of a branch: the names that have a value at its end; None if it does not get there."""
        self.names, self.is_open = set(names), True
        self.block(self.draw.randrange(4))
        return self.names if self.is_open else None

    def turns(self, number: int) -> None:
        """The body of a loop that runs at most `number` times."""
        before, factor = set(self.names), self.factor
        self.factor *= max(number, 1)
        self.loops += 1
        self.block(self.draw.randrange(1, 4))
        self.names, self.factor, self.is_open = before, factor, True
        self.loops -= 1

    def count_up(self) -> None:
        """A while loop with a counter of its own."""
        number, counter = self.draw.randrange(1, 4), f"n{self.indent}_{len(self.lines)}"
        self.put(f"{counter} = 0")
        endless = self.draw.random() < 0.3
        self.put("while True:" if endless else f"while {counter} < {number} and {self.test()}:")
        self.indent += 1
        self.put(f"{counter} += 1")
        if endless:
            self.put(f"if {counter} > {number}:")
            self.put("    break")
        self.indent -= 1
        self.turns(number)

    def over_range(self) -> None:
        """A for loop over a few numbers, also at the edges of a word."""
        number, step = self.draw.randrange(0, 4), self.draw.choice((1, 1, 2, 3, 7, -1, -2, -5))
        first = min(max(self.number(), LEAST), MOST)
        limit = min(max(first + number * step, LEAST), MOST)
        bounds = (f"{first}, {limit}, {step}", f"{self.word()} & 3", f"{first & 7}, {self.word()} & 3, {step}")
        before, name = set(self.names), self.draw.choice(("i", "j", "c"))
        self.put(f"for {name} in range({self.draw.choice(bounds)}):")
        self.names.add(name)
        self.turns(8)
        self.names = before

    def leave(self) -> None:
        """End the turn, the loop or the function, on one of two ways."""
        self.put(f"if {self.test()}:")
        self.indent += 1
        kinds = (self.give, self.give, self.oops) + (self.loops > 0) * (self.jump, self.jump, self.jump)
        self.draw.choice(kinds)()
        self.indent -= 1

    def jump(self) -> None:
        self.put(self.draw.choice(("break", "continue")))

    def oops(self) -> None:
        self.put("cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)")
        self.put("raise Oops")

    def give(self) -> None:
        self.put(f"return {self.draw.choice((self.word, self.loose))()}" if self.has_value else "return")

    def text(self, name: str) -> str:
        """The whole function."""
        self.statements(self.draw.randrange(1, 6))
        if self.is_open:
            self.put(f"return {self.word()}" if self.has_value else "cpu.barrier()")
        kind = "int" if self.has_value else "None"
        head = f"@kernel\ndef {name}(cpu: Cpu, x: int, y: int = {self.number()}) -> {kind}:"
        return "\n".join([head, *self.lines, "", ""])
