"""The mutants' list and document fit the tree, and the hunt tells a catch from a survivor; the hunt itself is long."""

import subprocess
from pathlib import Path

import attrs
import pytest

from mutants.change import StaleMutantError
from mutants.command import chosen, summary
from mutants.document import DOCUMENT, NOBODY, Row, merged, rendered, rows_of, titles_of
from mutants.hunt import CHECKOUT, Catch, UnfitError, caught_by, hunt
from mutants.lists import GROUPS
from mutants.mutant import Group, Mutant, Part, Trial, suite
from mutants.process import Report, run_trial

MUTANTS = [mutant for group in GROUPS for mutant in group.mutants]
FINE = Trial(("-c", ""), (1,))
TEXT = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"


def fault_of(mutant: Mutant) -> str:
    """What is wrong with a mutant; empty if it changes its file in one place and leaves it Python."""
    text = (CHECKOUT / mutant.file).read_text()
    try:
        changed = mutant.applied(text)
        compile(changed, mutant.file, "exec")
    except (StaleMutantError, SyntaxError) as error:
        return f"{mutant.name}: {error}"
    return "" if changed != text else f"{mutant.name} changes nothing"


def test_every_mutant_changes_its_file_in_one_place_and_leaves_it_python() -> None:
    assert list(filter(None, map(fault_of, MUTANTS))) == []


def test_every_name_is_used_once_and_every_trial_names_tests_that_there_are() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert sorted(set(names)) == sorted(names)
    trials = {trial for group in GROUPS for mutant in group.mutants for trial in group.trials_of(mutant)}
    files = {word.split("::")[0] for trial in trials for word in trial.arguments if word.startswith("tests/")}
    assert [name for name in files if not (CHECKOUT / name).exists()] == []


def test_the_document_lists_exactly_these_mutants_in_their_order_and_words_and_who_noticed_each() -> None:
    text = DOCUMENT.read_text()
    rows = rows_of(text)
    assert [(row.name, row.breaks) for row in rows] == [(mutant.name, mutant.breaks) for mutant in MUTANTS]
    assert titles_of(text) == [group.title for group in GROUPS]
    assert [row.name for row in rows if row.by == NOBODY] == []
    assert rendered(GROUPS, {row.name: row for row in rows}) == text


def test_a_change_is_made_within_its_function_only() -> None:
    part = Part("any.py", "def one(")
    assert part.mutant("m", "", "return", "yield").applied(TEXT) == TEXT.replace("return 1", "yield 1")
    with pytest.raises(StaleMutantError, match=r"'2' occurs 0 times in def one"):
        part.mutant("m", "", "2", "3").applied(TEXT)
    with pytest.raises(StaleMutantError, match=r"'return' occurs 2 times in any\.py"):
        part.of("").mutant("m", "", "return", "yield").applied(TEXT)
    with pytest.raises(StaleMutantError, match=r"'def three' occurs 0 times"):
        part.of("def three").mutant("m", "", "2", "3").applied(TEXT)


STEPS = """
def step(cpu):
    cpu.barrier()
    if cpu.load(1) == 2:
        cpu.store(1, 3)
    return 4
"""


@pytest.mark.parametrize(
    ("how", "quoted", "old", "new"),
    [
        ("without", "barrier", "cpu.barrier()", "pass"),
        ("without", "store", "cpu.store(1, 3)", "pass"),
        ("without", "load", "if cpu.load(1) == 2:\n        cpu.store(1, 3)", "pass"),
        ("never", "load", "cpu.load(1) == 2", "False"),
        ("always", "== 2", "cpu.load(1) == 2", "True"),
        ("late", "if", "if cpu.load(1) == 2:\n        cpu.store(1, 3)\n    return 4",
         "return 4\n    if cpu.load(1) == 2:\n        cpu.store(1, 3)"),
    ],
)  # fmt: skip
def test_a_statement_or_a_condition_is_changed_as_a_whole(how: str, quoted: str, old: str, new: str) -> None:
    assert getattr(Part("any.py", "def step("), how)("m", "", quoted).applied(STEPS) == STEPS.replace(old, new)


@pytest.mark.parametrize(("how", "quoted", "times"), [("without", "cpu", 4), ("never", "store", 0), ("late", "no", 0)])
def test_words_that_are_in_no_statement_or_in_several_are_stale(how: str, quoted: str, times: int) -> None:
    with pytest.raises(StaleMutantError, match=f"^m: '{quoted}' occurs {times} times in def step"):
        getattr(Part("any.py", "def step("), how)("m", "", quoted).applied(STEPS)


def test_a_trial_that_never_ends_is_ended_and_so_is_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    report = run_trial(Trial(("-c", code), ()), tmp_path, limit=1.0)
    assert report.code is None
    assert report.seconds < 20


@pytest.mark.parametrize(
    ("body", "limit"), [("assert False", 90.0), ("import os; os._exit(4)", 90.0), ("import time; time.sleep(60)", 12.0)]
)
def test_a_catch_names_the_test_that_failed_or_died_or_hung(body: str, limit: float, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(f"def test_fine(): pass\ndef test_bad():\n    {body}\n")
    trial = suite("test_it.py")
    report = run_trial(trial, tmp_path, limit)
    assert report.by == "tests/test_it.py::test_bad"
    assert caught_by(trial, report).startswith(report.by)


@pytest.mark.parametrize(
    ("code", "by", "says"),
    [
        (0, "", ""),
        (1, "tests/x.py::y", "tests/x.py::y"),
        (1, "", "pytest tests/x.py (exit 1)"),
        (None, "", "pytest tests/x.py (hangs)"),
        (-11, "tests/x.py::y", "tests/x.py::y (dies)"),
    ],
)
def test_how_a_trial_ended_says_who_noticed(code: int | None, by: str, says: str) -> None:
    assert caught_by(suite("x.py"), Report(code, 1.0, by, "")) == says


def test_an_exit_that_proves_nothing_is_no_catch() -> None:
    with pytest.raises(UnfitError, match="exit 2 is no catch"):
        caught_by(suite("x.py"), Report(2, 1.0, "", "usage"))


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A checkout of two files, which is copied sooner than the thousand of this one."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=60)
    (tmp_path / "stress").mkdir()
    for name in ("__init__.py", "errors.py"):
        (tmp_path / "stress" / name).write_text("class UserError(Exception): pass\n")
    return tmp_path


def test_what_nobody_notices_is_a_survivor_and_fails_the_hunt(
    small_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutant = Part("stress/errors.py").mutant("quiet", "nothing at all", "class UserError", "class UserError", FINE)
    catches = hunt([Group("made", (), (mutant,))], [], 1, lambda line: None, small_tree)
    assert [catch.by for catch in catches] == [""]
    assert summary(catches) == 1
    assert "NOT NOTICED: quiet: nothing at all" in capsys.readouterr().out


def test_the_hunt_runs_in_a_changed_copy_and_the_tree_stays_as_it_is() -> None:
    check = "import stress.errors, sys; sys.exit(hasattr(stress.errors, 'Changed'))"
    trial = Trial(("-c", check), (1,))
    mutant = Part("stress/errors.py").mutant("loud", "a name", "class UserError", "Changed = 1\nclass UserError", trial)
    [catch] = hunt([Group("made", (), (mutant,))], [], 1, lambda line: None)
    assert catch.by.endswith("(exit 1)")
    assert "Changed" not in (CHECKOUT / "stress" / "errors.py").read_text()


def test_nothing_is_hunted_with_a_trial_that_fails_on_the_unchanged_tree(small_tree: Path) -> None:
    mutant = Part("stress/errors.py").mutant("any", "any", "class UserError", "class User", Trial(("-c", "1/0"), (1,)))
    with pytest.raises(UnfitError, match="the unchanged tree fails: -c 1/0"):
        hunt([Group("made", (), (mutant,))], [], 1, lambda line: None, small_tree)


def test_names_and_titles_choose_mutants_and_nothing_else_is_taken() -> None:
    group = GROUPS[0]
    assert chosen([group.title], GROUPS) == [mutant.name for mutant in group.mutants]
    assert chosen([MUTANTS[-1].name], GROUPS) == [MUTANTS[-1].name]
    with pytest.raises(SystemExit, match="no mutant or group 'nobody'"):
        chosen(["nobody"], GROUPS)


def test_a_hunt_of_some_keeps_what_the_document_says_of_the_others() -> None:
    known = [Row("first", "a", "`x`", 3), Row("second", "b", "`y`", 4)]
    mutant = attrs.evolve(MUTANTS[0], name="second", breaks="c")
    rows = merged(known, [Catch(mutant, "tests/z.py::t[a|b]", 0.2)])
    assert rows == {"first": known[0], "second": Row("second", "c", "`z.py::t[a\\|b]`", 1)}
    assert rows_of(rows["second"].text) == [rows["second"]]
    assert merged(known, [Catch(mutant, "", 9.0)])["second"] == Row("second", "c", NOBODY, 9)
