"""The methods that `benchmarks.marks` compares: each puts one writer and three readers on a race, for a second.

All start from a fresh object, and end when the bug shows or the time is up.
"""

import contextlib
import io
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import run_parallel
from benchmarks.peers.races import RIGHT, Race
from benchmarks.witness import READERS, SECONDS, THREADS, WRITERS, Body, Witness
from stress.machine.python_engine import switching
from stress.marks.cell import Cell, fresh_seed
from stress.marks.code_under_test import CodeUnderTest
from stress.marks.cpu import StressCpu
from stress.marks.fixture import Stress
from stress.marks.noise import SHORT_INTERVAL

BARE_TIMES = 100
"""Calls of a body between two looks at the clock."""
RACECHECK_TIMES = 3000
"""Calls of a body in one operation of a trial: of 1 to 10,000 those that find most, and soonest."""
SHOWN = ("VIOLATED", "RAISED")
"""How a stress mark begins to tell of what its bodies saw."""
ENDLESS = 10**9
ITERATIONS = 1000
"""More than fit into the time; those that are left over do nothing."""
PEERS = Path(peers.__file__).parent

MakeRace = Callable[[], Race]


class NothingMeasuredError(Exception):
    """A method did not do what it is there for, so that its attempt says nothing."""


class TimeUpError(Exception):
    """Ends racecheck's trials."""


def ours(make: MakeRace, seconds: float = SECONDS) -> Witness:
    """A test with the fixture `stress` under `pytest -x`, from its first line: the fixture was set up before.

    Raises:
        NothingMeasuredError: when it did not tell what its bodies saw, or tells of something else.
    """
    cell = Cell(THREADS, seconds, fresh_seed())
    with Stress(cell, "benchmarks.marks", True, CodeUnderTest(PEERS), print) as stress:
        race, witness = make(), Witness(seconds)

        @stress.writer(count=WRITERS)
        def write(cpu: StressCpu) -> str | None:
            return witness.call(race.write)

        @stress.reader(count=READERS)
        def read(cpu: StressCpu) -> str | None:
            return witness.call(race.read)

        told = failure(stress)
    if told if witness.first is None else not told.startswith(SHOWN):
        raise NothingMeasuredError(told)
    return witness


def failure(stress: Stress) -> str:
    """Run a test's roles; what it fails with, empty if it does not."""
    try:
        stress.run(acceptable={RIGHT})
    except BaseExceptionGroup as group:
        return group.message
    except pytest.fail.Exception as failed:
        return str(failed.msg)
    return ""


def bodies(race: Race) -> list[Body]:
    """What each thread calls."""
    return [race.write] * WRITERS + [race.read] * READERS


def bare(make: MakeRace, seconds: float = SECONDS) -> Witness:
    """Threads in loops, at a short switch interval."""
    race, witness = make(), Witness(seconds)

    def loop(body: Body) -> None:
        with contextlib.suppress(Exception):
            while not witness.is_over():
                witness.turn(body, BARE_TIMES)

    threads = [threading.Thread(target=loop, args=(body,)) for body in bodies(race)]
    with switching(SHORT_INTERVAL):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return witness


def racecheck(make: MakeRace, seconds: float = SECONDS) -> Witness:
    """Trials of racecheck, each with a fresh race and threads of its own, as many as fit into the time."""
    from racecheck import check

    witness = Witness(seconds)

    def setup() -> Race:
        if witness.is_over():
            raise TimeUpError
        return make()

    def write(race: Race) -> None:
        witness.turn(race.write, RACECHECK_TIMES)

    def read(race: Race) -> None:
        witness.turn(race.read, RACECHECK_TIMES)

    with contextlib.suppress(TimeUpError):
        check(
            setup=setup,
            ops=[write] * WRITERS + [read] * READERS,
            invariant=lambda race: race.read() == RIGHT,
            trials=ENDLESS,
            warn_on_gil=False,
        )
    return witness


class Given:
    """A pytest plugin with the fixtures of `peers/run_parallel.py`: a race, its witness, which threads there were."""

    def __init__(self, make: MakeRace, seconds: float) -> None:
        """Nothing is made before the test."""
        self._make, self._seconds = make, seconds
        self.witnesses: list[Witness] = []
        self.threads: set[int] = set()

    @pytest.fixture
    def race(self) -> Race:
        """One for all threads and iterations."""
        return self._make()

    @pytest.fixture
    def witness(self) -> Witness:
        """Its time runs from here; the threads start next."""
        self.witnesses.append(Witness(self._seconds))
        return self.witnesses[-1]

    @pytest.fixture
    def seen(self) -> set[int]:
        """The index of each thread."""
        return self.threads


def parallel(make: MakeRace, seconds: float = SECONDS) -> Witness:
    """A run of pytest with pytest-run-parallel, without the settings and plugins of this checkout.

    Raises:
        NothingMeasuredError: when it did not run the test in all threads.
    """
    given, out = Given(make, seconds), io.StringIO()
    alone = [f"--rootdir={PEERS}", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:stress"]
    threads = [f"--parallel-threads={THREADS}", f"--iterations={ITERATIONS}"]
    with contextlib.redirect_stdout(out):
        pytest.main([run_parallel.__file__, *alone, *threads], plugins=[given])
    if len(given.witnesses) != 1 or given.threads != set(range(THREADS)):
        raise NothingMeasuredError(out.getvalue())
    return given.witnesses[0]


METHODS: dict[str, Callable[[MakeRace], Witness]] = {
    "stress mark": ours,
    "bare threads": bare,
    "racecheck": racecheck,
    "pytest-run-parallel": parallel,
}
NEEDS = {"racecheck": "racecheck", "pytest-run-parallel": "pytest_run_parallel"}
"""The module that a method needs, where it needs one."""


def is_installed(method: str) -> bool:
    """Whether what a method needs is there."""
    return method not in NEEDS or find_spec(NEEDS[method]) is not None
