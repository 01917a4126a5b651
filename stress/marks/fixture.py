"""The `stress` fixture: roles, what is acceptable, what was freed, and the run."""

import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Self, TypeVar, overload

import pytest

from stress.errors import UserError
from stress.marks import noise_summary, report
from stress.marks.bodies import fault_of
from stress.marks.bout import Bout
from stress.marks.cell import Cell, rerun_command
from stress.marks.code_under_test import CodeUnderTest
from stress.marks.cpu import Role, StressCpu

Body = TypeVar("Body", bound=Callable[[StressCpu], Any])


class Stress:
    """One cell of a test, as a context manager. Decorate bodies as roles, then `run` them on the cell's CPUs.

    The CPUs are booted when it is entered, and wait for `run`. A body takes the CPU that it runs on, is called again
    and again, and returns the name of an outcome, or None.
    """

    def __init__(
        self, cell: Cell, nodeid: str, first_only: bool, under_test: CodeUnderTest, tell: Callable[[str], None]
    ) -> None:
        """Boot nothing yet. `first_only` ends the run at the first violation; `tell` writes to the terminal."""
        self._tell = tell
        self._cell = cell
        self._nodeid = nodeid
        self._under_test = under_test
        self._roles: list[Role] = []
        self._bout = Bout(cell, first_only)
        self._has_run = False

    def __enter__(self) -> Self:
        """Boot a machine before the test begins, so that `run` starts at once."""
        self._bout.prepare()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the machine, if it never ran."""
        self._bout.close()

    @property
    def cpus(self) -> int:
        """The number of CPUs of the cell."""
        return self._cell.cpus

    @property
    def seed(self) -> int:
        """The cell's seed."""
        return self._cell.seed

    @property
    def rerun_command(self) -> str:
        """The command that runs this cell again, its seed included."""
        return rerun_command(self._nodeid, self._cell)

    @overload
    def reader(self, body: Body) -> Body: ...
    @overload
    def reader(self, *, count: int | None = None) -> Callable[[Body], Body]: ...
    def reader(self, body: Any = None, *, count: int | None = None) -> Any:
        """Add a role that reads what writers change: on `count` CPUs, or on all that are left."""
        return self._role(body, False, count)

    @overload
    def writer(self, body: Body) -> Body: ...
    @overload
    def writer(self, *, count: int | None = None) -> Callable[[Body], Body]: ...
    def writer(self, body: Any = None, *, count: int | None = None) -> Any:
        """Add a role that changes things: the run counts operations of other CPUs that overlap one of these."""
        return self._role(body, True, count)

    def _role(self, body: Any, writes: bool, count: int | None) -> Any:
        """Add a role, or a decorator that does."""
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise UserError(f"count must be a number of CPUs, 1 or more (got {count!r}); leave it out for all others")

        def add(body: Body) -> Body:
            if fault := fault_of(body):
                raise UserError(f"the body `{getattr(body, '__name__', body)}` {fault}")
            self._roles.append(Role(body, writes, count))
            return body

        return add if body is None else add(body)

    def poison(self, obj: object) -> None:
        """Free an object of a class written in Python: any later use of it, from any thread, is the outcome `freed`.

        Raises:
            TypeError: for an object whose class cannot be swapped; use `freed` and `check` instead.
            UsedAfterFreeError: when it was freed before, which counts as a use.
        """
        self._bout.freed_objects.poison(obj)

    def freed(self, key: Hashable) -> None:
        """Mark the object that `key` stands for as freed; `check(key)` is then a use of it."""
        self._bout.freed_objects.free(key)

    def allocated(self, key: Hashable) -> None:
        """Mark the object that `key` stands for as allocated again."""
        self._bout.freed_objects.allocate(key)

    def check(self, key: Hashable) -> None:
        """Say that the object that `key` stands for is used here.

        Raises:
            UsedAfterFreeError: when it was freed; the operation's outcome is `freed`, even if the body catches this.
        """
        self._bout.freed_objects.check(key)

    def run(self, acceptable: Iterable[str] = ()) -> Mapping[str, int]:
        """Run the roles for the cell's time; returns the count of each outcome.

        The test fails for an outcome that is not `acceptable`, for an operation that does not end, and if no operation
        overlapped a writer's.

        Raises:
            BaseExceptionGroup: of all exceptions that bodies raised; an exception ends the run.
            pytest.fail.Exception: for any other failure.
            UserError: when there are too few CPUs for the roles, or this is called twice.
        """
        if self._has_run:
            raise UserError("stress.run() was called twice; call it once in a test")
        self._has_run = True
        try:
            self._bout.run(self._roles, _texts(acceptable), self._under_test)
        except KeyboardInterrupt:
            self._tell(f"\ninterrupted {report.text_of(self._bout, self._nodeid)}")
            raise
        self._judge()
        return sum((player.outcomes for player in self._bout.players), start=type(self._bout.players[0].outcomes)())

    def check_has_run(self) -> None:
        """Fail if there are roles and `run` was not called."""
        if self._roles and not self._has_run:
            pytest.fail("the roles never ran; call stress.run(acceptable={...}) in the test", pytrace=False)

    def properties(self) -> list[tuple[str, object]]:
        """The counts and notes of the run, for JUnit XML."""
        bout = self._bout
        counts = {"operations": bout.operations, "overlapped": bout.overlapped, "violations": bout.violations}
        notes = [("stress_note", note) for note in report.notes(bout)]
        noise = [("stress_noise", noise_summary.line(bout.noise))] if bout.noise else []
        return [*((f"stress_{name}", count) for name, count in counts.items()), *noise, *notes]

    def _judge(self) -> None:
        """Fail if the run's verdict is bad; if it held but noise missed the code under test, warn."""
        if not report.headline(self._bout):
            if self._bout.noise and (missed := noise_summary.nothing_reached(self._bout.noise)):
                warnings.warn(f"stress: {missed}", pytest.PytestWarning, stacklevel=3)
            return
        text, raised = report.text_of(self._bout, self._nodeid), self._bout.errors
        errors = [error for error in raised if not isinstance(error, pytest.skip.Exception)]
        if errors:
            raise BaseExceptionGroup(text, errors)
        if report.is_bad(self._bout):
            pytest.fail(text, pytrace=False)
        raise raised[0]


def _texts(acceptable: Iterable[str]) -> frozenset[str]:
    """The names of outcomes; UserError for a lone text, which would be taken for its letters."""
    names = [acceptable] if isinstance(acceptable, str) else list(acceptable)
    wrong = [name for name in names if not isinstance(name, str)]
    if isinstance(acceptable, str) or wrong:
        example = "like acceptable={'found'}"
        raise UserError(f"acceptable must be a set of outcomes' names, {example} (got {acceptable!r})")
    return frozenset(names)
