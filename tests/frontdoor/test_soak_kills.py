"""kill -9 of a soak, as a power loss would be: what is on the disk can be read and added to, and little is lost."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import psutil

from tests.frontdoor.command import called, kstress
from tests.frontdoor.soaking import (
    END,
    SHORT,
    Running,
    end_lines,
    facts,
    interval_lines,
    manifest,
    on_disk,
    running,
    samples,
    the_run,
    wait_until,
    wait_until_gone,
)

INTERVAL_SECONDS = 0.5
SLACK_SECONDS = 2.0
"""What boots, syncs and a busy machine may take in a session of a few seconds besides the intervals."""
WORK_SECONDS = 0.1
DURATION = 4.0
TORN_BYTES = 20_000
"""More than a sample has: what is written next does not cover it."""
COUNTS = ("lookups", "loads", "unloads", "race_windows")


def when_it_begins(soaking: Running, machine: psutil.Process) -> None:
    """Before anything was written in this session."""


def after_an_interval(soaking: Running, machine: psutil.Process) -> None:
    """Just when an interval was told."""
    soaking.hear_interval()


def within_an_interval(soaking: Running, machine: psutil.Process) -> None:
    """While the second interval goes on."""
    soaking.hear_interval()
    before = machine.cpu_times().user
    wait_until(lambda: machine.cpu_times().user > before + WORK_SECONDS, "work of the CPUs")


@attrs.frozen
class Killed:
    """A session that was killed: what it had printed, and how many seconds it had worked at least."""

    lines: list[str]
    seconds: float


def kill(arguments: list[str], moment: Callable[[Running, psutil.Process], None]) -> Killed:
    """Run a session up to a moment and kill its own process; its machine's process ends by itself."""
    with running(*arguments) as soaking:
        soaking.hear_directory()
        began = time.monotonic()
        machine = soaking.machine()
        moment(soaking, machine)
        killed = time.monotonic()
        soaking.signal(signal.SIGKILL)
        assert soaking.wait() == -signal.SIGKILL
        wait_until_gone(machine)
        return Killed(soaking.out.lines, killed - began)


def elapsed(folder: Path) -> float:
    """Seconds of the soak that are on the disk."""
    return max([sample["standing"]["elapsed_s"] for sample in samples(folder)], default=0.0)


def assert_little_is_lost(folder: Path, number: int, killed: Killed, before: float) -> None:
    """Every line that session `number` printed is on the disk, and of its time all but an interval."""
    mine = [line for sample, line in zip(samples(folder), on_disk(folder), strict=True) if sample["session"] == number]
    printed = interval_lines(killed.lines)
    assert mine[: len(printed)] == printed
    assert elapsed(folder) >= before + killed.seconds - INTERVAL_SECONDS - SLACK_SECONDS


def assert_readable(folder: Path) -> None:
    """`kstress report` says what the last sample has, and that nobody said how the soak has ended."""
    done = called("report", str(folder), "--csv", "/dev/null")
    assert done.returncode == 0, done.stderr
    [last] = end_lines(done.stdout)
    assert ", killed: " in last
    assert facts(last)["lookups"] == str(samples(folder)[-1]["standing"]["tally"]["lookups"])


def test_a_soak_that_is_killed_again_and_again_loses_at_most_an_interval_each_time(tmp_path: Path) -> None:
    new = ["stop_machine", *SHORT, "--duration", f"{DURATION:g}s", "--results", str(tmp_path)]
    before: list[dict[str, Any]] = []
    seconds, arguments = 0.0, new
    for number, moment in enumerate((within_an_interval, when_it_begins, after_an_interval)):
        killed = kill(arguments, moment)
        folder = the_run(tmp_path)
        assert_little_is_lost(folder, number, killed, seconds)
        assert manifest(folder)["status"] == "running"
        assert len(manifest(folder)["sessions"]) == number + 1
        assert samples(folder)[: len(before)] == before
        before, seconds, arguments = samples(folder), elapsed(folder), ["--resume", str(folder)]
    assert_readable(folder)
    done = called("soak", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    assert_resumed_to_the_end(folder, done.stdout, before)


def assert_resumed_to_the_end(folder: Path, text: str, before: list[dict[str, Any]]) -> None:
    """The soak has gone on from `before` with the same counts until its time was up."""
    now = samples(folder)
    assert now[: len(before)] == before
    assert len(now) > len(before)
    assert [sample["session"] for sample in now] == sorted(sample["session"] for sample in now)
    for name in COUNTS:
        counts = [sample["standing"]["tally"][name] for sample in now]
        assert counts == sorted(counts)
        assert facts(text.splitlines()[-1])[name] == str(counts[-1])
    assert now[-1]["session"] == 3
    assert now[-1]["standing"]["slices"] > now[len(before) - 1]["standing"]["slices"]
    assert DURATION - 0.1 <= elapsed(folder) < DURATION + SLACK_SECONDS
    assert manifest(folder)["status"] == "complete"
    [last] = end_lines(text)
    assert last.startswith(f"{END}HELD as expected, complete: ")
    assert facts(last)["sessions"] == "4"


def test_the_machine_of_a_soak_that_was_killed_ends_in_the_middle_of_a_turn(tmp_path: Path) -> None:
    arguments = ["stop_machine", *SHORT, "--interval", "1h", "--duration", "2h", "--results", str(tmp_path)]
    kill(arguments, lambda soaking, machine: wait_until(lambda: machine.num_threads() > 3, "the threads of the CPUs"))
    assert samples(the_run(tmp_path)) == []
    shown = called("report", str(the_run(tmp_path)), "--csv", "/dev/null")
    assert shown.returncode == 0, shown.stderr
    assert f"{END}INCONCLUSIVE expected HELD, killed: " in shown.stdout


def test_a_torn_line_is_left_out_and_then_written_over(tmp_path: Path) -> None:
    done = kstress("soak", "stop_machine", *SHORT, "--duration", "500ms", "--results", str(tmp_path))
    assert done.returncode in (0, 3), done.stderr
    folder = the_run(tmp_path)
    path = folder / "samples.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at":"' + bytes(TORN_BYTES))
    shown = called("report", str(folder), "--csv", "/dev/null")
    assert shown.stdout.splitlines()[-1] == done.stdout.splitlines()[-1]
    again = called("soak", "--resume", str(folder), "--duration", f"{round(elapsed(folder) * 1000) + 400}ms")
    assert again.returncode in (0, 3), again.stderr
    assert path.read_bytes().startswith(whole)
    assert path.read_bytes().endswith(b"}\n")
    assert [sample["session"] for sample in samples(folder)][-1] == 1
