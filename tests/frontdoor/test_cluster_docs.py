"""docs/cluster.md: its commands, from nothing to a report, are run on this host; its Python too."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import psutil
import pytest

from benchmarks.loopback import CORES, HERE, Cluster, Worker
from stress.cli import cli
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment, kstress
from tests.frontdoor.soaking import running, wait_until
from tests.frontdoor.sweeping import all_once, cells, times_of_cells

pytest.importorskip("distributed")

pytestmark = pytest.mark.cluster

TEXT = (CHECKOUT / "docs" / "cluster.md").read_text()
COMMANDS = [line.strip().removesuffix(" &") for line in TEXT.splitlines() if line.startswith("    ")]
ADDRESS, FOLDER = "tcp://192.0.2.1:8786", "results/sweep-20260105-220000-4711"
SHORT = ("--duration", "100ms", "--repeat", "2")


def of(beginning: str) -> list[str]:
    """The words of the first command that begins so."""
    return shlex.split(next(line for line in COMMANDS if line.startswith(beginning)))


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("kstress ")])
def test_every_command_is_taken(line: str) -> None:
    name, *words = shlex.split(line)[1:]
    command: Any = cli.commands[name]
    assert isinstance(command, click.Command)
    command.make_context(name, words)


class Documented(Cluster):
    """A cluster that is started by the documented commands, which are told besides to stay on this host."""

    def start(self, command: Sequence[str], name: str) -> Worker:
        """Run a command of dask, with the address that there is and this host's cores."""
        words = [word.replace(ADDRESS, self.address) for word in command]
        words = [str(CORES[0]) if re.fullmatch(r"\d+-\d+", word) else word for word in words]
        at = words.index("dask")
        python = (sys.executable, "-m", "dask", *words[at + 1 :], *HERE, "--local-directory", str(self.place))
        started = Worker(self.place / f"{name}.log", (*words[:at], *python), self.place, {})
        self._workers.append(started)
        return started


@pytest.fixture
def documented(tmp_path: Path) -> Iterator[Documented]:
    made = Documented(tmp_path / "cluster")
    yield made
    made.close()


def test_from_nothing_to_a_report(documented: Documented, tmp_path: Path) -> None:
    assert of("dask scheduler") == ["dask", "scheduler"]
    workers = [documented.start(of("dask worker"), "plain"), documented.start(of("taskset"), "pinned")]
    line = of("kstress sweep modlist_spinlock stop_machine --cpus 2,4,8 --engine python")
    arguments = [word.replace(ADDRESS, documented.address) for word in line[2:]]
    assert len({worker.address for worker in workers}) == 2  # both are there, so that the sweep is not over first
    with running(*arguments, *SHORT, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 1, "a cell")
        kill_what_nannies_keep(workers)
        sweeping.out.hear(lambda line: len(those_that_work(sweeping.out.lines)) == 3)
        sweeping.process.kill()
        sweeping.wait()
    known = {ADDRESS: documented.address, FOLDER: str(folder)}
    for line in (of("kstress sweep --resume"), of("kstress report")):
        done = kstress(*(known.get(word, word) for word in line[1:]), cwd=tmp_path)
        assert done.returncode in (0, 1, 3), done.stderr
    assert times_of_cells(folder) == all_once(6, 2)
    documented.scheduler.kill()
    wait_until(lambda: all(worker.process.poll() is not None for worker in workers), "nannies without a scheduler")


def those_that_work(lines: Sequence[str]) -> list[str]:
    """The lines that tell of a worker, when it comes, that it works."""
    return [line for line in lines if line.endswith(" works")]


def kill_what_nannies_keep(workers: Sequence[Worker]) -> None:
    """kill -9 of the worker that each nanny has started."""
    for worker in workers:
        for process in psutil.Process(worker.process.pid).children():
            if "spawn_main" in " ".join(process.cmdline()):
                process.kill()


def test_the_python_does_what_it_says(documented: Documented, tmp_path: Path) -> None:
    documented.start(of("dask worker"), "worker")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "on_executor" in block]
    code = code.replace(ADDRESS, documented.address).replace('"scheduler.json"', repr(str(documented.file)))
    (tmp_path / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / "results").iterdir())
    assert [times_of_cells(folder) for folder in folders] == [all_once(2, 2)] * 2
    who = [{cell["worker"].split()[0] for cell in cells(folder)} for folder in folders]
    assert ["a" in workers for workers in who].count(True) == 1, "one of them was run by the executor"


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_every_python_is_python(block: str) -> None:
    compile(block, "docs/cluster.md", "exec")
