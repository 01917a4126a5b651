"""Tables that fit a narrow terminal: numbers stay whole; words are folded, and columns that can be spared go."""

import re
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Column, Table

GAP, NARROW_GAP = 2, 1
SHORTEST = 4
"""A column of words is not made narrower."""


def fitted(table: Table, width: int, spare: Sequence[str] = ()) -> Table:
    """The table, made to fit so many columns of a terminal if it can.

    Each column keeps room for its longest word, the first one for its header. If that is too wide, the columns `spare`
    go, by their headers, one after the other, and the caption names them; then words are folded, but no number. What
    is left is given to the longest word of the first column, then to the columns from the right, up to what their
    lines need.
    """
    if _natural(table) <= width:
        return table
    _leave_out(table, width, spare)
    if _natural(table) <= width:
        return table
    rooms = _given(table, width, _folded(table, width, _rooms(table)))
    table.padding = (0, NARROW_GAP, 0, 0)
    for column, room in zip(table.columns, rooms, strict=True):
        column.width, column.no_wrap, column.overflow = room, False, "fold"
    return table


def _natural(table: Table) -> int:
    """How wide a table is with every line of it whole."""
    return sum(max(_lines(column)) for column in table.columns) + GAP * (len(table.columns) - 1)


def _rooms(table: Table) -> list[int]:
    """How wide each column is with every word of it whole; the first one as wide as its header."""
    first, *others = table.columns
    return [max(map(len, _text(first.header).split()), default=1), *(max(_words(column)) for column in others)]


def _left(rooms: Sequence[int], width: int) -> int:
    """How much of the width is left beside columns that are so wide; less than none if they do not fit."""
    return width - sum(rooms) - NARROW_GAP * (len(rooms) - 1)


def _leave_out(table: Table, width: int, spare: Sequence[str]) -> None:
    """Take columns out of a table, as many as it takes for the words of the others."""
    gone = []
    for name in spare:
        if _left(_rooms(table), width) < 0:
            table.columns = [column for column in table.columns if _text(column.header) != name]
            gone.append(name)
    if gone:
        table.caption, table.caption_justify = f"too narrow for: {', '.join(gone)}", "left"


def _folded(table: Table, width: int, rooms: list[int]) -> list[int]:
    """Columns that are narrower where words do not fit, from the left, but as wide as their numbers."""
    for at, column in enumerate(table.columns):
        least = min(rooms[at], max([SHORTEST, *(_numbers(column) if at else [])]))
        rooms[at] -= max(0, min(-_left(rooms, width), rooms[at] - least))
    return rooms


def _given(table: Table, width: int, rooms: list[int]) -> list[int]:
    """Columns that are wider by what is left of the width, as long as their words or lines need more."""
    wanted = [
        (0, max(_words(table.columns[0]))),
        *reversed([(at, max(_lines(one))) for at, one in enumerate(table.columns)]),
    ]
    for at, most in wanted:
        rooms[at] += max(0, min(_left(rooms, width), most - rooms[at]))
    return rooms


def _text(cell: RenderableType) -> str:
    """The text of a cell."""
    return str(cell)


def _lines(column: Column) -> list[int]:
    """How long the lines of a column are, that of its header first."""
    return [len(_text(cell)) for cell in (column.header, *column.cells)]


def _words(column: Column) -> list[int]:
    """How long the words of a column are."""
    return [len(word) for cell in (column.header, *column.cells) for word in _text(cell).split()] or [1]


def _numbers(column: Column) -> list[int]:
    """How long those words of its cells are that are numbers, with a unit that has no space before it."""
    return [len(word) for cell in column.cells for word in _text(cell).split() if re.match(r"[-+]?\d", word)]
