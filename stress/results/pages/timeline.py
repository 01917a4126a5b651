"""The timeline of a schedule as a drawing for a page: the columns and rows of the terminal's, with colours."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from stress.campaign.identity import made_by
from stress.results.pages.palette import BAD, DAY, DIM, FAINT, INK
from stress.results.pages.signs import MARK
from stress.results.pages.text import clean
from stress.runs.timeline import CHOSEN, Row, Timeline

PAPER = "white"
"""The colours are for a white page, also where the drawing is a file of its own."""
NAMESPACE = "http://www.w3.org/2000/svg"
GUTTER, COLUMN, LINE, TOP = 64, 440, 20, 64
CHARACTER = 6.7
"""The width of a character of the font, at its size, in the drawing's units; with room to spare."""
SIZE = "11"
MOST_CHARACTERS = int((COLUMN - 12) / CHARACTER)
MOST_ROWS = 36


def timeline_svg(timeline: Timeline) -> str:
    """The drawing, an SVG element with a title and a description; all of its text is escaped."""
    rows = timeline.rows(MOST_ROWS)
    height = TOP + LINE * (len(rows) + 2)
    width = GUTTER + COLUMN * len(timeline.heads)
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    picture = Element("svg", {"xmlns": NAMESPACE, **size, "role": "img", "class": "timeline"})
    SubElement(picture, "title").text = clean(f"Timeline of {timeline.scenario}: {timeline.outcome}")
    SubElement(picture, "desc").text = clean(" ".join(timeline.story))
    SubElement(picture, "path", {"d": f"M0 0H{width}V{height}H0Z", "fill": PAPER})
    _heads(picture, timeline, height)
    for number, row in enumerate(rows):
        _row(picture, timeline, row, TOP + LINE * (number + 1))
    _text(picture, GUTTER, height - 8, timeline.foot(rows), DIM)
    return ElementTree.tostring(picture, encoding="unicode")


def timeline_file(svg: str) -> bytes:
    """A drawing as a file of its own, which says what has written it."""
    return f"<!-- {MARK} by {made_by()} -->\n{svg}\n".encode()


def _left(cpu: int) -> int:
    """Where the column of a CPU begins."""
    return GUTTER + COLUMN * cpu


def _heads(picture: Element, timeline: Timeline, height: int) -> None:
    """The heads of the columns, and a line down each."""
    for head in timeline.heads:
        colour = DAY[head.cpu % len(DAY)]
        _text(picture, _left(head.cpu), 20, f"CPU {head.cpu}: {head.program}", colour, {"font-weight": "bold"})
        _text(picture, _left(head.cpu), 38, head.ran, DIM)
        x = str(_left(head.cpu) - 8)
        SubElement(picture, "path", {"d": f"M{x} 8V{height - LINE}", "stroke": FAINT, "stroke-width": "1"})


def _row(picture: Element, timeline: Timeline, row: Row, y: int) -> None:
    """One row: the number of the step, the event, and why the CPU that ran before has stopped."""
    event = row.event
    marked = event.racing or event.ends
    if marked:
        _band(picture, timeline, y)
    if event.steps:
        _text(picture, 8, y, str(event.first + 1), DIM)
    for cpu, count in row.left_out.items():
        if cpu != event.cpu and (row.stopped is None or cpu != row.stopped[0]):
            _text(picture, _left(cpu), y, f"({count} {'step' if count == 1 else 'steps'})", DIM)
    if row.stopped:
        cpu, why = row.stopped
        colour = BAD if row.switch == CHOSEN else DIM
        _text(picture, _left(cpu), y, f"{why} ({row.switch})", colour, {"font-style": "italic"})
    style = {"font-weight": "bold"} if marked else {}
    _text(picture, _left(event.cpu), y, _said(timeline, row), BAD if marked else INK, style)
    at = {"text-anchor": "end"}
    _text(picture, _left(event.cpu) + COLUMN - 16, y, event.place, DIM, at)


def _said(timeline: Timeline, row: Row) -> str:
    """The text of an event, cut to what its column has room for."""
    mark = "\N{BLACK RIGHT-POINTING TRIANGLE} " if row.event.racing else ""
    text = f"{mark}{timeline.text_of(row)}"
    most = MOST_CHARACTERS - len(row.event.place) - 1
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _band(picture: Element, timeline: Timeline, y: int) -> None:
    """A band behind a row that is marked."""
    width = GUTTER + COLUMN * len(timeline.heads)
    band = f"M0 {y - 14}H{width}V{y + 5}H0Z"
    SubElement(picture, "path", {"d": band, "fill": BAD, "fill-opacity": "0.12"})


def _text(picture: Element, x: int, y: int, text: str, colour: str, more: dict[str, str] | None = None) -> None:
    """A text at a place."""
    style = {"x": str(x), "y": str(y), "fill": colour, "font-size": SIZE, "font-family": "monospace", **(more or {})}
    SubElement(picture, "text", style).text = clean(text)
