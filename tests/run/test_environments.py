"""tox.ini and the markers: every test runs in some environment, and in none that lacks what the test needs."""

import functools
import re
from collections.abc import Iterator
from configparser import ConfigParser
from itertools import chain, combinations
from pathlib import Path
from types import CodeType

import pytest

from stress.extras import EXTRAS
from tests.frontdoor.command import CHECKOUT

MODULES = "|".join(chain.from_iterable(EXTRAS.values()))
LOOKED_FOR = re.compile(rf'(?:importorskip|find_spec)\("({MODULES})"')
SKIPS_THE_FILE = re.compile(rf'^(?:\w+ = )?pytest\.importorskip\("({MODULES})', re.MULTILINE)
TEST_FILES = sorted((CHECKOUT / "tests").rglob("test_*.py"))
OF_ANOTHER = re.compile(r"^(?:from|import) \S*\btest_.*|^from tests\S* import .*\btest_.*", re.MULTILINE)


@functools.cache
def selection(environment: str) -> CodeType:
    """What the `-m` of an environment's commands select together, as an expression of Python."""
    settings = ConfigParser(interpolation=None)
    settings.read(CHECKOUT / "tox.ini")
    found = re.findall(r'-m "(.*?)"', settings[f"testenv:{environment}"]["commands"])
    needed = settings["testenv"]["extras_needed"]
    text = " or ".join(f"({one.replace('{[testenv]extras_needed}', needed)})" for one in found)
    return compile(text, "tox.ini", "eval")


def selects(environment: str, marked: tuple[str, ...], markers: list[str]) -> bool:
    """Whether an environment runs a test with these of the markers."""
    return bool(eval(selection(environment), {}, {name: name in marked for name in markers}))


def subsets(markers: list[str]) -> Iterator[tuple[str, ...]]:
    """Every set of markers that a test can have."""
    return chain.from_iterable(combinations(markers, count) for count in range(len(markers) + 1))


@pytest.fixture(scope="module")
def markers(request: pytest.FixtureRequest) -> list[str]:
    """The markers that pyproject.toml declares."""
    declared = [line.partition(":")[0] for line in request.config.getini("markers")]
    return [name for name in declared if f'"{name}: ' in (CHECKOUT / "pyproject.toml").read_text()]


def test_whatever_a_test_is_marked_with_an_environment_that_has_what_it_needs_runs_it(markers: list[str]) -> None:
    assert set(EXTRAS) < set(markers)
    for marked in subsets(markers):
        runs = selects("native", marked, markers), selects("bare", marked, markers)
        assert runs == (bool({*EXTRAS, "everywhere"} & set(marked)), not set(EXTRAS) & set(marked)), marked


@pytest.mark.parametrize("environment", ["free-threaded", "oldest-pytest"])
def test_what_other_interpreters_and_the_oldest_pytest_run_needs_no_extra(environment: str, markers: list[str]) -> None:
    chosen = [marked for marked in subsets(markers) if selects(environment, marked, markers)]
    assert chosen
    assert [marked for marked in chosen if set(EXTRAS) & set(marked)] == []


def extras_of(pattern: re.Pattern[str], text: str) -> set[str]:
    """The extras whose modules a test file looks for."""
    return {extra for extra, modules in EXTRAS.items() for name in pattern.findall(text) if name in modules}


def is_marked(path: Path) -> bool:
    """Whether a test file has the markers of all extras whose modules it looks for, and looks for them at its top."""
    text = path.read_text()
    skipped = extras_of(SKIPS_THE_FILE, text)
    marks = re.search(r"^pytestmark = .*$", text, re.MULTILINE)
    return extras_of(LOOKED_FOR, text) == skipped <= set(re.findall(r"mark\.(\w+)", marks[0] if marks else ""))


def test_a_file_that_is_skipped_without_an_extra_is_marked_with_it() -> None:
    assert any(SKIPS_THE_FILE.search(path.read_text()) for path in TEST_FILES)
    assert [path.name for path in TEST_FILES if not is_marked(path)] == []


def test_tests_that_run_alone_lie_where_they_are_looked_for() -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(CHECKOUT / "tox.ini")
    place = CHECKOUT / settings["testenv"]["where_alone"]
    assert [path for path in TEST_FILES if "mark.alone" in path.read_text() and place not in path.parents] == []
    assert any("mark.alone" in path.read_text() for path in place.glob("test_*.py"))


def test_no_test_file_imports_from_another() -> None:
    assert OF_ANOTHER.search("from tests.run.test_run import run_one")
    assert [path.name for path in TEST_FILES if OF_ANOTHER.search(path.read_text())] == []
