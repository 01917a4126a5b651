"""Scenarios as tests: `pytest scenarios/` runs each on each engine, and fails for a verdict that is not expected.

So pytest's selection, reports and use in CI work for scenarios too. `stress.pytest_plugin` calls this for files that
define a SCENARIO.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stress.config import DEFAULT_CPUS, Config
from stress.errors import HarnessError, UserError
from stress.machine.engines import has_llvmlite
from stress.marks.cell import Cell, cells, nodeid_of, rerun_command
from stress.marks.results import folder_of, keep
from stress.marks.settings import find_setting, find_settings
from stress.results.terminal.consoles import PLAIN_WIDTH
from stress.results.terminal.table import show
from stress.runs.controlled.like import Likeness, schedule_like
from stress.runs.hooks import Hooks
from stress.runs.result import Result
from stress.runs.runner import corpus_of, run_scenario, world_for
from stress.scenario import Scenario
from stress.scenario_files import find_scenarios

DURATION = "2s"
"""Longer than that of other tests, since HELD needs a number of trials that depends on the twin's rate. In 250 ms, on
the python engine and two cores, one scenario of the catalogue had too few; this leaves room for a slow host."""
SECONDS_BESIDES = 60.0
"""The seconds that an item may take beyond its duration: to compile for the native engine, or to confirm a stall."""


class OtherVerdictError(Exception):
    """A scenario got a verdict that it does not expect."""

    def __init__(self, result: Result, likeness: Likeness | None) -> None:
        """Carry the result, and what one CPU at a time shows of it, for the report."""
        super().__init__(f"{result.scenario.name}: {result.verdict.name}, expected {result.scenario.expect}")
        self.result, self.likeness = result, likeness


def printed(result: Result) -> str:
    """The text that `kstress run` prints of a result without a terminal."""
    page = io.StringIO()
    screen = Console(
        file=page,
        width=PLAIN_WIDTH,
        highlight=False,
        emoji=False,
        soft_wrap=False,
        force_terminal=False,
        color_system=None,
    )
    show(result, screen)
    return page.getvalue()


def replaying(likeness: Likeness) -> str:
    """How to see one CPU at a time what a run has reported, in lines."""
    if likeness.schedule is None:
        return f"one CPU at a time: none of {likeness.schedules:,} schedules showed it in {likeness.seconds:g} s\n"
    shows = " and ".join(likeness.shows)
    return f"one CPU at a time, this schedule shows {shows}:\nkstress replay {likeness.schedule.token}\n"


def engines(wanted: str) -> tuple[str, ...]:
    """The engines that a scenario runs on; for `auto`, all that are installed."""
    if wanted != "auto":
        return (wanted,)
    return ("python", "native") if has_llvmlite() else ("python",)


class ScenarioFile(pytest.File):
    """A file with a SCENARIO."""

    def collect(self) -> Iterator["ScenarioItem"]:
        """An item for each engine and cell.

        Raises:
            CollectError: in one line, when the file or a setting cannot be used.
        """
        try:
            for scenario in find_scenarios(str(self.path)):
                yield from self._items(scenario)
        except UserError as error:
            raise self.CollectError(str(error)) from None

    def _items(self, scenario: Scenario) -> Iterator["ScenarioItem"]:
        """The items of one scenario."""
        defaults = {"cpus": str(max(DEFAULT_CPUS, scenario.least_cpus)), "duration": DURATION}
        found = find_settings(self.config, {}, defaults)
        for engine in engines(found["engine"]):
            for cell in cells(found):
                name = f"{scenario.variant}[{engine}-{cell.name}]"
                yield ScenarioItem.from_parent(self, name=name, scenario=scenario, engine=engine, cell=cell)


class ScenarioItem(pytest.Item):
    """One run of a scenario: on one engine, on a number of CPUs, with one seed."""

    def __init__(self, *, scenario: Scenario, engine: str, cell: Cell, **more: Any) -> None:
        """Mark it with `stress`, as every test of a stress machine is."""
        super().__init__(**more)
        self.scenario, self.engine, self.cell = scenario, engine, cell
        self.add_marker("stress")
        self._result: Result | None = None

    @property
    def budget_s(self) -> float:
        """The seconds after which its run has ended, with the twin that runs beside it."""
        return self.cell.duration_s * (2 if self.scenario.twin else 1) + self._explore_s + SECONDS_BESIDES

    @property
    def _explore_s(self) -> float:
        """The seconds to look for a schedule that shows what a run has reported; 0 not to look."""
        seconds: float = find_setting(self.config, "explore", {})
        return seconds

    def _run_config(self) -> Config:
        """Its config: it stops at the first violation if one is expected, or if pytest stops at a failure."""
        return Config(
            cpus=self.cell.cpus,
            duration_s=self.cell.duration_s,
            engine=self.engine,
            seed=self.cell.seed,
            stop_on_violation=self.scenario.expect == "violated" or self.config.getoption("maxfail") == 1,
        )

    def _uncover(self, why: str) -> None:
        """Show the harness's last message, which pytest has captured: the process is about to exit."""
        capture = self.config.pluginmanager.get_plugin("capturemanager")
        if capture:
            capture.suspend_global_capture()
        print(f"\n{self.nodeid}:", file=sys.stderr)

    def _tell_at_once(self, result: Result) -> None:
        """Show what a run has reported: the process is about to exit, and no report on the test will come."""
        self._uncover("")
        print(printed(result), file=sys.stderr)

    def _tell(self, **facts: object) -> None:
        """Add facts as properties of this item in JUnit files."""
        self.user_properties += [(f"stress_{name}", fact) for name, fact in facts.items()]

    def runtest(self) -> None:
        """Run the scenario; OtherVerdictError for a verdict that is not expected."""
        self._tell(seed=self.cell.seed, cpus=self.cell.cpus, engine=self.engine)
        config = self._run_config()
        result = run_scenario(self.scenario, world_for(config), config, Hooks(before_exit=self._uncover))
        tally = result.tally
        self._result = result
        self._tell(verdict=result.verdict.name, race_windows=tally.race_windows, violations=tally.violations)
        if not result.as_expected:
            raise OtherVerdictError(result, self._likeness(result, config))

    def _likeness(self, result: Result, config: Config) -> Likeness | None:
        """A schedule that shows the same, for the log; None if there is nothing to show, or it is not looked for."""
        if not self._explore_s:
            return None
        try:
            likeness = schedule_like(result, corpus_of(config), self._explore_s, lambda: self._tell_at_once(result))
        except (UserError, HarnessError):
            return None
        if likeness and likeness.schedule:
            self._tell(schedule=likeness.schedule.token)
        return likeness

    def teardown(self) -> None:
        """Keep its result, if there is one: only now, so that a full disk hides no verdict."""
        if self._result and (folder := folder_of(self.config)):
            keep(folder, self._result.as_json())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text of a failure: the result as the command line prints it, or the error."""
        error = excinfo.value
        if isinstance(error, OtherVerdictError):
            command = rerun_command(nodeid_of(self), self.cell)
            schedule = replaying(error.likeness) if error.likeness else ""
            return f"{printed(error.result)}{schedule}seed {self.cell.seed}, as a test: {command}"
        if isinstance(error, HarnessError):
            return f"the harness failed, so this run says nothing: {error}"
        return str(error) if isinstance(error, UserError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Its file, no line, and its name."""
        return self.path, None, self.name
