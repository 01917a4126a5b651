"""The catalogue as people and programs read it: a listing for the terminal, a page of Markdown, JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stress.learning_path import PATH
from stress.results.terminal.consoles import COLOURS
from stress.scenario import POINTS, Scenario

SHOWN = ("name", "claim", "source", "point", "expect", "twin", "fate", "learnt")
PATH_TITLE = "If you are new here: scenarios that build on each other, in this order"

PAGE = """\
# The catalogue

One file for each scenario: a guarantee, the code that should keep it, and the verdict that the facts support. Run
one by its name, as in `kstress run {first}`, or all with `kstress run --all`. A scenario that expects HELD
runs its twin in the same call, which differs only in the protection under test. Write one of your own with
`kstress new my_scenario.py`.

Made by `kstress list --markdown`; [docs/findings.md](../docs/findings.md) has the results of their runs.
"""


ROOMS = {
    "studies": ("Structures under protocols", "each under several; `kstress run linked_list:rcu` runs one"),
    "lineage": ("The lineage: bugs of twenty years, in the order of history", "each before and after its fix"),
}
"""What the rooms of the catalogue with several scenarios a file have, and how."""

Rooms = Mapping[str, Mapping[str, str]]


def as_json(scenarios: Sequence[Scenario], rooms: Rooms) -> dict[str, Any]:
    """The listing as `kstress list --json` prints it."""
    rows = [{"scenario" if key == "name" else key: getattr(one, key) for key in SHOWN} for one in scenarios]
    path = [{"scenario": step.scenario, "shows": step.shows, "command": step.command} for step in PATH]
    more = {room: [{"file": name, "claim": about} for name, about in files.items()] for room, files in rooms.items()}
    return {"schema": 1, "points": POINTS, "path": path, "scenarios": rows, **more}


def heading(point: str) -> str:
    """What the scenarios about one of the patch's points have in common."""
    return f"({point}) {POINTS[point]}" if point.isdigit() else POINTS[point]


def by_point(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, list[Scenario]]]:
    """Headings with their scenarios, in the order given."""
    for point, group in groupby(scenarios, key=lambda scenario: scenario.point):
        yield heading(point), list(group)


def _cell(text: str | None) -> str:
    """Text for a cell of a Markdown table."""
    return (text or "").replace("|", "\\|")


def _row(scenario: Scenario) -> str:
    """One scenario as a row of a Markdown table."""
    twin = f"[{scenario.twin}]({scenario.twin}.py)" if scenario.twin else ""
    link = f"[{scenario.name}]({scenario.name}.py)"
    cells = (link, scenario.claim, scenario.source, scenario.expect.upper(), twin, scenario.learnt)
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _path_as_markdown() -> str:
    """The numbered path as a list of links."""
    rows = [f"{i}. [{step.scenario}]({step.scenario}.py): {step.shows}" for i, step in enumerate(PATH, 1)]
    text = f"{PATH_TITLE}. [docs/path.md](../docs/path.md) has what each step prints, and why."
    return "\n".join(["## The path", "", text, "", *rows, ""])


def _room_as_markdown(room: str, files: Mapping[str, str]) -> str:
    """A room of the catalogue as a table of links."""
    title, how = ROOMS[room]
    rows = [f"| [{name}]({room}/{name}.py) | {_cell(about)} |" for name, about in files.items()]
    return "\n".join(
        [f"## {title}", "", f"{how[0].upper()}{how[1:]}.", "", "| file | claim |", "| --- | --- |", *rows, ""]
    )


def as_markdown(scenarios: Sequence[Scenario], rooms: Rooms) -> str:
    """The page scenarios/README.md."""
    parts = [PAGE.format(first=scenarios[0].name), _path_as_markdown()]
    for title, group in by_point(scenarios):
        head = "| scenario | claim | source | expected | twin | learnt |\n| --- | --- | --- | --- | --- | --- |\n"
        parts.append(f"## {title}\n\n{head}" + "".join(f"{_row(scenario)}\n" for scenario in group))
    parts += [_room_as_markdown(room, files) for room, files in rooms.items()]
    return "\n".join(parts)


def _table(rows: Iterable[tuple[Scenario, str]], width: int) -> Table:
    """Scenarios with a text about each; `width` is that of the names."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(width=width, no_wrap=True)
    table.add_column(width=len("VIOLATED"), no_wrap=True)
    table.add_column()
    for one, text in rows:
        table.add_row(escape(one.name), Text(one.expect.upper(), COLOURS.get(one.expect, "")), escape(text))
    return table


def path_of(scenarios: Sequence[Scenario]) -> list[tuple[Scenario, str]]:
    """The scenarios of the numbered path, in its order, each with what it shows."""
    known = {scenario.name: scenario for scenario in scenarios}
    return [(known[step.scenario], f"{i}. {step.shows}") for i, step in enumerate(PATH, 1)]


def _groups(scenarios: Sequence[Scenario]) -> Iterator[RenderableType]:
    """The path, then each of the patch's points: a heading and a table, all tables with names as wide as each other."""
    width = max(len(scenario.name) for scenario in scenarios)
    on_points = ((title, [(one, one.claim) for one in group]) for title, group in by_point(scenarios))
    for title, rows in chain([(PATH_TITLE, path_of(scenarios))], on_points):
        yield Text(title, style="bold")
        yield _table(rows, width)
        yield ""


def _rooms(rooms: Rooms) -> Iterator[RenderableType]:
    """The rooms of the catalogue with several scenarios a file: a heading and a table each."""
    for room, files in rooms.items():
        title, how = ROOMS[room]
        yield Text.assemble((title, "bold"), f" ({how})")
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for name, about in files.items():
            table.add_row(escape(name), escape(about))
        yield table
        yield ""


def as_text(scenarios: Sequence[Scenario], rooms: Rooms) -> RenderableType:
    """The listing for a terminal."""
    return Group(*_groups(scenarios), *_rooms(rooms))
