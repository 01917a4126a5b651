"""The setting `stress_cores`: what an item does while another stress run has the host's cores."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stress.host.cores import SETTING
from stress.host.lock_folder import NAMED
from tests.plugin.holders import HOLD, end, started
from tests.plugin.marked import MARKED, QUIET

BRIEFLY = HOLD.replace("sleep(60)", "sleep(4)")


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    """A test file, and a folder of the test's own for locks."""
    monkeypatch.setenv(NAMED, str(tmp_path / "locks"))
    monkeypatch.delenv(SETTING, raising=False)
    pytester.makepyfile(MARKED.format(marked="cpus=2, duration='400ms'"))


@pytest.fixture
def holder(lock: None) -> Iterator["subprocess.Popen[str]"]:
    """A process that has the cores."""
    process = started(HOLD)
    yield process
    end(process)


def test_an_item_is_skipped_with_the_reason(pytester: pytest.Pytester, holder: "subprocess.Popen[str]") -> None:
    result = pytester.runpytest_inprocess(*QUIET, "-rs", "--stress-cores", "skip")
    result.assert_outcomes(skipped=1)
    reason = f"*stress_cores = skip: would share its cores with the stress run of process {holder.pid} (*"
    result.stdout.fnmatch_lines([reason])


def test_an_item_shares_and_says_so(pytester: pytest.Pytester, holder: "subprocess.Popen[str]") -> None:
    pytester.makeini("[pytest]\nstress_cores = share\n")
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*shares its cores with the stress run of process {holder.pid} (*"])


def test_an_item_waits_and_says_for_whom_after_a_second(pytester: pytest.Pytester, lock: None) -> None:
    process = started(BRIEFLY)
    result = pytester.runpytest_inprocess(*QUIET)
    process.communicate()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*waits for the stress run of process {process.pid} (*, which holds the host's *"])


@pytest.mark.parametrize("how", ["wait", "share", "skip"])
def test_an_item_that_has_the_cores_alone_says_nothing(how: str, pytester: pytest.Pytester, lock: None) -> None:
    result = pytester.runpytest_inprocess(*QUIET, "--stress-cores", how)
    result.assert_outcomes(passed=1)
    assert "stress run of" not in result.stdout.str()


def test_the_environment_comes_after_the_settings_file(
    pytester: pytest.Pytester, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "skip")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(skipped=1)
    pytester.makeini("[pytest]\nstress_cores = share\n")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "variable", "origin"),
    [(("--stress-cores", "some"), "", "--stress-cores"), ((), "some", "KSTRESS_CORES")],
)
def test_a_value_that_is_none_is_one_line(
    options: tuple[str, ...],
    variable: str,
    origin: str,
    pytester: pytest.Pytester,
    lock: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SETTING, variable)
    result = pytester.runpytest_inprocess(*QUIET, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = f"ERROR: {origin}: must be one of wait, share, skip (got 'some')"
    result.stderr.fnmatch_lines([told])
