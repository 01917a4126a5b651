"""The methods that `benchmarks.marks` compares: each puts four threads on a shape, for a second.

All end when the fault shows or the time is up. Each has the settings that find most, and soonest, of those that were
tried; they are named here.
"""

import contextlib
import io
import os
import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from benchmarks.peers import run_parallel
from benchmarks.peers.shapes.shape import RIGHT, THREADS, Shape
from benchmarks.witness import HUNG_SECONDS, SECONDS, Witness
from stress.machine.gil import switching
from stress.marks.cell import Cell, fresh_seed
from stress.marks.fixture import Stress
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.operations.cpu import StressCpu

SHORT_INTERVAL = 1e-6
BARE_TIMES = 100
"""Calls of a body between two looks at the clock."""
ROUND_TIMES = 100
"""Calls of a body in one round, of a shape that is no shape of rounds."""
RACECHECK_TIMES = 3000
"""Calls of a body in one operation of a trial: of 1 to 10,000 those that find most, and soonest."""
FRONTRUN_TIMES = 3
SHOWN = ("VIOLATED", "RAISED", "STALLED")
"""How a stress mark begins to tell of what its bodies saw."""
ENDLESS = 10**9
ITERATIONS = 1000
"""More than fit into the time; those that are left over do nothing."""
PEERS = Path(peers.__file__).parent

Make = Callable[[], Any]


class NothingMeasuredError(Exception):
    """A method did not do what it is there for, so that its attempt says nothing."""


class TimeUpError(Exception):
    """Ends racecheck's trials."""


def ours(shape: Shape, make: Make, seconds: float = SECONDS, boot: bool = False) -> Witness:
    """A test with the fixture `stress` under `pytest -x`, from its first line, or `boot`: with the fixture's set-up.

    Raises:
        NothingMeasuredError: when it did not tell what its bodies saw, or tells of something else.
    """
    booting = Witness(shape, seconds)
    cell = Cell(THREADS, seconds, fresh_seed())
    with Stress(cell, "benchmarks.marks", True, CodeUnderTest(PEERS), print) as stress:
        witness = booting if boot else Witness(shape, seconds)
        told = in_rounds(stress, witness, make) if shape.in_rounds else in_loops(stress, witness, make())
    if shape.hangs and told.startswith("STALLED"):
        witness.note_hang()
    if told if witness.first is None else not told.startswith(SHOWN):
        raise NothingMeasuredError(told)
    return witness


def in_loops(stress: Stress, witness: Witness, subject: Any) -> str:
    """Run a shape of loops; what the test fails with."""

    @stress.thread
    def call(cpu: StressCpu) -> Any:
        return witness.call(cpu.number, subject)

    return failure(stress)


def in_rounds(stress: Stress, witness: Witness, make: Make) -> str:
    """Run a shape of rounds; what the test fails with."""
    stress.fresh(make)

    @stress.thread
    def call(cpu: StressCpu, subject: Any) -> Any:
        return witness.call(cpu.number, subject)

    if witness.shape.has_check:
        stress.final(witness.check)
    return failure(stress)


def failure(stress: Stress) -> str:
    """Run a test's roles; what it fails with, empty if it does not."""
    try:
        stress.run(acceptable={RIGHT})
    except BaseExceptionGroup as group:
        return group.message
    except pytest.fail.Exception as failed:
        return str(failed.msg)
    return ""


def run_threads(bodies: list[Callable[[], None]], witness: Witness) -> None:
    """Run a thread for each body, at a short switch interval; note it if they wait for ever."""

    def guarded(body: Callable[[], None]) -> None:
        with contextlib.suppress(Exception):
            body()

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    with switching(SHORT_INTERVAL):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(HUNG_SECONDS / 10)
                if witness.shape.hangs and witness.elapsed() - witness.last > HUNG_SECONDS:
                    witness.note_hang()
                    return


def bare(shape: Shape, make: Make, seconds: float = SECONDS) -> Witness:
    """Threads in loops."""
    subject, witness = make(), Witness(shape, seconds)

    def loop(number: int) -> None:
        while not witness.is_over():
            witness.turn(number, subject, 1 if shape.hangs else BARE_TIMES)

    run_threads([partial(loop, number) for number in range(THREADS)], witness)
    return witness


class BarrierRounds:
    """Rounds of threads that meet at two barriers, as one would write them by hand."""

    def __init__(self, witness: Witness, make: Make) -> None:
        """With the object of the first round."""
        self._witness, self._make = witness, make
        self._begins, self._ends = threading.Barrier(THREADS), threading.Barrier(THREADS)
        self._subject, self._returned = make(), list[Any]([None] * THREADS)
        self._times = 1 if witness.shape.in_rounds or witness.shape.hangs else ROUND_TIMES
        self._goes_on = True

    def run(self, number: int) -> None:
        """All rounds of one thread."""
        try:
            while True:
                self._begins.wait()
                if not self._goes_on:
                    return
                self._returned[number] = self._witness.turn(number, self._subject, self._times)
                if self._ends.wait() == 0:
                    self._witness.check(self._subject, self._returned)
                    self._subject, self._goes_on = self._make(), not self._witness.is_over()
        except BaseException:
            self._begins.abort()
            self._ends.abort()
            raise


def rounds(shape: Shape, make: Make, seconds: float = SECONDS) -> Witness:
    """Threads in rounds, a fresh object for each."""
    witness = Witness(shape, seconds)
    by_hand = BarrierRounds(witness, make)
    run_threads([partial(by_hand.run, number) for number in range(THREADS)], witness)
    return witness


def racecheck(shape: Shape, make: Make, seconds: float = SECONDS) -> Witness:
    """Trials of racecheck, each with a fresh object and threads of its own, as many as fit into the time."""
    from racecheck import check

    witness, returned = Witness(shape, seconds), [None] * THREADS
    times = 1 if shape.in_rounds or shape.hangs else RACECHECK_TIMES

    def setup() -> Any:
        if witness.is_over():
            raise TimeUpError
        return make()

    def operation(number: int, subject: Any) -> None:
        returned[number] = witness.turn(number, subject, times)

    try:
        check(
            setup=setup,
            ops=[partial(operation, number) for number in range(THREADS)],
            invariant=lambda subject: witness.check(subject, returned) == RIGHT,
            trials=ENDLESS,
            timeout=HUNG_SECONDS,
            warn_on_gil=False,
        )
    except TimeUpError:
        pass
    except TimeoutError:
        witness.note_hang()
    return witness


def frontrun(shape: Shape, make: Make, seconds: float = SECONDS) -> Witness:
    """Random schedules of frontrun at every instruction, as many as fit into the time.

    It schedules locks only where it has put its own in their place, as its command does before the start.
    """
    from frontrun import explore_random
    from frontrun._cooperative import patch_locks

    patch_locks()
    witness, returned = Witness(shape, seconds), [None] * THREADS
    times = 1 if shape.in_rounds else FRONTRUN_TIMES

    def worker(number: int, subject: Any) -> None:
        returned[number] = witness.turn(number, subject, times)

    result = explore_random(
        setup=make,
        threads=[partial(worker, number) for number in range(THREADS)],
        invariant=lambda subject: witness.check(subject, returned) == RIGHT,
        max_attempts=ENDLESS,
        total_timeout=seconds,
        deadlock_timeout=HUNG_SECONDS,
        reproduce_on_failure=0,
        detect_io=False,
    )
    if not result.property_holds:
        witness.note_hang() if shape.hangs else witness.note()
    return witness


class Given:
    """A pytest plugin with the fixtures of `peers/run_parallel.py`: a shape's object, its witness, the threads."""

    def __init__(self, shape: Shape, make: Make, seconds: float) -> None:
        """Nothing is made before the test."""
        self._shape, self._make, self._seconds = shape, make, seconds
        self.witnesses: list[Witness] = []
        self.threads: set[int] = set()

    @pytest.fixture
    def call(self) -> Callable[[int], None]:
        """What each thread does in one iteration."""
        witness = Witness(self._shape, self._seconds)
        self.witnesses.append(witness)
        if self._shape.in_rounds:
            return BarrierRounds(witness, self._make).run
        subject = self._make()

        def call(number: int) -> None:
            if not witness.is_over():
                witness.turn(number, subject, run_parallel.TIMES)

        return call

    @pytest.fixture
    def seen(self) -> set[int]:
        """The index of each thread."""
        return self.threads


def parallel(shape: Shape, make: Make, seconds: float = SECONDS) -> Witness:
    """A run of pytest with pytest-run-parallel, without the settings and plugins of this checkout.

    Raises:
        NothingMeasuredError: when it did not run the test in all threads.
    """
    given, out = Given(shape, make, seconds), io.StringIO()
    alone = [f"--rootdir={PEERS}", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:stress"]
    threads = [f"--parallel-threads={THREADS}", f"--iterations={1 if shape.in_rounds else ITERATIONS}"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        pytest.main([run_parallel.__file__, *alone, *threads], plugins=[given])
    if len(given.witnesses) != 1 or given.threads != set(range(THREADS)):
        raise NothingMeasuredError(out.getvalue())
    return given.witnesses[0]


METHODS: dict[str, Callable[[Shape, Make, float], Witness]] = {
    "stress mark": ours,
    "with boot": partial(ours, boot=True),
    "bare threads": bare,
    "barrier rounds": rounds,
    "racecheck": racecheck,
    "pytest-run-parallel": parallel,
    "frontrun": frontrun,
}
NEEDS = {"racecheck": "racecheck", "pytest-run-parallel": "pytest_run_parallel", "frontrun": "frontrun"}
"""The module that a method needs, where it needs one."""


def is_installed(method: str) -> bool:
    """Whether what a method needs is there."""
    return method not in NEEDS or find_spec(NEEDS[method]) is not None
