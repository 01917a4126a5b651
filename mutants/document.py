"""docs/mutants.md: every mutant, what it breaks, and who noticed it at the last hunt."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from mutants.hunt import CHECKOUT, Catch
from mutants.mutant import Group

DOCUMENT = CHECKOUT / "docs" / "mutants.md"
ROW = re.compile(r"^\| `([\w-]+)` \| (.*?) \| (.*?) \| (\d+) \|$", re.MULTILINE)
HEAD = """\
# Mutants

Who watches the watchman: each mutant breaks one part of the harness, or of the kernel that it runs, and at least one
test or one scenario's expected verdict must fail. `tox -e mutants` hunts all of them, which takes {minutes} minutes;
`python -m mutants NAME...` hunts some, and `--write` keeps this page. A mutant that nobody notices fails the hunt.

{count} mutants. The last column is how long it took to notice, in seconds, compilation included.
"""
NOBODY = "nobody"
TABLE = "| mutant | what it breaks | noticed by | s |\n| --- | --- | --- | ---: |\n"


@attrs.frozen
class Row:
    """A mutant as the document has it."""

    name: str
    breaks: str
    by: str
    seconds: int

    @property
    def text(self) -> str:
        """The line of the table."""
        return f"| `{self.name}` | {self.breaks} | {self.by} | {self.seconds} |\n"


def rows_of(text: str) -> list[Row]:
    """The rows of all tables."""
    return [Row(name, breaks, by, int(seconds)) for name, breaks, by, seconds in ROW.findall(text)]


def titles_of(text: str) -> list[str]:
    """The titles of all tables."""
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def merged(known: Sequence[Row], catches: Sequence[Catch]) -> dict[str, Row]:
    """What is known of each mutant by its name, the new catches first."""
    rows = {row.name: row for row in known}
    for catch in catches:
        name = catch.mutant.name
        by = as_code(catch.by) if catch.by else NOBODY
        rows[name] = Row(name, catch.mutant.breaks, by, max(round(catch.seconds), 1))
    return rows


def as_code(by: str) -> str:
    """Who noticed as Markdown: a test's id without its folder, or a command."""
    return f"`{by.removeprefix('tests/')}`".replace("|", "\\|")


def rendered(groups: Sequence[Group], rows: Mapping[str, Row]) -> str:
    """The document; a mutant of which nothing is known was noticed by nobody."""
    mutants = [mutant for group in groups for mutant in group.mutants]
    used = {mutant.name: rows.get(mutant.name, Row(mutant.name, "", NOBODY, 0)) for mutant in mutants}
    minutes = -(-sum(row.seconds for row in used.values()) // 60)
    parts = [HEAD.format(minutes=minutes, count=len(used))]
    for group in groups:
        lines = (attrs.evolve(used[mutant.name], breaks=mutant.breaks).text for mutant in group.mutants)
        parts.append(f"## {group.title}\n\n{TABLE}{''.join(lines)}")
    return "\n".join(parts)


def write(groups: Sequence[Group], catches: Sequence[Catch], path: Path = DOCUMENT) -> None:
    """Write the document: what was hunted now, and what is known of the rest."""
    known = rows_of(path.read_text()) if path.exists() else []
    path.parent.mkdir(exist_ok=True)
    path.write_text(rendered(groups, merged(known, catches)))
