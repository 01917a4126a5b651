"""What `kstress sweep` prints while it runs and when it has ended: a progress bar or lines, then a table."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from stress.campaign.sweep.records import CellResult, Plan, Values
from stress.campaign.sweep.sweep import SweepEnding
from stress.results.load.knees import knee_json
from stress.results.terminal.consoles import console
from stress.results.terminal.knees import show_knees
from stress.results.terminal.places import check_json, write_json
from stress.results.terminal.sweep_summary import describe, end_of, show_sweep
from stress.safe_text import shown
from stress.units import show_duration

LONGEST_MEMORY = 86400.0
"""Seconds of the past by which the time left is estimated: many cells, however long each takes."""


class SweepOutputs:
    """Who watches a sweep for the person at the terminal, and where its results go.

    Raises:
        UserError: at once, for a place that cannot be written to.
    """

    def __init__(self, json_file: str | None) -> None:
        """Check the place of the JSON before anything runs."""
        check_json(json_file)
        self._json = json_file
        self._screen = console(stderr=json_file == "-")
        columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._bar = Progress(
            *columns,
            console=self._screen,
            transient=True,
            disable=not self._screen.is_terminal,
            speed_estimate_period=LONGEST_MEMORY,
        )
        self._task: TaskID | None = None
        self._plan: Plan | None = None

    def plan(self, plan: Plan) -> None:
        """What is swept."""
        self._plan = plan

    def note(self, text: str) -> None:
        """One line."""
        self._screen.print(Text(text, "dim"), soft_wrap=True)

    def begin(self, values: Values, repeat: int, left: int, cells: int) -> None:
        """A cell begins."""
        if self._task is None:
            self._bar.start()
            known = self._plan is None or self._plan.find is None  # nobody knows how many runs a search takes
            self._task = self._bar.add_task("", total=cells if known else None, completed=cells - left)
        self._bar.update(self._task, description=self._name(values, repeat), completed=cells - left)

    def end(self, values: Values, ended: CellResult) -> None:
        """A cell has ended: a line where there is no bar, and everywhere for one that is not complete."""
        if self._task is not None:
            self._bar.advance(self._task)
        if self._screen.is_terminal and ended.run:
            return
        text = ended.trouble.lines[0] if ended.trouble else end_of(ended)
        where = f"  {shown(ended.worker)}" if ended.worker else ""
        line = f"{self._name(values, ended.repeat)}: {text}  {show_duration(ended.seconds)}{where}"
        self._screen.print(Text(line), soft_wrap=True)

    def _name(self, values: Values, repeat: int) -> str:
        """A cell in words."""
        return f"{describe(self._plan, values)} repeat {repeat}" if self._plan else ""

    def close(self) -> None:
        """No cell runs any more."""
        self._bar.stop()

    def finish(self, ending: SweepEnding) -> None:
        """Print the result of the sweep; the JSON too if it was asked for."""
        show_knees(ending.quests, self._screen)
        show_sweep(ending, self._screen)
        more = {"knees": [knee_json(quest) for quest in ending.quests]} if ending.quests else {}
        write_json(self._json, [dict(one.run) for one in ending.swept.ended if one.run], **more)
