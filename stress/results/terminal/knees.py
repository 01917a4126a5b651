"""The result of a search, for a terminal: a sentence for each knee, and a row for each candidate that was run."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stress.campaign.sweep.finding import Quest
from stress.campaign.sweep.records import DURATION
from stress.results.load.axes import axis_name
from stress.results.load.knees import answer, label, percent


def table(quest: Quest) -> Table:
    """A row for each candidate that was run."""
    made = Table(box=None, pad_edge=False)
    head = "within" if quest.find.axis == DURATION else axis_name(quest.find.axis)
    for name in (head, "runs", "showed it", "share", f"{percent(quest.find.confidence)} bounds"):
        made.add_column(name, justify="right")
    made.add_column("decided")
    for at, one in enumerate(quest.search.tried):
        if one.runs.total:
            made.add_row(*map(Text, [label(quest.find.axis, quest.candidates[at]), *_row(quest, at)]))
    return made


def _row(quest: Quest, at: int) -> Iterator[str]:
    """What is known of a candidate."""
    one = quest.search.tried[at]
    lower, upper = one.runs.bounds(quest.find.confidence)
    yield from (f"{one.runs.total:,}", f"{one.runs.shown:,}", f"{100 * one.runs.shown / one.runs.total:.1f} %")
    yield f"{100 * lower:.1f} to {100 * upper:.1f} %"
    yield {"above": f"at least {percent(quest.find.share)}", "below": "less", None: "-"}[one.decided]


def show_knees(quests: Sequence[Quest], console: Console) -> None:
    """Print the results of searches."""
    for quest in quests:
        console.print(Text(answer(quest)), soft_wrap=True)
        console.print(table(quest))
