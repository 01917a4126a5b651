"""A crash of the machine's process is a result that is told, not the loss of the soak."""

import json
import signal
from pathlib import Path

import pytest

from tests.frontdoor.command import kstress
from tests.frontdoor.soaking import END, HOURS, contents, end_lines, facts, manifest, running, samples, soak, the_run

PLANTED = Path(__file__).parent / "planted"
CRASHES = [
    ("python", "signals_itself", "in crash"),
    pytest.param(
        "native",
        "wild_peek",
        "in play",
        marks=pytest.mark.native,
    ),
]
DURATIONS = (2.0, 8.0, 32.0)
"""Seconds: the first is enough on most hosts; on a busy one fewer machines start in it than come before the crash."""


@pytest.mark.parametrize(("engine", "name", "where"), CRASHES)
def test_a_crash_ends_one_scenario_and_the_other_goes_on(engine: str, name: str, where: str, tmp_path: Path) -> None:
    planted, more = (
        str(PLANTED / f"{name}.py"),
        ("--interval", "500ms", "--engine", engine, "--seed", "7", "--cpus", "8"),
    )
    for seconds in DURATIONS:
        results = tmp_path / f"{seconds:g}"
        done = soak(results, planted, "stop_machine", "--duration", f"{seconds:g}s", "--seed", "7", *more)
        if done.returncode == 4:
            break
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    crashed, went_on = end_lines(done.stdout)
    assert crashed.startswith(f"{END}FAILED (the machine's process died of SIGSEGV), failed: scenario={planted} ")
    assert went_on.startswith((f"{END}HELD as expected, failed: ", f"{END}INCONCLUSIVE expected HELD, failed: "))
    assert "\nFAILED: the machine's process died of SIGSEGV\n" in done.stdout
    assert "\nFatal Python error: Segmentation fault\n" in done.stdout
    assert_counts_are_kept(the_run(results), name, crashed, seconds)
    assert_report_tells_it(the_run(results), done.stdout, where)


def assert_counts_are_kept(folder: Path, name: str, end_line: str, seconds: float) -> None:
    """What the crashed scenario counted before its last turn is its last word; the other took all turns that came."""
    standings = [sample["standing"] for sample in samples(folder)]
    *_, before, last = [standing for standing in standings if standing["scenario"] == name]
    assert before["failure"] is None
    assert last["failure"]["json"]["reason"] == "the machine's process died of SIGSEGV"
    assert last["done"]
    assert last["tally"] == before["tally"]
    assert facts(end_line)["lookups"] == str(before["tally"]["lookups"])
    assert before["tally"]["lookups"] > 0
    assert standings[-1]["scenario"] == "stop_machine"
    assert standings[-1]["elapsed_s"] >= seconds - 0.1
    assert manifest(folder)["status"] == "failed"


def assert_report_tells_it(folder: Path, printed: str, where: str) -> None:
    """`kstress report` says the same, as text and as JSON, where it crashed included."""
    done = kstress("report", str(folder), "--json", str(folder.parent / "report.json"))
    assert done.returncode == 0, done.stderr
    assert printed.endswith(done.stdout)
    crashed, went_on = json.loads((folder.parent / "report.json").read_text())["runs"]
    assert crashed["soak"]["failure"]["reason"] == "the machine's process died of SIGSEGV"
    words = crashed["soak"]["failure"]["last_words"]
    assert "Fatal Python error: Segmentation fault" in words
    assert any(where in line for line in words)
    assert went_on["soak"]["failure"] is None


def test_a_machine_that_is_killed_is_told_and_its_soak_goes_on_with_a_lost_turn(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--results", str(tmp_path)) as soaking:
        soaking.hear_interval()
        soaking.machine().send_signal(signal.SIGKILL)
        assert soaking.wait() == 4
    folder = the_run(tmp_path)
    [last] = end_lines(soaking.printed)
    assert last.startswith(f"{END}FAILED (the machine's process died of SIGKILL), failed: scenario=stop_machine ")
    assert int(facts(last)["lookups"]) == samples(folder)[0]["standing"]["tally"]["lookups"] > 0
    assert manifest(folder)["status"] == "failed"
    lines = contents(folder)["samples.jsonl"]
    longer = samples(folder)[-1]["standing"]["elapsed_s"] + 0.6
    again = kstress("soak", "--resume", str(folder), "--duration", f"{longer * 1000:.0f}ms")
    assert again.returncode in (0, 3), again.stderr
    assert contents(folder)["samples.jsonl"].startswith(lines)
    [end] = end_lines(again.stdout)
    assert int(facts(end)["lookups"]) > int(facts(last)["lookups"])
    assert facts(end)["lost_turns"] == "1"
    assert "lost turns    1, the last one: the machine's process died of SIGKILL" in again.stdout
    assert manifest(folder)["status"] == "complete"


def test_a_crash_before_anything_ran_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import signal, sys\n"
        "if 'stress.campaign.soak.child' in getattr(sys.modules['__main__'].__spec__, 'name', ''):\n"
        "    signal.raise_signal(signal.SIGSEGV)\n" + (PLANTED / "signals_itself.py").read_text()
    )
    done = soak(tmp_path / "results", str(path), *HOURS)
    assert done.returncode == 4
    assert "the machine's process died of SIGSEGV before anything ran" in done.stderr
    assert not (tmp_path / "results").exists()
