"""Noise reaches what a test imports and what `stress_noise` names, and every report says what it reached."""

import re
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest

import stress
from stress.errors import UserError
from stress.marks.noise import noise_summary
from stress.marks.noise.code_under_test import CodeUnderTest, named
from stress.marks.noise.imports import imported_parts
from stress.marks.noise.switches import Kind
from tests.plugin.noisy import noise_lines, run

pytestmark = pytest.mark.old_pytest

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers", "--stress-duration", "200ms")
DURATIONS = ("200ms", "1s", "5s", "25s")
"""On a busy host a run may get no core for most of the first."""
BOUND_SECONDS = 60.0
IMPORTS = {
    "import parcel": "",
    "import parcel.inner as inner": "",
    "from parcel import Parcel": "",
    "from parcel.inner import *": "",
    "def later():\n    from parcel import Parcel": "",
    "try:\n    import parcel\nexcept ImportError:\n    pass": "",
    "import pytest\nparcel = pytest.importorskip('parcel')": "",
    "import pytest\ndef later(): pytest.importorskip('parcel', reason='none')": "",
    "import importlib\nParcel = importlib.import_module('parcel').Parcel": "",
    "from importlib import import_module\ndef later(): import_module('parcel.inner')": "",
}
STEP = "def step():\n    for number in range(20):\n        last = number"
FROM = "from parcel import Parcel"
IN_PARCEL = """
    import pytest
    {imports}

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        {made}

        @stress.reader
        def look(cpu):
            {look}

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run()
"""
PARCEL = """
    class Parcel:
        def weigh(self):
            total = 0
            for number in range(20):
                total += number
            return total
"""


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, with `parcel` in it; it is on the path of this process and of others."""
    folder = pytester.mkdir("lib") / "site-packages"
    (folder / "parcel").mkdir(parents=True)
    lines = [line.removeprefix("    ") for line in PARCEL.splitlines()]
    (folder / "parcel/__init__.py").write_text("\n".join(lines))
    (folder / "parcel/inner.py").write_text("from parcel import Parcel\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "parcel"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def in_parcel(imports: str = FROM, made: str = "one = Parcel()", look: str = "one.weigh()") -> str:
    """A test of a parcel that does not fail."""
    return IN_PARCEL.format(imports=imports, made=made, look=look)


def run_until(says: str, pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """The first run whose output has what `says` matches, each longer than the one before; else the longest."""
    for duration in DURATIONS:
        result = pytester.runpytest_inprocess(*QUIET, *arguments, "--stress-duration", duration)
        if re.search(says, result.stdout.str(), re.MULTILINE):
            break
    return result


@pytest.mark.parametrize("statement", IMPORTS)
def test_a_package_that_a_module_imports_takes_noise_as_a_whole(statement: str, installed: Path) -> None:
    (installed / "a_test.py").write_text(statement)
    [part] = imported_parts(import_module("a_test"))
    assert (part.name, part.where, part.places) == ("parcel", "site-packages", (str(installed / "parcel"),))
    assert not part.compiled


def test_the_standard_library_and_tools_of_tests_take_none(installed: Path) -> None:
    statement = "import queue, collections.abc, pytest, _pytest.main, hypothesis, pytest_timeout, stress.units, parcel"
    (installed / "b_test.py").write_text(f"from __future__ import annotations\ndef later():\n    {statement}")
    assert [part.name for part in imported_parts(import_module("b_test"))] == ["parcel"]


def test_of_a_namespace_package_the_packages_within_take_noise(installed: Path) -> None:
    for name in ("one", "two"):
        (installed / "space" / name).mkdir(parents=True)
        (installed / "space" / name / "__init__.py").touch()
    (installed / "c_test.py").write_text("from space import one")
    [part] = imported_parts(import_module("c_test"))
    assert (part.name, part.places) == ("space.one", (str(installed / "space" / "one"),))


@pytest.mark.usefixtures("installed")
def test_an_installed_package_takes_noise_and_what_passed_says_so_with_v(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(in_parcel())
    in_package = r"noise: switches at lines and instructions: .*\bparcel \(site-packages\) [0-9,]{2,}"
    result = run_until(in_package, pytester, "-W", "error", "-v")
    result.assert_outcomes(passed=1)
    assert re.search(in_package, result.stdout.str())
    [told] = noise_lines(result)
    assert re.search(r"\btest_an_installed\w+\.py [0-9,]+", told)


@pytest.mark.usefixtures("installed")
def test_a_junit_file_has_what_noise_reached(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(in_parcel())
    [told] = noise_lines(pytester.runpytest_inprocess(*QUIET, "-v", "--junitxml", "out.xml"))
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert [one.attrib["value"] for one in root.iter("property") if one.attrib["name"] == "stress_noise"] == [told]


@pytest.mark.usefixtures("installed")
def test_a_failure_says_it_without_v_and_what_passed_is_quiet(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(in_parcel())
    assert noise_lines(pytester.runpytest_inprocess(*QUIET)) == []
    pytester.makepyfile(in_parcel(look="return str(one.weigh())"))
    [told] = noise_lines(run_until("noise: .*parcel ", pytester))
    assert "parcel (site-packages) " in told


@pytest.mark.usefixtures("installed")
def test_workers_of_xdist_say_it_too(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(in_parcel())
    result = pytester.runpytest_subprocess(*QUIET, "-v", "-n", "1", timeout=BOUND_SECONDS)
    [told] = noise_lines(result)
    assert "parcel (site-packages) " in told


@pytest.mark.usefixtures("installed")
def test_what_a_conftest_imports_takes_noise_in_its_folder(pytester: pytest.Pytester) -> None:
    fixture = "import pytest\nfrom parcel import Parcel\n@pytest.fixture\ndef one(): return Parcel()\n"
    for folder in ("near", "far"):
        pytester.mkdir(folder)
    (pytester.path / "near/conftest.py").write_text(fixture)
    source = in_parcel(imports="", made="").replace("(stress)", "(stress, one)", 1)
    pytester.makepyfile(**{"near/test_near": source})
    pytester.makepyfile(**{"far/test_far": in_parcel(imports="", made="one = __import__('parcel').Parcel()")})
    result = run_until("stress: noise reached only the bodies", pytester, "-v", "near", "far")
    near, far, in_failure = noise_lines(result)  # the warning that nothing reached the parcel is an error here
    assert "parcel (site-packages) " in near
    assert "parcel" not in far
    assert in_failure == far


@pytest.mark.parametrize(
    ("word", "look", "told"),
    [
        ("queue", "one.put(1); one.get()", r"\bqueue \(standard library\) [0-9,]+"),
        ("itertools", "next(two)", r"; none in itertools \(standard library, compiled\)$"),
        ("lib/site-packages/parcel", "three.weigh()", r"\blib/site-packages/parcel [0-9,]+"),
        ("parcel.inner", "three.weigh()", r"; none in parcel\.inner \(site-packages\)$"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_stress_noise_names_files_folders_and_modules(
    word: str, look: str, told: str, pytester: pytest.Pytester
) -> None:
    made = "import queue, itertools; one, two = queue.Queue(), itertools.count(); three = __import__('parcel').Parcel()"
    pytester.makepyfile(in_parcel("", made, look))
    pytester.makeini(f"[pytest]\nstress_noise =\n    {word}\n")
    result = run_until(f"noise: .*{told}", pytester, "-v")
    result.assert_outcomes(passed=1)
    [line] = noise_lines(result)
    assert re.search(told, line), line


def code_of_get() -> CodeType:
    """Code of a class of `collections.abc`."""
    code = Mapping.get.__code__
    assert isinstance(code, CodeType)
    assert "_collections_abc" in code.co_filename
    return code


def test_what_a_module_has_from_a_private_one_that_python_has_frozen_takes_noise(tmp_path: Path) -> None:
    class One(Mapping[int, int]):
        def __getitem__(self, key: int) -> int:
            raise KeyError

        def __iter__(self) -> object:  # type: ignore[override]
            return iter(())

        def __len__(self) -> int:
            return 0

    def body(rounds: int) -> None:
        one = One()
        for number in range(rounds):
            one.get(number)

    part = named("collections.abc", tmp_path, "x")
    assert run(Kind.LINES, CodeUnderTest(tmp_path, (part,)), body).switches.keys() == {
        (code_of_get().co_filename, False)
    }


@pytest.mark.parametrize("word", ["no/such/folder", "queue.nothing", "parcel;", "x" * 5000, "a\0b", "", "raises.x"])
def test_a_name_that_is_neither_a_path_nor_a_module_cannot_be_used(word: str, installed: Path) -> None:
    (installed / "raises.py").write_text("1 / 0")
    with pytest.raises(UserError, match=re.escape(f"stress_noise in x: {word!r} is neither a file or folder under")):
        named(word, installed, "stress_noise in x")


@pytest.mark.usefixtures("installed")
def test_a_name_that_cannot_be_used_is_told_in_a_line(pytester: pytest.Pytester) -> None:
    word = "nosuchmodule"
    pytester.makepyfile(in_parcel())
    pytester.makeini(f"[pytest]\nstress_noise = parcel {word}\n")
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(errors=1)
    [line] = [line for line in result.outlines if "stress_noise in tox.ini: " in line and "nor a module" in line]
    assert (
        f"{word!r} is neither a file or folder under {pytester.path} nor a module that can be imported; give " in line
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("imports", "look", "missed"),
    [
        ("import parcel", "seen.append(cpu.number)", "none in parcel (site-packages); name the code"),
        ("import psutil", "seen.append(cpu.number)", "none in psutil (site-packages, compiled in part); name"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_run_warns_in_which_no_code_under_test_took_noise(
    imports: str, look: str, missed: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(in_parcel(imports, "seen = []", look))
    result = run_until("PytestWarning: stress: noise reached", pytester, "-W", "always")
    result.assert_outcomes(passed=1, warnings=1)
    [line] = [line for line in result.outlines if "PytestWarning: stress: noise reached" in line]
    assert missed in line
    assert re.search(r"test_a_run_warns\w+\.py:\d+: PytestWarning", line)


@pytest.mark.usefixtures("installed")
def test_a_run_warns_in_which_bodies_called_code_that_no_name_in_the_source_shows(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(in_parcel("import importlib", "one = importlib.import_module('par' + 'cel').Parcel()"))
    says = "stress: noise reached only the bodies of the roles: none in parcel; name the code"
    result = run_until(says, pytester, "-W", "always")
    result.assert_outcomes(passed=1, warnings=1)
    assert says in result.stdout.str()


def test_python_itself_tools_and_code_without_a_file_are_not_what_a_run_missed(installed: Path) -> None:
    files = [threading.__file__, pytest.__file__, stress.__file__, "<string>", str(installed / "parcel/inner.py")]
    assert [noise_summary.is_foreign(file) for file in files] == [False, False, False, False, True]
    assert noise_summary.module_at(files[-1]) == "parcel"
    assert noise_summary.module_at(str(installed / "one.py")) == "one"


def test_a_run_warns_in_which_no_python_code_ran(pytester: pytest.Pytester) -> None:
    made = "look = change = [].append; stress.reader(look); stress.writer(count=1)(change); stress.run(); return"
    pytester.makepyfile(in_parcel("", made))
    result = pytester.runpytest_inprocess(*QUIET, "-W", "always")
    result.assert_outcomes(passed=1, warnings=1)
    assert "noise reached no code: too little Python code ran; name the code under test" in result.stdout.str()


@pytest.mark.parametrize(
    ("imports", "made", "look"),
    [
        (f"import parcel\n{STEP}", "", "step()"),
        ("import threading", "lock, seen = threading.Lock(), [0]", "seen[0] += 1"),
        ("if False: import parcel", "seen = [0]", "seen[0] += 1"),
    ],
    ids=["code of the module", "nothing but a body", "never imported"],
)
@pytest.mark.usefixtures("installed")
def test_nothing_warns_where_code_of_the_test_is_what_is_tested(
    imports: str, made: str, look: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(in_parcel(imports.replace("\n", "\n    "), made, look))
    longer = ("--stress-duration", DURATIONS[1])
    pytester.runpytest_inprocess(*QUIET, *longer, "-W", "error").assert_outcomes(passed=1)
