"""The report as Markdown, to paste into an issue: the answer, the verdicts, what was seen, how to run it again."""

import re
from collections.abc import Iterable, Sequence

from stress.results.load.entries import EXPLORATIONS, Source
from stress.results.pages.scales import bound_share_text, share_text
from stress.results.pages.text import clean
from stress.results.report import sections
from stress.results.report.explorations import explorations_of, lines_of
from stress.results.report.statistics import Row, answer, rows_of, worst_first

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")
HEAD = ("result", "scenario", "engine", "CPUs", "settings", "verdict", "expected", "as expected", "race windows",
        "violations", "caught", "at most (95 %)", "from")  # fmt: skip


def plain(text: object) -> str:
    """Text that Markdown takes for nothing but text, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(str(text)).split())).replace("&", "&amp;")


def fenced(text: str) -> str:
    """Text as it is, in a fence longer than any in it."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{clean(text)}\n{fence}\n"


def make_markdown(sources: Sequence[Source]) -> str:
    """The report; UserError where something that is to be shown is damaged."""
    said = answer(sources)
    rows = worst_first(row for source in sources for row in rows_of(source))
    explored = explorations_of(sources)
    parts = [
        f"# {plain(said.headline)}\n",
        f"{said.sentence}\n",
        *(f"{line}\n" for source in sources for line in _unfinished(source)),
        *(f"{plain(line)}\n" for source in sources for line in source.answers),
        *([_table(rows)] if rows or not explored else []),
        *(["## Explorations\n", *(fenced("\n".join(lines_of(one))) for one in explored)] if explored else []),
        *_reports("Violations", sections.violations(sources)),
    ]
    parts += _reports("What broke or stalled", sections.troubles(sources))
    if campaigns := [source for source in sources if source.kind != EXPLORATIONS]:
        parts += ["## Conditions\n", *(_host(host) for host in sections.hosts(campaigns))]
        parts += ["## Run it again\n", *(fenced("\n".join(sections.commands(source))) for source in campaigns)]
    missing = [f"* {plain(line)}" for line in sections.not_seen(sources)]
    parts += ["## What was not seen\n", *(["\n".join(missing) + "\n"] if missing else []), f"{sections.LIMITS}\n"]
    return "\n".join(parts)


def _unfinished(source: Source) -> list[str]:
    """How far a source came that is not complete, and how it is resumed."""
    how = f"; resume it with:\n\n{fenced(source.resume)}" if source.resume else "."
    return [f"{plain(source.title)}: {plain(source.unfinished)}{how}"] if source.unfinished else []


def _table(rows: Iterable[Row]) -> str:
    """The verdict table."""
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    """The cells of one row."""
    cells = (
        row.standing, row.values.scenario, row.values.engine, row.cpus, row.settings, ", ".join(row.verdicts),
        row.expect, f"{row.as_expected} of {row.applicable}", f"{row.windows:,}", f"{row.violations:,}",
        share_text(row.rate), bound_share_text(row.bound), row.source,
    )  # fmt: skip
    return tuple(plain(cell) for cell in cells)


def _reports(title: str, found: Sequence[sections.Section]) -> list[str]:
    """Passages under a heading, if there are any."""
    parts = [f"## {title}\n"] if found else []
    for section in found:
        parts.append(f"### {plain(section.title)}\n")
        for passage in section.passages:
            parts += [f"{plain(passage.title)}\n", fenced(passage.text)]
        parts += [f"{plain(section.rest)}\n"] if section.rest else []
    return parts


def _host(host: sections.Host) -> str:
    """One host in a line."""
    facts = "; ".join(f"{name} {text}" for name, text in host.facts)
    return f"* {host.runs:,} {'run' if host.runs == 1 else 'runs'}: {plain(facts)}\n"
