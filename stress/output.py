"""What the command line prints and writes: tables, the progress line, JSON files."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from stress.corpus.untrusted import shown
from stress.doctor import Check
from stress.errors import UserError
from stress.judge.tally import Tally
from stress.report.listing import as_json, as_markdown, as_text
from stress.report.result import Result, json_text
from stress.report.table import PLAIN_WIDTH, show, show_rate, summary
from stress.runner import Progress as ProgressCallback
from stress.scenario import Scenario
from stress.units import show_duration

HEAD_BYTES = 4096


class PlainConsole(Console):
    """A console that leaves it to its caller what to do when the reader of a pipe has gone away."""

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the process here."""
        raise BrokenPipeError


def console(stderr: bool = False) -> Console:
    """A console; as wide as the terminal, or PLAIN_WIDTH where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return PlainConsole(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def check_writable(folder: Path, origin: str) -> None:
    """Raise UserError unless a file can be made in `folder`: known before the run, not after it."""
    if not folder.is_dir():
        raise UserError(f"{origin}: there is no folder {str(folder)!r}; make it first or name another")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{origin}: cannot write in {str(folder)!r}; name a folder that you may write in")


def _replace(path: Path, text: str) -> None:
    """Write a whole file beside `path` and put it in its place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_results(path: Path, text: str, origin: str) -> None:
    """Write a whole file or, if that fails, leave what was there; a device or a pipe is written to as it is.

    Raises:
        UserError: when it cannot be written, after the results were printed.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
        else:
            _replace(path, text)
    except OSError as error:
        raise UserError(f"{origin}: cannot write {str(path)!r}: {error.strerror}; the results are above") from None


def check_json(json_file: str | None, origin: str = "--json") -> None:
    """Raise UserError unless `--json`, or another option, names standard output or a place that can be written to."""
    if json_file not in (None, "-"):
        check_writable(Path(str(json_file)).parent, origin)
        if not json_file or Path(json_file).is_dir():
            raise UserError(f"{origin}: {json_file!r} is no name of a file; give one, or -")


def check_unread(places: Iterable[Path | str | None], read: Iterable[Path]) -> None:
    """Raise UserError where an output is one of the files that are to be read."""
    known = {os.path.realpath(file) for file in read}
    for place in places:
        if place is not None and os.path.realpath(place) in known:
            raise UserError(f"{shown(place)} is to be read and to be written; name another file to write to")


def is_marked(file: Path, mark: str, origin: str) -> bool:
    """Whether a file has a mark near its beginning, by which kstress knows what it has written itself."""
    try:
        with file.open("rb") as opened:
            return mark.encode() in opened.read(HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{origin}: cannot read {shown(file)}: {error.strerror}; name another file") from None


def write_json(json_file: str | None, runs: list[dict[str, Any]], **more: Any) -> None:
    """Write runs, and `more` keys of the document, to where `--json` wants them, if anywhere."""
    if json_file == "-":
        sys.stdout.write(json_text(runs, **more))
    elif json_file is not None:
        write_results(Path(json_file), json_text(runs, **more), "--json")


class Outputs:
    """Where the results of one `kstress run` go: a table, and JSON if asked for.

    Raises:
        UserError: at once, for a place that cannot be written to.
    """

    def __init__(self, json_file: str | None, results: Path | None, reports: int = 1) -> None:
        """Check both places before anything runs; at most `reports` violations of a scenario are printed in full."""
        self._json, self._results, self._reports = json_file, results, reports
        check_json(json_file)
        if results is not None:
            check_writable(results, "--results")
        self._errors = console(stderr=True)
        self._tables = self._errors if json_file == "-" else console()

    def note(self, text: str) -> None:
        """One line for the person at the terminal, not part of the results."""
        self._errors.print(f"[dim]{escape(text)}[/dim]")

    def show(self, result: Result) -> None:
        """Print one result as soon as it is there."""
        show(result, self._tables, self._reports)

    @contextmanager
    def progress(self, scenario: Scenario, seconds: float) -> Iterator[ProgressCallback]:
        """A progress line on the terminal while a scenario runs; nothing where there is none."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[state]}"))
        with Progress(*columns, console=self._errors, transient=True, disable=not self._errors.is_terminal) as bar:
            task = bar.add_task(scenario.name, total=seconds, state="compiling, or loading what was compiled before")

            def update(running: Scenario, tally: Tally, passed: float) -> None:
                state = f"{show_duration(passed)} of {show_duration(seconds)}"
                if tally.seconds:
                    rate = show_rate(tally.lookups, tally.seconds)
                    state += f"  {rate} lookups  {tally.race_windows:,} windows  {tally.violations:,} violations"
                bar.update(task, completed=passed, state=state)

            yield update

    def finish(self, results: list[Result]) -> None:
        """Write the JSON and print the summary; nothing at all where no scenario came to its end."""
        if not results:
            return
        runs = [result.as_json() for result in results]
        write_json(self._json, runs)
        if self._results is not None:
            path = self._results / f"run-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.json"
            write_results(path, json_text(runs), "--results")
            self.note(f"results: {path}")
        if len(results) > 1:
            self._tables.print(summary(results))


def print_catalogue(scenarios: Sequence[Scenario], form: str | None) -> None:
    """Print the catalogue for a terminal, as Markdown or as JSON."""
    if form == "json":
        print(json.dumps(as_json(scenarios), indent=2))
    elif form == "markdown":
        print(as_markdown(scenarios), end="")
    else:
        console().print(as_text(scenarios))


def print_checks(checks: Iterable[Check]) -> int:
    """Print what the doctor found as it finds it; 4 if a check failed, else 0."""
    screen, failed = console(), False
    for check in checks:
        mark = {True: "[green]ok[/green]  ", False: "[red]bad[/red] ", None: "[dim]-[/dim]   "}[check.good]
        screen.print(f"{mark} {escape(check.name):<18} {escape(check.text)}")
        failed = failed or check.good is False
    return 4 if failed else 0
