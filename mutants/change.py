"""How a mutant changes a file: another text, a statement that is left out or comes late, a condition that is decided.

Statements and conditions are quoted by any part of them, so that a rename in the rest leaves the quote as it is.
"""

import ast
import functools
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise

import attrs


class StaleMutantError(Exception):
    """What a mutant quotes is not there, or not once, where the mutant says."""


@attrs.frozen
class Quote:
    """A part of a file's text, from `start` up to `end`, and what is to be found in it; `where` names the part."""

    text: str
    start: int
    end: int
    words: str
    where: str

    def offsets(self) -> Iterator[int]:
        """Where the words are."""
        at = self.text.find(self.words, self.start, self.end)
        while at >= 0:
            yield at
            at = self.text.find(self.words, at + 1, self.end)

    def only(self, found: set[tuple[int, int]]) -> tuple[int, int]:
        """The only span that was found. StaleMutantError for none or several."""
        if len(found) != 1:
            raise StaleMutantError(f"{self.words!r} occurs {len(found)} times in {self.where}")
        return found.pop()

    def within(self, nodes: list[ast.AST]) -> tuple[int, int]:
        """The span of the only one of the nodes that has the words, and has no smaller one of them around the words."""
        spans = [span for span in (span_of(node, self.text) for node in nodes) if self.start <= span[0] < self.end]
        around = [[span for span in spans if span[0] <= at < span[1]] for at in self.offsets()]
        return self.only({min(spans, key=lambda span: span[1] - span[0]) for spans in around if spans})

    def with_new(self, span: tuple[int, int], new: str) -> str:
        """The text with `new` in the place of a span."""
        return self.text[: span[0]] + new + self.text[span[1] :]


Change = Callable[[Quote], str]


@functools.cache
def lines_of(text: str) -> tuple[tuple[int, bytes], ...]:
    """Where each line of a text begins, and the line as the parser counts its columns."""
    lines = text.splitlines(keepends=True)
    return tuple(zip(accumulate(map(len, lines), initial=0), (line.encode() for line in lines), strict=False))


@functools.cache
def nodes_of(text: str) -> tuple[ast.AST, ...]:
    """All that a file has, once for all mutants of it: the outer before the inner."""
    return tuple(ast.walk(ast.parse(text)))


def span_of(node: ast.AST, text: str) -> tuple[int, int]:
    """From where to where a statement or an expression reaches in the text of its file."""
    ends = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
    first, last = (
        start + len(line[:column].decode()) for (start, line), column in ((lines_of(text)[at - 1], c) for at, c in ends)
    )
    return first, last


def replaced_by(new: str) -> Change:
    """Another text for what is quoted."""
    return lambda quote: quote.with_new(quote.only({(at, at + len(quote.words)) for at in quote.offsets()}), new)


def left_out(quote: Quote) -> str:
    """The text without the statement that has the words."""
    statements = [node for node in nodes_of(quote.text) if isinstance(node, ast.stmt)]
    return quote.with_new(quote.within(list(statements)), "pass")


def decided(answer: bool) -> Change:
    """The condition of an `if` or a `while` that has the words is always true, or never."""

    def change(quote: Quote) -> str:
        nodes = [node.test for node in nodes_of(quote.text) if isinstance(node, ast.If | ast.While)]
        return quote.with_new(quote.within(list(nodes)), str(answer))

    return change


def come_late(quote: Quote) -> str:
    """The statement that has the words changes places with the next one."""
    text, blocks = quote.text, [*blocks_of(quote.text)]
    first = quote.within([node for block in blocks for node in block])
    [(one, two)] = [
        (span_of(one, text), span_of(two, text))
        for block in blocks
        for one, two in pairwise(block)
        if span_of(one, text) == first
    ]
    return quote.with_new((one[0], two[1]), text[slice(*two)] + text[one[1] : two[0]] + text[slice(*one)])


def blocks_of(text: str) -> Iterator[list[ast.stmt]]:
    """The lists of statements of a file that follow one another."""
    for node in nodes_of(text):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(block, list):
                yield block
