"""What `kstress list` and `kstress doctor` print."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from stress.exits import EXIT_HARNESS_FAILED
from stress.results.terminal.consoles import console
from stress.results.terminal.listing import Rooms, as_json, as_markdown, as_text
from stress.scenario import Scenario

if TYPE_CHECKING:
    from stress.doctor import Check


def print_catalogue(scenarios: Sequence[Scenario], rooms: Rooms, form: str | None) -> None:
    """Print the catalogue for a terminal, as Markdown or as JSON."""
    if form == "json":
        print(json.dumps(as_json(scenarios, rooms), indent=2))
    elif form == "markdown":
        print(as_markdown(scenarios, rooms), end="")
    else:
        console().print(as_text(scenarios, rooms))


def print_checks(checks: "Iterable[Check]") -> int:
    """Print what the doctor found as it finds it; 4 if a check failed, else 0."""
    screen, failed = console(), False
    for check in checks:
        mark = {True: "[green]ok[/green]  ", False: "[red]bad[/red] ", None: "[dim]-[/dim]   "}[check.good]
        screen.print(f"{mark} {escape(check.name):<18} {escape(check.text)}", soft_wrap=True)
        failed = failed or check.good is False
    return EXIT_HARNESS_FAILED if failed else 0
