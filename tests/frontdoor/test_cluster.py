"""`kstress sweep --scheduler`: on real workers of dask every cell once, each alone, whoever comes, goes or is unfit."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.loopback import CORES, Cluster, Worker, cluster, workers_of
from stress import Matrix, on_cluster
from stress import sweep as run_sweep
from stress.campaign.workers import cluster as clusters
from stress.campaign.workers.cluster import connect
from stress.corpus.files import BUNDLED
from stress.errors import UserError
from stress.extras import install_hint
from stress.host.lock_folder import NAMED
from tests.campaign.workers.made import Counting
from tests.frontdoor.command import CHECKOUT, kstress
from tests.frontdoor.soaking import assert_fails, manifest, running, wait_until, wait_until_gone
from tests.frontdoor.sweeping import all_once, cells, sweep, the_sweep, times_of_cells
from tests.frontdoor.witnesses import witness, witnesses

pytest.importorskip("distributed")

pytestmark = pytest.mark.cluster
needs_two_cores = pytest.mark.skipif(len(CORES) < 2, reason="there is one core")

SHORT = ("--engine", "python", "--duration", "200ms", "--seed", "7")


class Pair:
    """A cluster with a worker on each of two cores; the first has four threads.

    Their locks of cores are their own: somebody who had one and waited for the other would keep two cells from meeting.
    """

    def __init__(self, place: Path) -> None:
        """Start it."""
        self.cluster, self.own = Cluster(place), {NAMED: str(place / "locks")}
        try:
            first = self.cluster.worker(CORES[0], threads=4, more=self.own)
            self.workers = [first, self.cluster.worker(CORES[-1], more=self.own)]
            self.flag = ("--scheduler", self.cluster.address)
            self.addresses = {worker.address for worker in self.workers}
        except BaseException:
            self.cluster.close()
            raise


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("cluster"))
    yield made
    made.cluster.close()


@needs_two_cores
def test_every_cell_runs_once_alone_on_its_cores_in_a_process_of_its_own(pair: Pair, tmp_path: Path) -> None:
    scenario = str(witness(tmp_path, meeting=2))
    done = sweep(tmp_path / "results", scenario, *SHORT, "--cpus", "2,3", "--repeat", "3", *pair.flag)
    assert done.returncode in (0, 1, 3), done.stderr
    ended = cells(the_sweep(tmp_path / "results"))
    assert times_of_cells(the_sweep(tmp_path / "results")) == all_once(2, 3)
    assert workers_of(ended) == pair.addresses
    told = witnesses(tmp_path)
    assert len({one.pid for one in told}) == len(ended) == 6
    assert {one.worker for one in told} == {worker.process.pid for worker in pair.workers}
    assert all(one.alone for one in told)
    assert all(one.met for one in told), "workers on different cores do not wait for each other"


@needs_two_cores
def test_each_run_has_the_conditions_of_the_worker_that_ran_it_and_the_report_says_so(
    pair: Pair, tmp_path: Path
) -> None:
    done = sweep(tmp_path, "modlist_spinlock", *SHORT, "--cpus", "2,3", "--repeat", "2", *pair.flag)
    assert done.returncode in (0, 1, 3), done.stderr
    folder = the_sweep(tmp_path)
    where = {(cell["worker"].split()[0], *cell["run"]["conditions"]["affinity"]) for cell in cells(folder)}
    assert where == {(pair.workers[0].address, CORES[0]), (pair.workers[1].address, CORES[-1])}
    page = kstress("report", str(folder), "--markdown", "-")
    assert page.returncode == 0, page.stderr
    for address in pair.addresses:
        [host] = [line for line in page.stdout.splitlines() if line.startswith("* ") and address in line]
        assert "cores 1 (may use" in host


def test_from_python_no_worker_has_two_cells_however_many_threads_it_has(pair: Pair, tmp_path: Path) -> None:
    matrix = Matrix(scenarios=("modlist_spinlock",), axes={"engine": ("python",)}, repeat=6, duration_s=0.1)
    watcher = Counting()
    ending = run_sweep(matrix, tmp_path, watcher, workers=on_cluster(str(pair.cluster.file)))
    assert times_of_cells(ending.swept.folder) == all_once(1, 6)
    assert (watcher.most, watcher.under_way) == (2, 0)


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "interrupted"), (signal.SIGKILL, -9, "running")],
)
def test_a_signal_ends_it_at_once_on_the_workers_too_and_the_rest_can_be_run(
    number: signal.Signals, code: int, status: str, pair: Pair, tmp_path: Path
) -> None:
    arguments = ("modlist_spinlock", "--engine", "python", "--cpus", "2", "--duration", "1h", "--repeat", "3")
    with running(*arguments, *pair.flag, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        under_way = cells_under_way(pair.workers)
        sweeping.signal(number)
        assert sweeping.wait() == code
    for process in under_way:
        wait_until_gone(process)
    assert (manifest(folder)["status"], cells(folder)) == (status, [])
    assert all(worker.process.poll() is None for worker in pair.workers)


def cells_under_way(workers: list[Worker]) -> list[psutil.Process]:
    """The processes of the cells, once each worker has one."""
    wait_until(lambda: all(len(worker.processes) == 2 for worker in workers), "a cell on each worker")
    return [process for worker in workers for process in worker.processes if has_no_child(process)]


def has_no_child(process: psutil.Process) -> bool:
    """Whether a process is there and has started none; what a worker starts on its way to a cell may be gone."""
    try:
        return not process.children()
    except psutil.NoSuchProcess:
        return False


def test_what_a_killed_worker_had_is_run_by_another(pair: Pair, tmp_path: Path) -> None:
    third = pair.cluster.worker(CORES[0], more=pair.own)
    arguments = ("modlist_spinlock", *SHORT, "--cpus", "2,3", "--repeat", "10")
    with running(*arguments, *pair.flag, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: third.address in workers_of(cells(folder)), "a cell of the worker that is killed")
        wait_until(lambda: len(third.processes) == 2, "another one")
        theirs = third.processes
        third.kill()
        assert sweeping.wait() in (0, 1, 3), sweeping.err.lines
    assert times_of_cells(folder) == all_once(2, 10)
    assert {cell["end"] for cell in cells(folder)} == {"done"}
    assert f"{third.address} on " in sweeping.printed
    for process in theirs:
        wait_until_gone(process)


def other_tree(place: Path, file: str, old: str, new: str) -> dict[str, str]:
    """The environment of a worker whose kstress differs in one file."""
    for folder in ("stress", "scenarios"):
        shutil.copytree(CHECKOUT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = place / file
    path.write_text(path.read_text().replace(old, new, 1))
    return {"PYTHONPATH": str(place)}


def of_another_version(place: Path) -> dict[str, str]:
    """The environment of a worker with another version of kstress."""
    facts = place / "kstress-99.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: kstress\nVersion: 99.0\n")
    return {"PYTHONPATH": f"{place}:{CHECKOUT}"}


def without(place: Path, package: str) -> dict[str, str]:
    """The environment of a process that has no such package."""
    place.mkdir(parents=True)
    (place / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    return {"PYTHONPATH": f"{place}:{CHECKOUT}"}


def test_workers_that_differ_are_told_of_and_get_nothing_while_the_others_work(pair: Pair, tmp_path: Path) -> None:
    environments = {
        "has kstress 99.0, and this is kstress": of_another_version(tmp_path / "version"),
        "the file of scenario modlist_spinlock, or of its twin, has changed: its digest is": other_tree(
            tmp_path / "scenario", "scenarios/modlist_spinlock.py", "protects", "shields"
        ),
        "the corpus that comes with kstress has changed: its digest is": other_tree(
            tmp_path / "corpus", f"stress/corpus/bundled/{BUNDLED.name}", "{", "{ "
        ),
        "kstress itself, its kernel, machine, programs or judge, has changed: its digest is": other_tree(
            tmp_path / "kernel", "stress/kernel/list.py", '"""', '""" '
        ),
    }
    unfit = {pair.cluster.worker(more=more): told for told, more in environments.items()}
    arguments = ("modlist_spinlock", *SHORT, "--cpus", "2,3", "--repeat", "500", *pair.flag)
    with running(*arguments, "--results", str(tmp_path / "r"), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        while sum("gets no work" in line for line in sweeping.out.lines) < len(unfit):
            sweeping.out.hear(lambda line: "gets no work" in line)
        wait_until(lambda: len(cells(folder)) > 3, "cells of the others")
        sweeping.signal(signal.SIGINT)
        assert sweeping.wait() == 130
    for worker, told in unfit.items():
        worker.kill()
        [line] = [line for line in sweeping.out.lines if line.startswith(worker.address)]
        assert told in line
        assert "gets no work" in line
    assert set(times_of_cells(folder).values()) == {1}
    assert workers_of(cells(folder)) <= pair.addresses


@pytest.mark.native
def test_a_worker_without_llvmlite_gets_no_native_cell(tmp_path: Path) -> None:
    with cluster(tmp_path / "cluster") as alone:
        alone.worker(more=without(tmp_path / "llvmlite", "llvmlite"))
        done = sweep(tmp_path / "r", "modlist_spinlock", "--engine", "native", "--scheduler", str(alone.file))
    assert done.returncode == 2
    assert "gets no work: --engine native needs llvmlite" in done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith(f"kstress: --scheduler: no worker of {alone.file} can do this")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "missing port number"),
        ("carrier-pigeon://127.0.0.1:1", "unknown address scheme 'carrier-pigeon'"),
        ("tcp://nosuch.invalid:8786", "gaierror"),
        ("tcp://127.0.0.1:1", "Timed out trying to connect"),
        ("tls://127.0.0.1:1", "TLS expects a `ssl_context`"),
        ("inproc://1", "ValueError"),
        ("x" * 5000, "missing port number"),
        ("file.json", "is not a file of a scheduler"),
        ("other.json", "is not a file of a scheduler"),
        (".", "missing port number"),
    ],
)
def test_a_scheduler_that_is_none_is_told_in_a_line(
    address: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.json").write_bytes(b"\xff")
    (tmp_path / "other.json").write_text(json.dumps({"address": 7}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1.0)
    with pytest.raises(UserError) as caught:
        connect(address)
    assert str(caught.value).startswith("--scheduler: ")
    assert str(caught.value).isprintable()
    assert told in str(caught.value)


def test_nothing_starts_without_a_scheduler(tmp_path: Path) -> None:
    done = kstress("sweep", "modlist_spinlock", *SHORT, "--scheduler", "", "--results", "r", cwd=tmp_path)
    assert_fails(done, "--scheduler: cannot reach ''", "give what dask scheduler prints")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    more = without(tmp_path / "distributed", "distributed")
    done = kstress("sweep", "modlist_spinlock", *SHORT, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path, **more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"kstress: --scheduler needs distributed; install with: {install_hint('cluster')}\n"
