"""How a soak ends before its time: signals, at every stage, and violations; its machine's process ends with it."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.frontdoor.command import called
from tests.frontdoor.soaking import (
    END,
    END_SECONDS,
    HOURS,
    STARTING,
    assert_ends,
    end_lines,
    facts,
    interval_lines,
    is_gone,
    manifest,
    running,
    samples,
    scenario_file,
    soak,
    the_run,
    wait_until,
    wait_until_gone,
)

WORK_SECONDS = 0.2


def stop(machine: psutil.Process) -> None:
    """Let the machine's process hang."""
    machine.send_signal(signal.SIGSTOP)
    wait_until(lambda: machine.status() == psutil.STATUS_STOPPED, "a process that is stopped")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_soak_with_the_verdict_so_far(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--cpus", "16", "--results", str(tmp_path)) as soaking:
        soaking.hear_interval()
        machine = soaking.machine()
        soaking.signal(number)
        assert_ends(soaking, machine, code)
    folder = the_run(tmp_path)
    assert manifest(folder)["status"] == "interrupted"
    assert " (interrupted): " in soaking.printed
    [last] = end_lines(soaking.printed)
    assert ", interrupted: " in last
    assert facts(last)["lookups"] == str(samples(folder)[-1]["standing"]["tally"]["lookups"])
    assert soaking.err.lines == []


def test_the_turn_that_a_signal_cuts_short_is_counted(tmp_path: Path) -> None:
    arguments = ("modlist_spinlock", *HOURS, "--interval", "1h", "--results", str(tmp_path))
    with running(*arguments) as soaking:
        folder = soaking.hear_directory()
        machine = soaking.machine()
        wait_until(lambda: machine.num_threads() > 3, "the threads of the CPUs")
        before = machine.cpu_times().user
        wait_until(lambda: machine.cpu_times().user > before + WORK_SECONDS, "work of the CPUs")
        soaking.signal(signal.SIGTERM)
        assert_ends(soaking, machine, 143)
    [sample] = samples(folder)
    assert sample["standing"]["tally"]["lookups"] > 0
    assert 0 < sample["standing"]["elapsed_s"] < END_SECONDS


def test_a_machine_that_hangs_is_killed_and_what_was_learnt_stays(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--results", str(tmp_path)) as soaking:
        soaking.hear_interval()
        machine = soaking.machine()
        stop(machine)
        soaking.signal(signal.SIGTERM)
        assert_ends(soaking, machine, 143)
    folder = the_run(tmp_path)
    assert manifest(folder)["status"] == "interrupted"
    [last] = end_lines(soaking.printed)
    assert facts(last)["lookups"] == str(samples(folder)[-1]["standing"]["tally"]["lookups"])


def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--results", str(tmp_path)) as soaking:
        soaking.hear_interval()
        machine = soaking.machine()
        stop(machine)
        soaking.signal(signal.SIGINT)
        soaking.signal(signal.SIGTERM)
        assert soaking.wait() == 143
        assert not is_gone(machine)
        machine.send_signal(signal.SIGCONT)
        wait_until_gone(machine)
    assert end_lines(soaking.printed) == []
    assert manifest(the_run(tmp_path))["status"] == "running"


def test_a_signal_while_the_machine_starts_is_an_ending_too(tmp_path: Path) -> None:
    with running("modlist_spinlock", *HOURS, "--results", str(tmp_path)) as soaking:
        soaking.out.hear(lambda line: STARTING in line)
        soaking.signal(signal.SIGTERM)
        assert soaking.wait() == 143
    assert f"{END}INCONCLUSIVE expected VIOLATED, interrupted: " in soaking.printed
    folder = the_run(tmp_path)
    assert samples(folder) == []
    resumed = called("soak", "--resume", str(folder), "--duration", "500ms")
    assert resumed.returncode == 0, resumed.stderr
    assert manifest(folder)["status"] == "complete"


def test_a_verdict_other_than_expected_comes_before_a_signal(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, "lock_held", expect="held")
    with running(str(path), *HOURS, "--results", str(tmp_path)) as soaking:
        while not interval_lines(soaking.out.lines) or interval_lines(soaking.out.lines)[-1][3] == 0:
            soaking.hear_interval()
        soaking.signal(signal.SIGINT)
        assert soaking.wait() == 1
    assert f"{END}VIOLATED expected HELD, interrupted: scenario={path} " in soaking.printed
    assert manifest(the_run(tmp_path))["status"] == "interrupted"


def test_stop_on_violation_ends_a_scenario_and_the_others_go_on(tmp_path: Path) -> None:
    names = ("modlist_spinlock", "stop_machine")
    done = soak(tmp_path, *names, *HOURS, "--duration", "2s", "--stop-on-violation")
    assert done.returncode in (0, 3), done.stderr
    standings = [sample["standing"] for sample in samples(the_run(tmp_path))]
    violated = [standing for standing in standings if standing["scenario"] == "modlist_spinlock"]
    assert [standing["done"] for standing in violated] == [False] * (len(violated) - 1) + [True]
    assert violated[-1]["tally"]["violations"] > 0
    assert standings[-1]["scenario"] == "stop_machine"
    assert standings[-1]["elapsed_s"] >= 1.9
    assert "BUG: kstress: " in done.stdout


def test_a_soak_ends_when_all_its_scenarios_have(tmp_path: Path) -> None:
    done = soak(tmp_path, "modlist_spinlock", *HOURS, "--stop-on-violation")
    assert done.returncode == 0, done.stderr
    [last] = end_lines(done.stdout)
    assert last.startswith(f"{END}VIOLATED as expected, complete: ")
    assert float(facts(last)["elapsed_s"]) < 1800
    assert manifest(the_run(tmp_path))["status"] == "complete"


def test_a_stall_ends_a_scenario_and_is_told_in_full(tmp_path: Path) -> None:
    times = ("--duration", "1h", "--interval", "500ms", "--stall-after", "1s")
    done = soak(tmp_path, "oops_locked", "--engine", "python", *times)
    assert done.returncode == 0, done.stderr
    assert "\nstall: " in done.stdout
    assert [line for line in end_lines(done.stdout) if line.startswith(f"{END}STALLED as expected, complete: ")]
    last = samples(the_run(tmp_path))[-1]["standing"]
    assert last["done"]
    assert last["stall"]["json"]["cpus"]
    shown = called("report", str(the_run(tmp_path)), "--csv", "/dev/null")
    assert end_lines(shown.stdout) == end_lines(done.stdout)
