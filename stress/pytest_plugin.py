"""The pytest plugin `stress`: the mark, its fixture and options, and scenarios as tests.

pytest loads it wherever kstress is installed, so heavy modules are imported only when a test needs them.
"""

import inspect
import os
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stress.host import clocks, threads  # noqa: F401 - bound before any test can patch `time` or `threading`

if TYPE_CHECKING:
    from stress.marks.fixture import Stress

NAMES = ("duration", "cpus", "engine", "seed", "repeat", "cores", "explore")
HELP = {
    "duration": "how long each item runs, like 500ms or 2m (default: 1s)",
    "cpus": "CPU counts, one item for each, like 2,4,8",
    "engine": "engine of scenarios: auto, python or native",
    "seed": "a whole number, or random",
    "repeat": "how many items for each CPU count",
    "cores": "what to do while another stress run holds this host's cores: wait (default), share or skip",
    "explore": "how long a scenario that fails looks for a schedule that shows the same; 0 not at all (default: 2s)",
}
RESULTS = "keep the figures of each stress item as a run file in this folder, for kstress report and kstress compare"
MARK = "stress(cpus, duration, seed, repeat): run the test on the CPUs of a stress machine, one item for each CPU count"
SCENARIO_LINE = re.compile(rb"^SCENARIOS?\b.*=", re.MULTILINE)
NOTE = "stress_note"
TEST_FILES = pytest.StashKey[frozenset[str]]()
MOST_NOTES = 20
NEEDS_ROLE = "takes the fixture `stress` but gives it no role: it ran once, as an ordinary test"
NEEDS_FIXTURE = "has the mark `stress` but not the fixture `stress`: it ran once, as an ordinary test"
UNITTEST = (
    "the mark `stress` does not work on methods of unittest.TestCase, which cannot take fixtures; "
    "write a function, or a method of a plain class"
)
GENERATOR = "pytest does not run a test with `yield`; write a plain function that calls stress.run()"
ASYNC = (
    "an `async def` test needs a pytest plugin that runs it, and no plugin did; "
    "write a plain function: stress.run() waits for threads, not for an event loop"
)
CALLED_MORE = (("parallel_threads", ("parallel_threads", "force_parallel_threads")), ("iterations", ("iterations",)))
"""The options of pytest-run-parallel that have a test called more than once, each with the marks that do so."""
NEEDS_MARK = "the fixture `stress` needs the mark: add @pytest.mark.stress to the test"
NEEDS_ARGUMENT = (
    "make the fixture `stress` an argument of the test, or of a fixture that it takes: the mark makes its items then"
)

ON_PARAMETER = (
    "the mark `stress` stands on a parameter (pytest.param(..., marks=...)), where it comes too late to make items; "
    "put it on the test, with cpus=[...] for several numbers of CPUs"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and their settings."""
    group = parser.getgroup("stress", "real threads against your own structure (kstress)")
    for name in NAMES:
        group.addoption(f"--stress-{name}", metavar=name.upper(), default=None, help=HELP[name])
        parser.addini(f"stress_{name}", HELP[name], default="")
    group.addoption("--stress-results", metavar="DIR", default=None, help=RESULTS)
    parser.addini("stress_results", RESULTS, default="")
    parser.addini("stress_noise", "more files, folders or modules that take noise", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and check the settings of the command line and the settings file, if there are any."""
    config.addinivalue_line("markers", MARK)
    line = any(config.getoption(f"--stress-{name}") is not None for name in NAMES)  # an empty one, too
    given = line or any(config.getini(f"stress_{name}") for name in NAMES)
    if given or keeps_results(config) or os.environ.get("KSTRESS_CORES"):
        check_settings(config)
    if keeps_results(config):
        from stress.marks.keeper import Keeper

        config.pluginmanager.register(Keeper(config), "stress-keeper")
    if config.getoption("verbose", 0) > 0:
        config.pluginmanager.register(NoiseLines(config), "stress-noise-lines")


def check_settings(config: pytest.Config) -> None:
    """End pytest with one line for an invalid setting."""
    from stress.errors import UserError
    from stress.marks.settings import find_settings

    try:
        find_settings(config, {}, {})
        if keeps_results(config):
            from stress.marks.results import folder_of

            folder_of(config)
    except UserError as error:
        raise pytest.UsageError(str(error)) from None


def keeps_results(config: pytest.Config) -> bool:
    """Whether run files are to be kept."""
    return bool(config.getoption("--stress-results") or config.getini("stress_results"))


def pytest_report_header(config: pytest.Config) -> str:
    """The line of pytest's header: engine, cores, GIL and switch interval."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    try:  # as stress.host.system does, which is not imported before a test needs it
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        cores = os.cpu_count() or 1
    interval = f"switch interval {sys.getswitchinterval():g} s" if gil else "no switch interval"
    engine = config.getoption("--stress-engine") or config.getini("stress_engine") or "auto"
    return f"stress: engine {engine}, {cores} cores, GIL {'on' if gil else 'off'}, {interval}"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a scenario's file as a scenario; as a module of tests too only if its name is that of a test file."""
    found = yield
    if not defines_scenario(file_path):
        return found
    from stress.marks.scenario_items import ScenarioFile

    if not any(file_path.match(pattern) for pattern in parent.config.getini("python_files")):
        found = [one for one in found if type(one) is not pytest.Module]
    return [*found, ScenarioFile.from_parent(parent, path=file_path)]


def defines_scenario(path: Path) -> bool:
    """Whether the text of a file looks as if it defines a SCENARIO; nothing of it runs."""
    try:
        text = path.read_bytes() if path.suffix == ".py" else b""
    except OSError:
        return False
    makes = b"Scenario(" in text or b"study(" in text
    return makes and b"stress" in text and bool(SCENARIO_LINE.search(text)) and _assigns_scenario(text)


def _assigns_scenario(source: bytes) -> bool:
    """Whether a module assigns to SCENARIO or SCENARIOS, and not only a text in it does; also if it cannot be read."""
    import ast  # a suite without scenarios needs it not
    import warnings

    try:
        with warnings.catch_warnings(action="ignore"):  # whoever imports it hears of what is odd in it
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    targets = [target for line in body for target in getattr(line, "targets", [getattr(line, "target", line)])]
    names = (name for target in targets if isinstance(target, ast.expr) for name in ast.walk(target))
    return any(isinstance(name, ast.Name) and name.id in ("SCENARIO", "SCENARIOS") for name in names)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each cell of a marked test."""
    marks = list(metafunc.definition.iter_markers("stress"))
    if not marks or "stress" not in metafunc.fixturenames:
        return
    from stress.errors import UserError
    from stress.marks.cell import cells
    from stress.marks.noise.code_under_test import named_parts
    from stress.marks.settings import check_mark, find_settings

    marked: dict[str, Any] = {}
    try:
        for mark in reversed(marks):
            check_mark(mark.args, mark.kwargs)
            marked.update(mark.kwargs)
        found = cells(find_settings(metafunc.config, marked, {}))
        named_parts(metafunc.config)
    except UserError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from None
    metafunc.parametrize("stress", found, indirect=True, ids=[cell.name for cell in found])


def budget_of(item: pytest.Item) -> float | None:
    """The seconds after which the run of a stress item has ended; None for any other item."""
    if item.get_closest_marker("stress") is None:
        return None
    callspec = getattr(item, "callspec", None)
    cell = callspec.params.get("stress") if callspec else item
    return getattr(cell, "budget_s", None)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep pytest-run-parallel from calling a stress test on several threads, or again and again, if it is to do so.

    It calls every test with such a mark "thread-unsafe", so an item gets one only then.
    """
    if not hasattr(item.config.option, "parallel_threads") or budget_of(item) is None:
        return
    for option, names in CALLED_MORE:
        marked = [name for name in names if item.get_closest_marker(name)]
        if marked or str(getattr(item.config.option, option, 1)) != "1":
            for name in marked or names[:1]:
                item.add_marker(getattr(pytest.mark, name)(1), append=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hold the host's cores while a stress item runs, and add its time to its timeout."""
    budget_s = budget_of(item)
    if budget_s is None:
        return (yield)
    from stress.host.cores import having_cores
    from stress.marks.host import extend_timeout, skip_if_shared, warn_of
    from stress.marks.settings import find_setting

    extend_timeout(item, budget_s)
    if isinstance(item, pytest.Function):
        import stress.marks.fixture  # noqa: F401 - before a fixture patches what it imports

    how = find_setting(item.config, "cores", {})
    with having_cores(lambda text: tell(item.config, f"\n{item.nodeid} {text}"), warn_of(item), how=how) as shared:
        skip_if_shared(item, how, shared)
        return (yield)


def _why_no_cell(item: pytest.Item) -> str:
    """Why an item that takes the fixture has no cell."""
    if item.get_closest_marker("stress") is None:
        return NEEDS_MARK
    callspec = getattr(item, "callspec", None)
    return ON_PARAMETER if callspec and any(one.name == "stress" for one in callspec.marks) else NEEDS_ARGUMENT


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a marked test that cannot take the fixture, before pytest skips it; note a marked test without it."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("stress") is None:
        return
    if reason := refusal(item):
        pytest.fail(reason, pytrace=False)
    if "stress" not in item.fixturenames:
        item.user_properties.append((NOTE, NEEDS_FIXTURE))


def refusal(item: pytest.Function) -> str:
    """Why a marked test cannot run; empty if it can. A mark on a module does not apply to its unittest classes."""
    marked = [node for node, _ in item.iter_markers_with_node("stress")]
    unittest = sys.modules.get("unittest")
    if unittest and item.cls and issubclass(item.cls, unittest.TestCase):
        return UNITTEST if any(isinstance(node, pytest.Function | pytest.Class) for node in marked) else ""
    return GENERATOR if inspect.isgeneratorfunction(item.obj) else ""


def is_async(function: object) -> bool:
    """Whether calling a function only makes a coroutine or an asynchronous generator."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test that has roles and never runs them, or that is async and was not run: it would pass.

    Note one that has no role. Where it fails after a run without a fault, show what the run did.
    """
    stressed = budget_of(pyfuncitem) is not None
    one: Any = pyfuncitem.funcargs["stress"] if stressed else None
    try:
        done = yield
    except BaseException as error:  # pytest skips or fails it, depending on its version
        if stressed and is_async(pyfuncitem.obj) and "async def function" in str(error):
            raise pytest.fail.Exception(ASYNC, pytrace=False) from None
        if stressed and (held := one.held):
            pyfuncitem.add_report_section("call", "stress run", held)
        if stressed and not pyfuncitem.config.getoption("fulltrace"):
            from stress.marks.host import end_in_test

            end_in_test(error)
        raise
    if stressed:
        one.check_has_run()
        if one.is_unused:
            pyfuncitem.user_properties.append((NOTE, NEEDS_ROLE))
    return done


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the notes on tests of any outcome; the properties of an item are complete at its teardown."""
    reports = [report for of_one in terminalreporter.stats.values() for report in of_one]
    ends = [report for report in reports if getattr(report, "when", None) == "teardown"]
    notes = [f"{end.nodeid}: {value}" for end in ends for name, value in end.user_properties if name == NOTE]
    if notes:
        terminalreporter.section("stress notes")
        for note in notes[:MOST_NOTES]:
            terminalreporter.write_line(note)
        if len(notes) > MOST_NOTES:
            terminalreporter.write_line(f"and {len(notes) - MOST_NOTES} more")


def tell(config: pytest.Config, text: str) -> None:
    """Write to the terminal while a test runs, past what captures its output."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        if terminal:
            terminal.write_line(text)


class NoiseLines:
    """With `-v`, prints a line after each stress item: the code that took noise, and how much."""

    def __init__(self, config: pytest.Config) -> None:
        """Remember the config, for its terminal."""
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the line at teardown: then the properties are complete, in a worker of pytest-xdist too."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        lines = [value for name, value in report.user_properties if name == "stress_noise"]
        if terminal and lines and report.when == "teardown":
            terminal.write_line(f"  noise: {lines[0]}")


def _test_files(session: pytest.Session) -> frozenset[str]:
    """The files of the tests of a session, which are the same for each of its marks."""
    if TEST_FILES not in session.stash:
        session.stash[TEST_FILES] = frozenset(str(item.path) for item in session.items)
    return session.stash[TEST_FILES]


@pytest.fixture
def stress(request: pytest.FixtureRequest) -> "Iterator[Stress]":
    """One cell of the test: decorate bodies with `stress.reader` and `stress.writer`, then call `stress.run`."""
    from stress.marks.cell import nodeid_of
    from stress.marks.fixture import STRESS, Stress
    from stress.marks.noise.imports import code_under_test_of

    if not hasattr(request, "param"):
        if (noted := (NOTE, NEEDS_FIXTURE)) in request.node.user_properties:  # it asks for the fixture, too late
            request.node.user_properties.remove(noted)
        raise pytest.fail.Exception(_why_no_cell(request.node), pytrace=False)
    config, item = request.config, request.node
    cell = request.param.of(item.nodeid)
    for name in ("cpus", "seed", "duration_s"):
        item.user_properties.append((f"stress_{name}", getattr(cell, name)))
    first_only = config.getoption("maxfail") == 1
    under_test = code_under_test_of(item).beside(_test_files(request.session))
    with Stress(cell, nodeid_of(item), first_only, under_test, partial(tell, config)) as one:
        if keeps_results(config):
            item.stash[STRESS] = one
        item.add_report_section("call", "stress", one.rerun_command)
        yield one
    item.user_properties.extend(one.properties())
