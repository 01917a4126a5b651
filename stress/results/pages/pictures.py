"""Draws pictures with matplotlib (extra `report`): as SVG in a page, and as files for slides.

What is in a picture is given as a function that draws on axes; the modules that have one are the only others that know
matplotlib.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from stress.campaign.identity import made_by
from stress.results.pages.palette import DIM, INK
from stress.results.pages.signs import MARK
from stress.results.pages.svg import embed
from stress.results.pages.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "text.color": INK,
}
NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
PAGE_SIZE = (4.4, 2.7)
MARGINS = (0.75, 0.49, 0.09, 0.11)
KEY_SIZE = (0.55, 0.18)
SLIDE_SIZE, SLIDE_HEAD = (10.0, 5.625), 0.95
KEYS_IN_A_ROW, KEY_ROW, LEGEND_MARGIN = 3, 0.22, 0.16
SLIDE_SCALE, SLIDE_DPI = 1.35, 160
LONGEST_NAME = 60


@attrs.frozen
class Key:
    """One entry of a legend: what it stands for, and how its line and marker look; `band` for an area."""

    label: str
    look: Mapping[str, Any]
    band: bool = False


@attrs.frozen(kw_only=True)
class Picture:
    """One picture. `plot` draws it on axes; `subject` and `title` say of what it is, `alt` says what is in it.

    `size` is width and height in the page, `margins` what is left free around the axes on the left, below, on the
    right and above, all in inches.
    """

    title: str
    subject: str
    alt: str
    plot: "Callable[[Axes], None]"
    keys: tuple[Key, ...] = ()
    size: tuple[float, float] = PAGE_SIZE
    margins: tuple[float, float, float, float] = MARGINS


@contextmanager
def quiet() -> Iterator[None]:
    """Matplotlib as it comes, whatever the user has set, and silent about fonts: the page's own are used."""
    from matplotlib import style

    log = logging.getLogger("matplotlib")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), style.context(SETTINGS, after_reset=True):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def draw(picture: Picture, number: int) -> str:
    """A picture as an element of a page, in which no other has this number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=picture.size)
    picture.plot(figure.add_axes(_frame(picture.size, picture.margins)))
    return embed(_svg(figure), number, clean(picture.title), clean(picture.alt))


def draw_key(key: Key, number: int) -> str:
    """What an entry of a legend looks like."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=KEY_SIZE)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    if key.band:
        axes.set_ylim(0, 1)
        axes.fill_between([0.02, 0.98], [0.1, 0.1], [0.9, 0.9], **key.look)
    else:
        axes.plot([0.02, 0.5, 0.98], [0, 0, 0], markevery=[1], **key.look)
    return embed(_svg(figure), number, clean(key.label))


def _frame(size: tuple[float, float], margins: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Where the axes are, in shares of the whole."""
    (width, height), (left, below, right, above) = size, margins
    return left / width, below / height, (width - left - right) / width, (height - below - above) / height


def _svg(figure: "Figure") -> str:
    """What matplotlib writes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=NO_METADATA, transparent=True)
    return out.getvalue()


FORMS = {"svg": {"Creator": f"{MARK} by {made_by()}", "Date": None}, "png": {"Software": MARK}}
"""The forms of a file, each with what says there that kstress has made it."""


Maker = Callable[[], bytes]
"""Makes the bytes of a file."""


def file_name(number: int, title: str) -> str:
    """The name of a file, without its form: the number, and the title in letters, digits and dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower().replace("%", "percent"))
    return f"{number:02}-{words.strip('-')[:LONGEST_NAME].rstrip('-')}"


def figure_files(pictures: Iterable[Picture]) -> dict[str, Maker]:
    """The name of each file that shows a picture, and what makes it."""
    return {
        f"{file_name(number, f'{picture.title} {picture.subject}')}.{form}": partial(slide, picture, form)
        for number, picture in enumerate(pictures, 1)
        for form in FORMS
    }


def slide(picture: Picture, form: str) -> bytes:
    """A picture with its title and legend, as large as a slide, as the bytes of a file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    size = _slide_size(picture)
    with rc_context({"font.size": 10 * SLIDE_SCALE}):
        figure = Figure(figsize=size, facecolor="white")
        left, below, right, above = (SLIDE_SCALE * margin for margin in picture.margins)
        margins = left + 0.1, below + _legend_height(picture), right + 0.2, above + SLIDE_HEAD
        _head(figure, picture, size)
        picture.plot(figure.add_axes(_frame(size, margins)))
        _legend(figure, picture)
        out = io.BytesIO()
        figure.savefig(out, format=form, dpi=SLIDE_DPI, metadata=FORMS[form])
    return out.getvalue()


def _slide_size(picture: Picture) -> tuple[float, float]:
    """That of a slide, or higher where the picture is."""
    width, height = SLIDE_SIZE
    return width, max(height, SLIDE_SCALE * picture.size[1] + SLIDE_HEAD + _legend_height(picture))


def _legend_height(picture: Picture) -> float:
    """How much room the legend takes at the foot."""
    return LEGEND_MARGIN + KEY_ROW * -(-len(picture.keys) // KEYS_IN_A_ROW)


def _head(figure: "Figure", picture: Picture, size: tuple[float, float]) -> None:
    """The title and, below it, of what the picture is."""
    left, height = 0.3 / size[0], size[1]
    title = picture.title[:1].upper() + picture.title[1:]
    figure.text(left, 1 - 0.2 / height, clean(title), va="top", fontsize=18, fontweight="bold")
    figure.text(left, 1 - 0.58 / height, clean(picture.subject), va="top", fontsize=12, color=DIM)


def _legend(figure: "Figure", picture: Picture) -> None:
    """The keys in rows at the foot."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not picture.keys:
        return
    handles = [Patch(**key.look) if key.band else Line2D([0], [0], **key.look) for key in picture.keys]
    labels = [clean(key.label) for key in picture.keys]
    figure.legend(
        handles,
        labels,
        loc="lower left",
        ncols=KEYS_IN_A_ROW,
        frameon=False,
        fontsize=10,
        columnspacing=1.4,
        handlelength=3.2,
    )
