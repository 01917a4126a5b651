"""`kstress soak --scheduler`: turns of all workers are one soak, whichever of them dies, and it goes on anywhere."""

import signal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loopback import CORES, Cluster, cluster
from tests.frontdoor.command import kstress
from tests.frontdoor.soaking import (
    end_lines,
    facts,
    manifest,
    on_disk,
    running,
    samples,
    wait_until,
)  # fmt: skip
from tests.frontdoor.soaking import interval_lines as lines_of

pytest.importorskip("distributed")

pytestmark = pytest.mark.cluster

PAIR = ("modlist_spinlock", "stop_machine")
SHORT = ("--engine", "python", "--interval", "500ms", "--cpus", "3")
COUNTS = ("lookups", "unloads", "race_windows", "violations")


def workers_of(folder: Path) -> list[str | None]:
    """The worker of each sample."""
    sessions = manifest(folder)["sessions"]
    return [sessions[sample["session"]]["worker"] for sample in samples(folder)]


def assert_adds_up(folder: Path, text: str) -> None:
    """What is printed last is what the last sample of each scenario says, and counts only grow."""
    for line in end_lines(text):
        known = facts(line)
        mine: list[dict[str, Any]] = [
            sample["standing"] for sample in samples(folder) if sample["standing"]["scenario"] == known["scenario"]
        ]
        for name in COUNTS:
            counts = [standing["tally"][name] for standing in mine]
            assert counts == sorted(counts)
            assert known[name] == str(counts[-1])


def pinned(made: Cluster) -> list[str]:
    """Two workers with a core each, if there are two."""
    return [made.worker(core).address for core in (CORES[0], CORES[-1])]


def test_a_worker_that_is_killed_loses_its_turn_and_nothing_else_and_the_soak_goes_on_anywhere(tmp_path: Path) -> None:
    arguments = (*PAIR, *SHORT, "--duration", "1h", "--results", str(tmp_path / "r"))
    with cluster(tmp_path / "cluster") as made:
        workers = [made.worker(core) for core in (CORES[0], CORES[-1])]
        addresses = {worker.address for worker in workers}
        with running(*arguments, "--scheduler", str(made.file)) as soaking:
            folder = soaking.hear_directory()
            wait_until(lambda: len(set(workers_of(folder))) == 2, "a turn of each")
            workers[0].kill()
            lost = soaking.out.hear(lambda line: "did not return it" in line)
            assert f"{workers[0].address} on " in lost
            assert lost.endswith("it has left the cluster")
            soaking.hear_interval()
            soaking.signal(signal.SIGINT)
            assert soaking.wait() == 130
    assert lines_of(soaking.printed.splitlines()) == on_disk(folder)
    assert_adds_up(folder, soaking.printed)
    sessions = manifest(folder)["sessions"]
    assert {str(one["worker"]).partition(" on ")[0] for one in sessions[1:]} == addresses
    assert [one["conditions"]["affinity"] for one in sessions[1:]] != [sessions[0]["conditions"]["affinity"]] * 2
    assert facts(end_lines(soaking.printed)[0])["workers"] == "2"
    before = samples(folder)
    more = before[-1]["standing"]["elapsed_s"] + 3
    done = kstress("soak", "--resume", str(folder), "--duration", f"{more:.0f}s")
    assert done.returncode in (0, 3), done.stderr
    assert samples(folder)[: len(before)] == before
    assert_adds_up(folder, done.stdout)
    assert workers_of(folder)[-1] is None


@pytest.mark.thorough
def test_a_soak_whose_scheduler_is_killed_keeps_what_was_learnt_and_says_how_to_go_on(tmp_path: Path) -> None:
    arguments = (PAIR[0], *SHORT, "--duration", "60s", "--results", str(tmp_path / "r"))
    with cluster(tmp_path / "first") as first:
        pinned(first)
        with running(*arguments, "--scheduler", first.address) as soaking:
            folder = soaking.hear_directory()
            wait_until(lambda: len(samples(folder)) >= 2, "two turns")
            first.scheduler.kill()
            assert soaking.wait() == 2
    [line] = soaking.err.lines
    assert f"--scheduler: {first.address} is gone" in line
    assert "go on with --resume" in line
    assert manifest(folder)["status"] == "interrupted"
    assert_adds_up(folder, soaking.printed)
    before = samples(folder)
    elapsed = before[-1]["standing"]["elapsed_s"]
    with cluster(tmp_path / "second") as second:
        pinned(second)
        more = ("--duration", f"{elapsed + 3:.0f}s", "--scheduler", second.address)
        done = kstress("soak", "--resume", str(folder), *more)
    assert done.returncode in (0, 3), done.stderr
    assert samples(folder)[: len(before)] == before
    assert len(samples(folder)) > len(before)
    assert_adds_up(folder, done.stdout)
