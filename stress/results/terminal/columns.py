"""Tables that fit a narrow terminal: headers and numbers stay whole, the names in the first column are folded."""

from rich.console import RenderableType
from rich.table import Column, Table

GAP, NARROW_GAP = 2, 1


def fitted(table: Table, width: int) -> Table:
    """The table, made to fit so many columns of a terminal if it can.

    Each column keeps room for its longest word, the first one for its header. What is left is given to the longest word
    of the first column, then to the columns from the right, up to what their lines need.
    """
    natural = [max(_lines(column)) for column in table.columns]
    gaps = len(natural) - 1
    if sum(natural) + GAP * gaps <= width:
        return table
    words = [max(_words(column)) for column in table.columns]
    rooms = [max(map(len, _text(table.columns[0].header).split()), default=1), *words[1:]]
    left = width - sum(rooms) - NARROW_GAP * gaps
    for at, wanted in [(0, words[0]), *reversed(list(enumerate(natural)))]:
        more = max(0, min(left, wanted - rooms[at]))
        rooms[at], left = rooms[at] + more, left - more
    table.padding = (0, NARROW_GAP, 0, 0)
    for column, room in zip(table.columns, rooms, strict=True):
        column.width, column.no_wrap, column.overflow = room, False, "fold"
    return table


def _text(cell: RenderableType) -> str:
    """The text of a cell."""
    return str(cell)


def _lines(column: Column) -> list[int]:
    """How long the lines of a column are, that of its header first."""
    return [len(_text(cell)) for cell in (column.header, *column.cells)]


def _words(column: Column) -> list[int]:
    """How long the words of a column are."""
    return [len(word) for cell in (column.header, *column.cells) for word in _text(cell).split()] or [1]
