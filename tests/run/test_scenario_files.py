"""Files with several scenarios: all or one of them, twins in the same file or beside it, and what is refused."""

import sys
from pathlib import Path

import attrs
import pytest

from stress import Config, UserError, find_scenario, run
from stress.campaign.records import load_recorded, record_of
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.scenario_files import find_scenarios, twin_name, twin_of
from stress.scenario_template import write_pair
from tests.frontdoor.command import kstress
from tests.support import blank_ram

HEAD = """
from stress import Program, Scenario
from stress.kernel.modlist import LOCKED, STOPPED
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

PROGRAMS = (Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader))

def of(name, protocol, expect, **more):
    return Scenario(name, "a claim", "a source", PROGRAMS, expect, protocol=protocol, **more)

"""
TWO = HEAD + "\n".join(
    (
        'BROKEN = of("before", LOCKED, "violated")',
        'SCENARIOS = [BROKEN, of("after", STOPPED, "held", twin=BROKEN)]',
        "",
    )
)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A file with a scenario and its twin."""
    file = tmp_path / "patch.py"
    file.write_text(TWO)
    return file


def refusal(tmp_path: Path, text: str, name: str = "") -> str:
    """What is said of a file with this end."""
    file = tmp_path / "wrong.py"
    file.write_text(HEAD + text)
    with pytest.raises(UserError) as refused:
        find_scenario(f"{file}{name}")
    return str(refused.value).replace(str(tmp_path), "")


@pytest.mark.threads
def test_a_file_runs_all_its_scenarios_and_a_name_behind_a_colon_one_of_them(two: Path) -> None:
    config = Config(engine="python", duration_s=0.5, cpus=2)
    both = run([two], config)
    assert [(one.scenario.name, one.scenario.origin) for one in both] == [
        ("patch:before", f"{two}:before"),
        ("patch:after", f"{two}:after"),
    ]
    assert both[0].as_expected
    [after] = run([f"{two}:after"], config)
    assert after.as_json()["twin"]["scenario"] == "before"


@pytest.mark.threads
def test_the_command_runs_one_of_several_and_says_how_to_run_it_again(two: Path) -> None:
    done = kstress("run", f"{two}:before", "--engine", "python", "--duration", "500ms", "--cpus", "2")
    assert done.returncode == 0
    assert "VIOLATED as expected" in done.stdout
    assert f"{two}:before" in done.stdout


def test_a_twin_may_stand_in_the_same_file_or_beside_it_from_wherever_one_runs_it(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "beside.py"
    beside.write_text(HEAD + 'SCENARIO = of("mine", STOPPED, "held", twin="patch.py:before")\n')
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in (f"{two}:after", "../beside.py"):
        twin = twin_of(find_scenario(name))
        assert twin is not None
        assert twin.origin == f"{two}:before"
    assert twin_name("stop_machine", "modlist_spinlock") == "modlist_spinlock"
    assert twin_name(str(beside), "not_there.py") == "not_there.py"


def test_a_new_scenario_and_its_twin_are_found_as_before(tmp_path: Path) -> None:
    file, twin = write_pair(tmp_path / "mine.py")
    assert [one.origin for one in find_scenarios(str(file))] == [str(file)]
    found = twin_of(find_scenario(str(file)))
    assert found is not None
    assert found.origin == str(twin)


def test_a_run_directory_finds_each_of_several_again_only_while_the_file_is_the_same(two: Path) -> None:
    record = record_of(find_scenario(f"{two}:after"))
    assert (record.origin, record.twin, record.twin_expect) == (f"{two}:after", ":before", "violated")
    assert load_recorded(record).name == "patch:after"
    assert load_recorded(attrs.evolve(record, name="after")).name == "after"
    two.write_text(TWO + "# changed\n")
    with pytest.raises(UserError, match=r"has changed"):
        load_recorded(record)


@pytest.mark.parametrize(
    ("end", "name", "told"),
    [
        ("SCENARIOS = []", "", "/wrong.py: SCENARIOS is not a list of scenarios; end the file with"),
        ("SCENARIOS = 3", "", "/wrong.py: SCENARIOS is not a list of scenarios"),
        ('SCENARIOS = [of("a", LOCKED, "violated")] * 2', "", "/wrong.py: two scenarios are called a; give each"),
        ('SCENARIOS = [of("a:b", LOCKED, "violated")]', "", "/wrong.py: the name 'a:b' needs letters,"),
        (
            'SCENARIOS = [of("a", LOCKED, "held", twin=":b")]',
            "",
            "/wrong.py: a names the twin b; put it into SCENARIOS",
        ),
        (
            'SCENARIOS = [of("a", LOCKED, "held", twin=":a")]',
            "",
            "/wrong.py: a names itself as its twin; name the scenario",
        ),
        ('SCENARIO = of("a", STOPPED, "held", twin=of("b", LOCKED, "violated"))', "", "names the twin b; put it into"),
        (TWO, "", "/wrong.py has 2 scenarios; give one, like /wrong.py:before; it has before, after"),
        (TWO, ":none", "/wrong.py has no scenario 'none'; it has before, after"),
        ('SCENARIO = of("a", LOCKED, "violated")', ":b", "/wrong.py has no scenario 'b'; it has a"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path, end: str, name: str, told: str) -> None:
    said = refusal(tmp_path, end, name)
    assert told in said
    assert "\n" not in said


HELPERS = """
from mine.locks import take
from stress.machine.seam import Cpu, kernel

@kernel
def reader(cpu: Cpu) -> int:
    return take(cpu)
"""
LOCKS = """
from . import numbers
from stress.machine.seam import Cpu, kernel

@kernel
def take(cpu: Cpu) -> int:
    return numbers.NOTHING
"""
USES_HELPERS = """
from helpers import reader
from stress import Program, Scenario

PROGRAMS = (Program("reader", reader),)
"""
USES_HELPERS += 'SCENARIO = Scenario("uses", "a claim", "a source", PROGRAMS, "inconclusive")\n'


def with_helpers(folder: Path, number: int = 0) -> Path:
    """A scenario file that imports a file beside it, which imports a package beside it."""
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "__init__.py").write_text("")
    (folder / "mine" / "locks.py").write_text(LOCKS)
    (folder / "mine" / "numbers.py").write_text(f"NOTHING = {number}\n")
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "uses.py").write_text(USES_HELPERS)
    return folder / "uses.py"


def test_a_scenario_imports_files_beside_it_and_others_of_the_same_names_elsewhere(tmp_path: Path) -> None:
    here, there = with_helpers(tmp_path / "here"), with_helpers(tmp_path / "there", 3)
    found = [find_scenario(str(path)) for path in (here, there)]
    cpus = [PythonCpu(blank_ram(), 0, Features()) for _ in found]
    assert [one.programs[0].under(one.protocol)(cpu) for one, cpu in zip(found, cpus, strict=True)] == [0, 3]
    assert "helpers" not in sys.modules
    assert "mine.locks" not in sys.modules


def test_what_lies_beside_is_part_of_the_digest_and_is_compared_before_anything_runs(tmp_path: Path) -> None:
    path = with_helpers(tmp_path / "mine_too")
    record = record_of(find_scenario(str(path)))
    assert load_recorded(record).name == "uses"
    (path.parent / "mine" / "numbers.py").write_text("raise AssertionError('it ran')\n")
    with pytest.raises(UserError, match=r"has changed: its digest is"):
        load_recorded(record)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("helpers.py", "import nowhere_to_be_found\n", "helpers.py, line 1: ModuleNotFoundError: No module named"),
        ("mine/numbers.py", "\n\nNOTHING = 1 / 0\n", "mine/numbers.py, line 3: ZeroDivisionError: division by zero"),
        ("mine/locks.py", "def (\n", "mine/locks.py, line 1: SyntaxError: invalid syntax"),
    ],
)
def test_a_mistake_in_a_file_beside_is_told_with_its_place(tmp_path: Path, file: str, text: str, told: str) -> None:
    path = with_helpers(tmp_path / "wrong")
    (path.parent / file).write_text(text)
    with pytest.raises(UserError) as refused:
        find_scenario(str(path))
    assert told in str(refused.value)


def test_files_named_as_the_library_or_kstress_are_not_taken_from_beside(tmp_path: Path) -> None:
    for name in ("random", "stress"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('it ran')\n")
    path = tmp_path / "plain.py"
    path.write_text("import random\nimport stress\n" + USES_HELPERS.replace("helpers", "others"))
    (tmp_path / "others.py").write_text(LOCKS.replace("from . import numbers", "").replace("numbers.NOTHING", "0"))
    (tmp_path / "others.py").write_text((tmp_path / "others.py").read_text().replace("take", "reader"))
    assert find_scenario(str(path)).name == "uses"
