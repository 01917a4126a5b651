"""Writes the text of one LLVM function: instructions, labels, slots for local names."""

from collections.abc import Sequence

SELDOM = ", !prof !0"
"""A branch whose first way is seldom taken."""


def plain(name: str) -> str:
    """A name of Python as a part of one of LLVM, which has ASCII only; no two become one."""
    return name if name.isascii() else f"-{name.encode('punycode').decode()}"


class Writer:
    """The lines of a function under way. An operand is LLVM's: `%t7`, `42`, `true`."""

    def __init__(self) -> None:
        """Begin an empty body."""
        self.lines: list[str] = []
        self.slots: list[str] = []
        self._count = 0
        self.is_open = True
        """Whether the block under way goes on; what follows a jump needs a label first."""

    def put(self, line: str) -> None:
        """Write an instruction that has no result."""
        self.lines.append(line)

    def new(self, instruction: str) -> str:
        """Write an instruction; its result."""
        self._count += 1
        self.lines.append(f"%t{self._count} = {instruction}")
        return f"%t{self._count}"

    def new_slot(self) -> str:
        """A place for a value that several ways store, in the frame of the function."""
        self._count += 1
        self.slots.append(f"%s{self._count} = alloca i64")
        return f"%s{self._count}"

    def load(self, slot: str) -> str:
        """The value of a slot."""
        return self.new(f"load i64, ptr {slot}")

    def save(self, value: str, slot: str) -> None:
        """Store a value into a slot."""
        self.put(f"store i64 {value}, ptr {slot}")

    def labels(self, number: int) -> Sequence[str]:
        """New labels."""
        self._count += number
        return [f"L{self._count - at}" for at in range(number)]

    def start(self, label: str) -> None:
        """Begin the block of a label; what comes before it runs into it."""
        self.jump(label)
        self.put(f"{label}:")
        self.is_open = True

    def jump(self, label: str) -> None:
        """Go on at a label, if the block under way goes on at all."""
        if self.is_open:
            self.put(f"br label %{label}")
        self.is_open = False

    def fork(self, bit: str, yes: str, no: str, weights: str = "") -> None:
        """Go on at one of two labels."""
        self.put(f"br i1 {bit}, label %{yes}, label %{no}{weights}")
        self.is_open = False

    def leave(self, instruction: str) -> None:
        """End the function."""
        self.put(instruction)
        self.is_open = False

    def pointer(self, address: str) -> str:
        """A raw address as LLVM's pointer."""
        return self.new(f"inttoptr i64 {address} to ptr")
