"""Draw the schedules of the catalogue that `results/schedules` keeps into `docs/findings.md`.

    python -m benchmarks.draw_findings

Each is replayed on the python engine. What stands below the heading "The pictures" is written anew.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stress.corpus import bundled
from stress.results.terminal.timeline import timeline_lines
from stress.runs.controlled.replay import replay
from stress.runs.timeline import timeline
from stress.schedule.schedule import Schedule

CHECKOUT = Path(__file__).parents[1]
KEPT = CHECKOUT / "results" / "schedules" / "catalogue.json"
PAGE = CHECKOUT / "docs" / "findings.md"
HEADING = "## The pictures\n"
WIDTH = 100
ABOUT = """
The smallest schedule that we know of each scenario of the catalogue that is violated or stalls, one CPU at a time.
[explore.md](explore.md) says how to read them; `kstress replay` with the token shows each again, with its report.
They are drawn by `python -m benchmarks.draw_findings`.
"""


def drawn(row: dict[str, Any]) -> str:
    """The picture of one schedule, with what it is about."""
    replayed = replay(Schedule.parse(row["token"]), bundled(), "python")
    lines = timeline_lines(timeline(replayed.machine, replayed.shows), WIDTH)
    replayed.machine.finish()
    picture = "\n".join(lines)
    return f"### {row['scenario']}\n\nNot so: {replayed.scenario.claim}.\n\n```\n{picture}\n```\n\n`{row['token']}`\n"


def sections() -> Iterator[str]:
    """What stands below the heading."""
    yield ABOUT
    for row in json.loads(KEPT.read_text(encoding="utf-8"))["schedules"]:
        yield drawn(row)


def main() -> None:
    """Write the page."""
    text, _, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    PAGE.write_text(f"{text}{HEADING}" + "\n".join(sections()), encoding="utf-8")


if __name__ == "__main__":
    main()
