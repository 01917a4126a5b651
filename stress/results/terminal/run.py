"""What `kstress run` prints and writes: tables, the progress line, JSON files."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from stress.judge.tally import Tally
from stress.results.terminal.consoles import console
from stress.results.terminal.places import check_json, make_folder, write_json, write_results
from stress.results.terminal.table import show, show_rate, summary
from stress.runs.hooks import Progress as ProgressCallback
from stress.runs.result import Result, json_text
from stress.safe_text import listed, on_one_line
from stress.scenario import Scenario
from stress.units import show_duration

MOST_NAMES = 20
"""How many scenarios that were not run are named on the terminal; the JSON names all."""


class Outputs:
    """Where the results of one `kstress run` go: a table, and JSON if asked for.

    Raises:
        UserError: at once, for a place that cannot be written to.
    """

    def __init__(self, asked: Sequence[str], json_file: str | None, results: Path | None, reports: int = 1) -> None:
        """Check both places before anything runs, which is the scenarios `asked`.

        At most `reports` violations of a scenario are printed in full.
        """
        self._asked = asked
        self._json, self._results, self._reports = json_file, results, reports
        self._writes = json_file is not None or results is not None
        check_json(json_file)
        if results is not None:
            make_folder(results, "--results")
        if self._writes:  # now, since at the end there may be no memory for it
            import stress.results.load.asked  # noqa: F401
        self._errors = console(stderr=True)
        self._tables = self._errors if json_file == "-" else console()

    def note(self, text: str) -> None:
        """One line for the person at the terminal, not part of the results."""
        self._errors.print(f"[dim]{escape(text)}[/dim]", soft_wrap=True)

    def show(self, result: Result) -> None:
        """Print one result as soon as it is there."""
        show(result, self._tables, self._reports)

    @contextmanager
    def progress(self, scenario: Scenario, seconds: float) -> Iterator[ProgressCallback]:
        """A progress line on the terminal while a scenario runs; nothing where there is none."""
        if not self._errors.is_terminal:
            yield lambda running, tally, passed: None
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[state]}"))
        with Progress(*columns, console=self._errors, transient=True) as bar:
            task = bar.add_task(scenario.name, total=seconds, state="compiling, or loading what was compiled before")

            def update(running: Scenario, tally: Tally, passed: float) -> None:
                state = f"{show_duration(passed)} of {show_duration(seconds)}"
                if tally.seconds:
                    rate = show_rate(tally.lookups, tally.seconds)
                    state += f"  {rate} lookups  {tally.race_windows:,} windows  {tally.violations:,} violations"
                bar.update(task, completed=passed, state=state)

            yield update

    def finish(self, results: list[Result], signal: int = 0) -> None:
        """Write the JSON and print the summary, and what was not run; nothing at all if no scenario is complete.

        `signal` is the number of the signal that has ended the run, or 0.
        """
        if not results:
            return
        if self._writes:
            self._write(results, signal)
        if len(results) > 1:
            self._tables.print(summary(results))
        if left := self._asked[len(results) :]:
            self._tables.print(f"not run: {listed(left, MOST_NAMES)}", markup=False, highlight=False, soft_wrap=True)

    def _write(self, results: list[Result], signal: int) -> None:
        """Write the JSON to each place that was asked for."""
        from stress.results.load.asked import Request

        asked = Request.of(self._asked, [result.early is not None for result in results], signal)
        runs = [result.as_json() for result in results]
        write_json(self._json, runs, **asked.as_json())
        if self._results is not None:
            path = self._results / f"run-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.json"
            write_results(path, json_text(runs, **asked.as_json()), "--results")
            self.note(f"results: {on_one_line(str(path))}")
