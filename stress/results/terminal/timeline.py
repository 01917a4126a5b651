"""The timeline of a schedule as lines of text: a column a CPU, a row an event, 40 lines at most."""

import textwrap
from collections.abc import Iterator, Sequence

import attrs

from stress.runs.timeline import Row, Timeline
from stress.safe_text import printable

MOST_LINES = 40
LEAST_WIDTH = 80
NARROWEST = 22
"""The fewest characters that a column of a CPU can have."""
GUTTER = 7
OTHERS = 10
"""The width of the column that names CPUs which have none of their own."""
RACING, OUTCOME = ">>", "!!"
BAR = "|"


@attrs.frozen
class Layout:
    """Which CPUs have a column, how wide each is, and whether others are named in a narrow one."""

    cpus: tuple[int, ...]
    width: int
    others: bool

    def line(self, gutter: str, cells: dict[int, str], other: str = "") -> str:
        """One line of the table."""
        texts = [f"{cells.get(cpu, ''):{self.width}.{self.width}}" for cpu in self.cpus]
        if self.others:
            texts.append(f"{other:{OTHERS}.{OTHERS}}")
        return f"{gutter:{GUTTER}.{GUTTER}}{f' {BAR} '.join(texts)}".rstrip()


def timeline_lines(timeline: Timeline, width: int) -> list[str]:
    """The lines of a timeline, none of them longer than `width` (80 or more).

    `>>` marks the two rows of the racing pair, `!!` the outcome.
    """
    width = max(width, LEAST_WIDTH)
    layout = _layout(timeline, width)
    for most in range(MOST_LINES, 0, -1):
        lines = _lines(timeline, timeline.rows(most, layout.cpus), layout, width)
        if len(lines) <= MOST_LINES:
            return lines
    return lines[:MOST_LINES]


def _layout(timeline: Timeline, width: int) -> Layout:
    """A column for each CPU if there is room, else for those that the race is about."""
    every = tuple(head.cpu for head in timeline.heads)
    room = (width - GUTTER + 3) // max(len(every), 1) - 3
    if room >= NARROWEST:
        return Layout(every, room, False)
    most = (width - GUTTER - OTHERS) // (NARROWEST + 3)
    cpus = (*timeline.racing_cpus, *(cpu for cpu in every if cpu not in timeline.racing_cpus))[: min(most, 2)]
    return Layout(tuple(sorted(cpus)), (width - GUTTER - OTHERS) // len(cpus) - 3, True)


def _lines(timeline: Timeline, rows: Sequence[Row], layout: Layout, width: int) -> list[str]:
    """The head, the rows and the foot."""
    rule = "-" * width
    head = [
        *_wrapped(f"{timeline.scenario}: {timeline.outcome}", width),
        *(line for sentence in timeline.story for line in _wrapped(sentence, width)),
        "",
        *_heads(timeline, layout),
        rule,
    ]
    body = [line for row, known in zip(rows, _known(rows), strict=True) for line in _row(timeline, row, layout, known)]
    return [*head, *body, rule, *_foot(timeline, rows, width)]


def _known(rows: Sequence[Row]) -> Iterator[bool]:
    """For each row, whether the last one of its CPU is in the same function."""
    last: dict[int, str] = {}
    for row in rows:
        function = row.event.where[0].function if row.event.where else ""
        yield last.get(row.event.cpu) == function
        last[row.event.cpu] = function


def _heads(timeline: Timeline, layout: Layout) -> Iterator[str]:
    """The heads of the columns: CPU and program, then the operations."""
    heads = {head.cpu: head for head in timeline.heads}
    names = {cpu: f"CPU {cpu}: {printable(heads[cpu].program.encode(errors='surrogateescape'))}" for cpu in layout.cpus}
    yield layout.line("  step", names, "others ran" if layout.others else "")
    yield layout.line("", {cpu: heads[cpu].ran for cpu in layout.cpus})


def _row(timeline: Timeline, row: Row, layout: Layout, known: bool) -> Iterator[str]:
    """The lines of a row: one, or two where the source line does not fit beside the text."""
    event = row.event
    mark = RACING if event.racing else OUTCOME if event.ends else ""
    gutter = f"{mark:2}{event.first + 1 if event.steps else '':>4}"
    cells = {cpu: f"({count} steps)" if count > 1 else "(1 step)" for cpu, count in row.left_out.items()}
    if row.stopped is not None:
        cpu, why = row.stopped
        cells[cpu] = f"-- {why} ({row.switch}) --"
    hidden = [str(cpu) for cpu in sorted(row.left_out) if cpu not in layout.cpus]
    other = f"CPU {','.join(hidden)}" if hidden else ""
    text = printable(timeline.text_of(row).encode(errors="surrogateescape"))
    first, *more = _cell(text, printable(event.place.encode()), layout.width, known)
    yield layout.line(gutter, {**cells, event.cpu: first}, other)
    for line in more:
        yield layout.line("", {event.cpu: line})


def _cell(text: str, at: str, width: int, known: bool) -> list[str]:
    """The text with the place at the right; on more lines if they do not fit side by side.

    `known`: the function is that of the row above, so that the line is enough where there is little room.
    """
    if known and not _fits(text, at, width):
        at = at[at.rindex(":") :] if ":" in at else at
    if _fits(text, at, width):
        return [f"{text}{at:>{width - len(text)}}"]
    lines = textwrap.wrap(text, width, subsequent_indent="  ") or [""]
    if _fits(lines[-1], at, width):
        return [*lines[:-1], f"{lines[-1]}{at:>{width - len(lines[-1])}}"]
    return [*lines, f"{at[-width:]:>{width}}"]


def _fits(text: str, at: str, width: int) -> bool:
    """Whether both have room on one line."""
    return len(text) + 1 + len(at) <= width


def _foot(timeline: Timeline, rows: Sequence[Row], width: int) -> list[str]:
    """What the marks mean, where the functions are, and what was left out."""
    files: dict[str, dict[str, None]] = {}
    for row in rows:
        for frame in row.event.where:
            files.setdefault(frame.file, {})[frame.function] = None
    where = "; ".join(f"{file}: {', '.join(functions)}" for file, functions in files.items())
    marks = f"{RACING} the racing pair, {OUTCOME} the outcome, (+n) n accesses of this CPU left out before"
    legend = f"{marks}. {timeline.foot(rows)}."
    return [*_wrapped(legend, width), *_wrapped(printable(where.encode()), width)]


def _wrapped(text: str, width: int) -> list[str]:
    """Text on lines of a width."""
    return textwrap.wrap(printable(text.encode(errors="surrogateescape")), width, subsequent_indent="  ")
