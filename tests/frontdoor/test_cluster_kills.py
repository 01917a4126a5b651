"""Schedulers and workers that die, or come late: nothing that has ended is lost, what is left runs, nothing hangs."""

import signal
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.loopback import CORES, cluster, workers_of
from stress import on_cluster
from stress.campaign.workers import cluster as clusters
from stress.campaign.workers.pool import NoWorkersError
from tests.campaign.workers.made import ECHO
from tests.frontdoor.planting import planted
from tests.frontdoor.soaking import manifest, running, wait_until
from tests.frontdoor.sweeping import all_once, cells, last_facts, sweep, the_sweep, times_of_cells
from tests.frontdoor.witnesses import witness, witnesses

pytest.importorskip("distributed")

pytestmark = pytest.mark.cluster

QUICK = ("--engine", "python", "--duration", "100ms", "--seed", "7")
MANY = ("modlist_spinlock", *QUICK, "--cpus", "2,3", "--repeat", "10")
KILLS_ITS_WORKER = "import psutil; psutil.Process(os.getppid()).parent().kill()"


def test_a_sweep_whose_scheduler_was_killed_goes_on_with_another(tmp_path: Path) -> None:
    with cluster(tmp_path / "first") as first:
        worker = first.worker()
        with running(*MANY, "--scheduler", str(first.file), "--results", str(tmp_path / "r"), verb="sweep") as sweeping:
            folder = sweeping.hear_directory()
            wait_until(lambda: len(cells(folder)) >= 3, "three cells")
            first.scheduler.kill()
            assert sweeping.wait() == 2
        wait_until(lambda: worker.process.poll() is not None, "the end of a worker without a scheduler")
    [line] = sweeping.err.lines
    assert f"--scheduler: {first.file} is gone" in line
    assert "go on with --resume" in line
    assert last_facts(sweeping.printed)["ended"] == str(len(cells(folder)))
    before = (folder / "cells.jsonl").read_bytes()
    with cluster(tmp_path / "second") as second:
        second.worker()
        done = sweep_on(folder, second.address)
    assert done in (0, 1, 3)
    assert (folder / "cells.jsonl").read_bytes().startswith(before)
    assert times_of_cells(folder) == all_once(2, 10)
    assert {cell["end"] for cell in cells(folder)} == {"done"}


def sweep_on(folder: Path, address: str) -> int:
    """Run what is left on the workers of a scheduler; the exit code."""
    with running("--resume", str(folder), "--scheduler", address, verb="sweep") as sweeping:
        return sweeping.wait()


@pytest.mark.thorough
def test_workers_that_come_late_are_used_and_on_the_same_core_they_wait_for_each_other(tmp_path: Path) -> None:
    scenario = str(witness(tmp_path))
    arguments = (scenario, *QUICK, "--cpus", "2", "--repeat", "12", "--results", str(tmp_path / "r"))
    with cluster(tmp_path / "cluster") as made:
        with running(*arguments, "--scheduler", made.address, verb="sweep") as sweeping:
            line = sweeping.out.hear(lambda line: "waits for a worker" in line)
            assert line.endswith(f"this starts one: dask worker {made.address}")
            one = made.worker(CORES[0])
            folder = sweeping.hear_directory()
            wait_until(lambda: len(cells(folder)) >= 1, "a cell of the first")
            assert workers_of(cells(folder)) == {one.address}
            other = made.worker(CORES[0])
            assert sweeping.wait() in (0, 1, 3)
        assert workers_of(cells(folder)) == {one.address, other.address}
    assert times_of_cells(folder) == all_once(1, 12)
    assert all(told.alone for told in witnesses(tmp_path))


@pytest.mark.thorough
def test_a_cell_that_kills_each_worker_that_has_it_is_told_after_the_third_and_the_others_run(tmp_path: Path) -> None:
    deadly = str(planted(tmp_path, "deadly", KILLS_ITS_WORKER))
    with cluster(tmp_path / "cluster") as made:
        workers = [made.worker() for _ in range(4)]
        assert len({worker.address for worker in workers}) == 4
        arguments = (deadly, "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "1")
        done = sweep(tmp_path / "r", *arguments, "--scheduler", made.address)
        alive = [worker for worker in workers if worker.process.poll() is None]
    assert done.returncode == 4, done.stderr
    assert len(alive) == 1
    folder = the_sweep(tmp_path / "r")
    ended = {cell["number"]: cell for cell in cells(folder)}
    assert (ended[0]["end"], ended[1]["end"]) == ("crashed", "done")
    assert ended[0]["trouble"]["lines"][0] == (
        "FAILED: 3 workers did not bring this cell back, the last one: it has left the cluster"
    )
    assert last_facts(done.stdout)["crashed"] == "1"
    assert times_of_cells(folder) == all_once(2, 1)


def test_a_sweep_that_waits_for_a_worker_ends_at_a_signal(tmp_path: Path) -> None:
    with cluster(tmp_path / "cluster") as made:
        arguments = (*MANY, "--scheduler", made.address, "--results", str(tmp_path / "r"))
        with running(*arguments, verb="sweep") as sweeping:
            sweeping.out.hear(lambda line: "waits for a worker" in line)
            sweeping.signal(signal.SIGINT)
            assert sweeping.wait() == 130
    folder = the_sweep(tmp_path / "r")
    assert (manifest(folder)["status"], cells(folder)) == ("interrupted", [])


def test_a_scheduler_that_hangs_is_gone_before_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path) as made:
        made.worker()
        with closing(on_cluster(made.address)(ECHO, lambda text: None, lambda: False)) as pool:
            assert pool.has_room
            monkeypatch.setattr(clusters, "ANSWER_SECONDS", 1.0)  # one that is there has its time until now
            made.scheduler.process.send_signal(signal.SIGSTOP)
            with pytest.raises(NoWorkersError, match=r"is gone \(TimeoutError"):
                wait_until(lambda: pool.returned() is None, "the end")
