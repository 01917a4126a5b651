"""`--stress-results` keeps each item's figures as a run file, which reports and comparisons read."""

import json
from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

from stress.cli import cli
from stress.errors import UserError
from stress.marks import results
from stress.marks.cell import Cell
from stress.results.load.entries import Entry
from stress.results.load.gather import gather

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "100ms", "--stress-seed", "7")

ITEM = """
    import pytest

    @pytest.mark.stress(cpus=2{repeat})
    def test_it(stress):
        {rounds}
        @stress.thread
        def change(cpu, *given):
            {body}

        stress.run(acceptable={{"good"}})
"""
ROUNDS = "stress.fresh(list)"


def kept(pytester: pytest.Pytester, body: str, *arguments: str, rounds: str = "", repeat: str = "") -> list[Entry]:
    """What is kept of one test."""
    pytester.makepyfile(ITEM.format(body=body, rounds=rounds, repeat=repeat))
    pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept", *arguments)
    folder = pytester.path / "kept"
    return [entry for source in gather([folder]) for entry in source.entries] if any(folder.iterdir()) else []


def test_an_item_that_holds_is_kept_with_its_figures(pytester: pytest.Pytester) -> None:
    [entry] = kept(pytester, 'return "good"')
    run = entry.run
    assert run is not None
    test = "test_an_item_that_holds_is_kept_with_its_figures"
    assert (run.scenario, run.engine, run.cpus, run.seed) == (f"{test}.py::test_it", "python", 2, 7)
    assert (run.verdict, run.as_expected, run.violations, run.first_violation_s) == ("held", True, 0, None)
    assert run.lookups >= run.race_windows > 0
    assert run.outcomes["good"] == run.lookups
    assert entry.again.startswith(f'pytest "{test}.py::test_it[2cpus]" --stress-cpus 2 --stress-seed 7')


def test_an_item_that_changes_to_another_folder_is_kept_where_pytest_was_started(pytester: pytest.Pytester) -> None:
    away = pytester.mkdir("away")
    body, home = 'return "good"', pytester.path
    [entry] = kept(pytester, body, rounds=f"__import__('os').chdir({str(away)!r})")
    assert entry.run is not None
    assert list(away.iterdir()) == []
    assert list(home.glob("kept/run-*.json"))


def test_a_test_has_one_name_wherever_pytest_was_started_and_a_command_that_works_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]")
    test = "test_a_test_has_one_name_wherever_pytest_was_started_and_a_command_that_works_there.py"
    pytester.makepyfile(ITEM.format(body='return "bad"', rounds="", repeat=""))
    monkeypatch.chdir(pytester.mkdir("below"))
    result = pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept", f"../{test}")
    [source] = gather([pytester.path / "below" / "kept"])
    [entry] = source.entries
    assert entry.run is not None
    assert entry.run.scenario == f"{test}::test_it"
    assert entry.again.startswith(f'pytest "../{test}::test_it[2cpus]" --stress-cpus 2')
    assert f'): pytest "../{test}::test_it[2cpus]" --stress-cpus 2' in result.stdout.str()


def test_rounds_are_trials_and_an_exception_is_a_violation(pytester: pytest.Pytester) -> None:
    [entry] = kept(pytester, "raise ValueError", rounds=ROUNDS)
    run = entry.run
    assert run is not None
    assert (run.verdict, run.as_expected, entry.verdict) == ("violated", False, "violated")
    assert run.violations == run.outcomes["raised ValueError"] > 0
    assert (run.caught.trials, run.caught.catches) == (1, 1)
    assert run.first_violation_s is not None
    assert run.reason.startswith("RAISED: ")


@pytest.mark.parametrize(
    ("body", "forbidden"),
    [
        ('return "good" if cpu.random.randrange(2) else "found"', ("found",)),
        ("raise ValueError", ("raised ValueError",)),
        ('return "good"', ()),
    ],
)
def test_what_the_test_forbids_is_kept_as_forbidden_whatever_it_is_called(
    pytester: pytest.Pytester, body: str, forbidden: tuple[str, ...]
) -> None:
    [entry] = kept(pytester, body)
    assert entry.run is not None
    assert entry.run.forbidden == forbidden


def test_forbidden_outcomes_are_kept_and_what_was_skipped_is_not(pytester: pytest.Pytester) -> None:
    [entry] = kept(pytester, 'return "bad"')
    assert entry.run is not None
    assert entry.run.violations == entry.run.outcomes["bad"] == entry.run.lookups
    assert len(kept(pytester, "pytest.skip('not here')")) == 1


def test_parameters_of_a_test_make_other_scenarios_and_repeats_do_not(pytester: pytest.Pytester) -> None:
    marked = '@pytest.mark.parametrize("kind", ["a-b", "[c]::d"])\n    def test_it(stress, kind):'
    item = ITEM.replace("def test_it(stress):", marked)
    pytester.makepyfile(item.format(body='return "good"', rounds="", repeat=", repeat=2"))
    pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept")
    found = Counter(entry.values.scenario for source in gather([pytester.path / "kept"]) for entry in source.entries)
    assert set(found.values()) == {2}
    assert {name.partition("::")[2] for name in found} == {"test_it[a-b]", "test_it[[c]::d]"}


def test_the_name_of_a_scenario_is_no_longer_than_a_run_file_takes() -> None:
    names = {results.scenario_name(f"a.py::t[{'x' * 2000}{end}-2cpus]", Cell(2, 1.0, 7)) for end in "yz"}
    assert len(names) == 2
    assert max(map(len, names)) <= results.LONGEST_NAME


def test_a_scenario_is_kept_too(pytester: pytest.Pytester) -> None:
    scenario = Path(__file__).parents[2] / "scenarios" / "modlist_spinlock.py"
    pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept", "--stress-engine", "python", str(scenario))
    [source] = gather([pytester.path / "kept"])
    [entry] = source.entries
    assert entry.values.scenario == "modlist_spinlock"
    assert entry.again.startswith("kstress run ")


def test_a_comparison_reads_them(pytester: pytest.Pytester) -> None:
    kept(pytester, 'return "good"', repeat=", repeat=4")
    copytree("kept", "before")
    compared = CliRunner().invoke(cli, ["compare", "before", "kept", "--json", "-"])
    assert "test_a_comparison_reads_them.py::test_it" in compared.output
    assert '"unloads"' not in compared.output
    assert '"lookups"' in compared.output


@pytest.mark.parametrize("how", ["--stress-results=file/in", "ini"])
def test_a_folder_that_cannot_be_made_is_one_line_before_anything_runs(how: str, pytester: pytest.Pytester) -> None:
    (pytester.path / "file").write_text("")
    pytester.makepyfile("def test_it(): raise SystemExit('ran')")
    arguments = (how,) if how != "ini" else ()
    if how == "ini":
        pytester.makeini("[pytest]\nstress_results = file/in")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = "stress_results in the settings file" if how == "ini" else "--stress-results"
    assert f"ERROR: {told}: cannot make '" in result.stderr.str()


def test_a_file_that_cannot_be_written_is_one_line_and_hides_no_verdict(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str, origin: str) -> None:
        raise UserError(f"{origin}: cannot write: No space left on device; make room on the disk")

    monkeypatch.setattr(results, "write_results", full)
    pytester.makepyfile(ITEM.format(body='return "bad"', rounds="", repeat=""))
    result = pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept")
    result.assert_outcomes(failed=1, errors=1)
    out = result.stdout.str()
    assert "VIOLATED: bad in " in out
    assert "\n--stress-results: cannot write: No space left on device; make room on the disk\n" in out
    assert "Traceback" not in out


def test_an_outcome_that_is_no_utf_8_is_kept_as_an_escape_and_read_back(pytester: pytest.Pytester) -> None:
    assert kept(pytester, "return 'caf\\udce9'")
    [file] = (pytester.path / "kept").iterdir()
    assert set(json.loads(file.read_text())["runs"][0]["outcomes"]) == {"caf\\udce9"}
    report = CliRunner().invoke(cli, ["report", str(pytester.path / "kept"), "--json", "-"])
    assert report.exit_code == 0, report.output


def test_the_long_name_of_an_outcome_is_kept_shortened_and_read_back(pytester: pytest.Pytester) -> None:
    [entry] = kept(pytester, "return 'y' * 100_000")
    assert entry.run is not None
    assert set(entry.run.outcomes) == {"y" * 200 + "... and 99,800 characters more"}


ENDS = """
    import pytest

    @pytest.fixture
    def closes():
        yield
        {closes}

    {marked}
    @pytest.mark.stress(cpus=2)
    def test_it(stress, closes):
        @stress.thread
        def change(cpu):
            {body}

        {run}
"""


def kept_of(pytester: pytest.Pytester, *arguments: str, **source: str) -> Entry | None:
    """What is kept of one test that ends in another way than its run does."""
    pytester.makepyfile(ENDS.format(**{"closes": "pass", "marked": "", "body": "pass", "run": "stress.run()"} | source))
    pytester.runpytest_inprocess(*SMALL, "--stress-results", "kept", *arguments, no_reraise_ctrlc=True)
    found = [entry for source in gather([pytester.path / "kept"]) for entry in source.entries] if kept_files() else []
    return found[0] if found else None


def kept_files() -> list[Path]:
    """The run files of a test."""
    return list(Path("kept").iterdir())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"run": "stress.run(); assert 1 == 2, 'sum'"}, "a check after the run failed: AssertionError: sum"),
        ({"closes": "raise OSError('open')"}, "the teardown failed: OSError: open"),
    ],
)
def test_a_check_that_fails_after_a_run_that_held_is_a_violation(
    source: dict[str, str], reason: str, pytester: pytest.Pytester
) -> None:
    entry = kept_of(pytester, **source)
    assert entry is not None
    assert entry.run is not None
    assert (entry.run.verdict, entry.run.expect, entry.run.as_expected) == ("violated", "held", False)
    assert entry.run.reason == reason
    assert entry.run.violations == entry.run.outcomes[f"raised {reason.split(': ')[1]}"] == 1
    assert not entry.run.interrupted


RAISES = "raise ValueError"
EXPECTING = "with pytest.raises(BaseExceptionGroup): stress.run()"


@pytest.mark.parametrize(
    ("marked", "body", "run", "verdict", "expect"),
    [
        ("@pytest.mark.xfail(strict=True)", "pass", "stress.run()", "held", "violated"),
        ("@pytest.mark.xfail(strict=False)", "pass", "stress.run()", "held", "held"),
        ("@pytest.mark.xfail(strict=True)", RAISES, "stress.run()", "violated", "violated"),
        ("@pytest.mark.xfail(strict=True)", "pass", "stress.run(); assert 0", "violated", "violated"),
        ("@pytest.mark.xfail(raises=KeyError)", RAISES, "stress.run()", "violated", "held"),
        ("", RAISES, EXPECTING, "violated", "violated"),
        ("", "pass", EXPECTING, "violated", "held"),
        ("", "pass", "stress.run(); pytest.xfail('known')", "violated", "violated"),
    ],
)
def test_what_pytest_accepts_is_as_expected(
    marked: str, body: str, run: str, verdict: str, expect: str, pytester: pytest.Pytester
) -> None:
    entry = kept_of(pytester, marked=marked, body=body, run=run)
    assert entry is not None
    assert entry.run is not None
    assert (entry.run.verdict, entry.run.expect) == (verdict, expect)


@pytest.mark.parametrize("run", ["stress.run(); pytest.skip('not here')", "pytest.fail('before it')"])
def test_nothing_is_kept_of_a_test_that_is_skipped_or_never_runs(run: str, pytester: pytest.Pytester) -> None:
    assert kept_of(pytester, run=run) is None


INTERRUPTED = """handler = signal.signal(signal.SIGUSR1, ends)
        try:
            stress.run()
        finally:
            signal.signal(signal.SIGUSR1, handler)"""
ENDING = """import os, signal
    done = []

    def ends(number, frame):
        raise {error}"""
ONCE = "cpu.number or done or (done.append(1), os.kill(os.getpid(), signal.SIGUSR1)) and None"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("KeyboardInterrupt", "interrupted after "),
        ("TimeoutError('alarm')", "TimeoutError: alarm after "),
        ("pytest.exit.Exception('enough')", "Exit: enough after "),
    ],
)
@pytest.mark.parametrize("cpus", ["1", "2"])  # of one nothing overlaps
def test_what_ends_a_run_from_outside_leaves_it_inconclusive(
    cpus: str, error: str, told: str, pytester: pytest.Pytester
) -> None:
    source = {"marked": ENDING.format(error=error), "body": ONCE, "run": INTERRUPTED}
    entry = kept_of(pytester, "--stress-duration", "60s", "--stress-cpus", cpus, **source)
    assert entry is not None
    assert entry.run is not None
    assert (entry.run.verdict, entry.run.as_expected, entry.run.interrupted) == ("inconclusive", False, True)
    assert entry.run.reason.startswith(told)
    assert entry.run.reason.endswith(" of 1 min, before any fault was seen")
    [_] = kept_files()
