"""The `stress` fixture: roles, what is acceptable, what was freed, and the run."""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import pytest

from stress.errors import UserError
from stress.marks import report
from stress.marks.bodies import fault_of, is_async, refusal_of
from stress.marks.cell import Cell, rerun_command
from stress.marks.crews.async_bodies import LoopBody
from stress.marks.mark_run import MarkRun, Plan
from stress.marks.noise import noise_summary
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.other_threads import OtherThreads
from stress.marks.operations.roles import Duty, Role, name_of

if TYPE_CHECKING:
    from stress.marks.results import ItemEnd

Body = TypeVar("Body", bound=Callable[..., Any])
Make = TypeVar("Make", bound=Callable[[], Any])
Judge = TypeVar("Judge", bound=Callable[[Any, Sequence[Any]], Any])


class Stress:
    """One cell of a test, as a context manager. Decorate bodies as roles, then `run` them on the cell's CPUs.

    The CPUs are booted when it is entered, and wait for `run`. A body takes the CPU that it runs on, is called again
    and again, and returns the name of an outcome, or None; an `async def` runs on an event loop of its CPU's thread.
    With `fresh` the run consists of rounds: each makes an object, calls the body of every CPU once with its CPU and the
    object, and is judged by `final`, if there is one.
    """

    def __init__(
        self, cell: Cell, nodeid: str, first_only: bool, under_test: CodeUnderTest, tell: Callable[[str], None]
    ) -> None:
        """Boot nothing yet. `nodeid`: the test, as one gives it to pytest from the folder in which that was started.

        `first_only` ends the run at the first violation; `tell` writes to the terminal.
        """
        self._tell = tell
        self._cell = cell
        self._nodeid = nodeid
        self._under_test = under_test
        self._plan = Plan()
        self._others = OtherThreads(under_test.has)
        self._mark_run = MarkRun(cell, first_only, self._others)
        self._has_run = False

    def __enter__(self) -> Self:
        """Boot a machine before the test begins, so that `run` starts at once."""
        self._mark_run.prepare()
        self._others.__enter__()  # only now: the threads of CPUs are none of them
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the machine, if it never ran."""
        self._others.__exit__()
        self._mark_run.close()

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
        return self._role(body, Duty.READER, count)

    @overload
    def writer(self, body: Body) -> Body: ...
    @overload
    def writer(self, *, count: int | None = None) -> Callable[[Body], Body]: ...
    def writer(self, body: Any = None, *, count: int | None = None) -> Any:
        """Add a role that changes things: the run counts operations of other CPUs that overlap one of these."""
        return self._role(body, Duty.WRITER, count)

    @overload
    def thread(self, body: Body) -> Body: ...
    @overload
    def thread(self, *, count: int | None = None) -> Callable[[Body], Body]: ...
    def thread(self, body: Any = None, *, count: int | None = None) -> Any:
        """Add a role that both reads and changes things: operations of other CPUs that overlap one of it count."""
        return self._role(body, Duty.THREAD, count)

    @overload
    def tasks(self, body: Body) -> Body: ...
    @overload
    def tasks(self, *, count: int | None = None) -> Callable[[Body], Body]: ...
    def tasks(self, body: Any = None, *, count: int | None = None) -> Any:
        """Add a role whose CPUs are tasks of one event loop, with noise where their awaits end; it reads and changes.

        The body is `async def`. All roles of a test are tasks, or none is.
        """
        return self._role(body, Duty.TASK, count)

    def fresh(self, make: Make) -> Make:
        """Make the object of each round with `make`, which takes nothing. Some CPU calls it before each round."""
        self._check_before_run("fresh")
        self._plan.fresh = _once(make, self._plan.fresh, "fresh")
        return make

    def final(self, judge: Judge) -> Judge:
        """Judge each round with `judge`, once all CPUs have ended their operation: some CPU calls it.

        It takes the round's object and the list of what the bodies returned, in the order of CPUs. It raises, or
        returns the name of an outcome or None. What bodies return is not judged then.
        """
        self._check_before_run("final")
        self._plan.final = _once(judge, self._plan.final, "final")
        return judge

    def _role(self, body: Any, duty: Duty, count: int | None) -> Any:
        """Add a role, or a decorator that does."""
        self._check_before_run("tasks" if duty is Duty.TASK else duty.value)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise UserError(f"count must be a number of CPUs, 1 or more (got {count!r}); leave it out for all others")

        def add(body: Body) -> Body:
            if not callable(body):
                raise UserError(f"a role decorates a function (got {body!r}); a number of CPUs is given as count=")
            _check(body, "body", may_be_async=True)
            if duty is Duty.TASK and not is_async(body):
                raise UserError(f"@stress.tasks decorates an `async def` (got `{name_of(body)}`, which is not one)")
            on_own_loop = is_async(body) and duty is not Duty.TASK
            self._plan.roles.append(Role(LoopBody(body) if on_own_loop else body, duty, count))
            return body

        return add if body is None else add(body)

    def _check_before_run(self, what: str) -> None:
        """Raise UserError for a function that comes too late to be called."""
        if self._has_run:
            raise UserError(
                f"@stress.{what} stands after stress.run(), so that its function is never called; move it up"
                " (if the whole test is called again, as by Hypothesis's @given: use @given within a body)"
            )

    def poison(self, obj: object) -> None:
        """Free an object of a class written in Python: any later use of it, from any thread, is the outcome `freed`.

        Raises:
            TypeError: for an object whose class cannot be swapped; use `freed` and `check` instead.
            UsedAfterFreeError: when it was freed before, which counts as a use.
        """
        self._mark_run.freed_objects.poison(obj)

    def freed(self, key: Hashable) -> None:
        """Mark the object that `key` stands for as freed; `check(key)` is then a use of it."""
        self._mark_run.freed_objects.free(key)

    def allocated(self, key: Hashable) -> None:
        """Mark the object that `key` stands for as allocated again."""
        self._mark_run.freed_objects.allocate(key)

    def check(self, key: Hashable) -> None:
        """Say that the object that `key` stands for is used here.

        Raises:
            UsedAfterFreeError: when it was freed; the operation's outcome is `freed`, even if the body catches this.
        """
        self._mark_run.freed_objects.check(key)

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
        if self._plan.final and not self._plan.fresh:
            raise UserError("stress.final judges rounds: make an object for each with @stress.fresh")
        _check_calls(self._plan)
        self._has_run = True
        try:
            self._mark_run.run(self._plan, _texts(acceptable), self._under_test)
        except KeyboardInterrupt:
            text = report.text_of(self._mark_run, self._nodeid).removeprefix(report.headline(self._mark_run))
            self._tell(f"\ninterrupted {report.so_far(self._mark_run)}{text}")
            raise
        self._judge()
        return sum((tally.outcomes for tally in self._mark_run.tallies), start=Counter())

    @property
    def held(self) -> str:
        """The report of a run that has shown no fault; empty without such a run."""
        run = self._mark_run
        return report.text_of_held(run) if run.players and not report.headline(run) else ""

    @property
    def is_unused(self) -> bool:
        """Whether the test has given no role, and has run nothing."""
        return not (self._has_run or self._plan.roles or self._plan.fresh)

    def check_has_run(self) -> None:
        """Fail if there are roles and `run` was not called."""
        if not (self._has_run or self.is_unused):
            pytest.fail("the roles never ran; call stress.run(acceptable={...}) in the test", pytrace=False)

    def properties(self) -> list[tuple[str, object]]:
        """The counts and notes of the run, for JUnit XML."""
        run = self._mark_run
        counts = {"operations": run.operations, "overlapped": run.overlapped, "violations": run.violations}
        notes = [("stress_note", note) for note in report.notes(run)]
        noise = [("stress_noise", noise_summary.line(run.noise))] if run.noise else []
        return [*((f"stress_{name}", count) for name, count in counts.items()), *noise, *notes]

    def result(self, name: str, end: "ItemEnd") -> dict[str, Any] | None:
        """The run as a run file has it; None if there is nothing to keep.

        `name` is the test's node ID, which is the same wherever pytest was started.
        """
        from stress.marks.results import run_json

        return run_json(self._mark_run, name, self.rerun_command, end)

    def _judge(self) -> None:
        """Fail if the run's verdict is bad; if it held but noise missed the code under test, warn."""
        if not report.headline(self._mark_run):
            if self._mark_run.noise and (missed := noise_summary.nothing_reached(self._mark_run.noise)):
                warnings.warn(f"stress: {missed}", pytest.PytestWarning, stacklevel=3)
            return
        text, raised = report.text_of(self._mark_run, self._nodeid), self._mark_run.errors
        errors = [error for error in raised if not isinstance(error, report.ENDINGS)]
        if errors:
            # Once each: several CPUs may raise the same object, as `Future.result` does. It has the notes of all.
            raise BaseExceptionGroup(text, list({id(error): error for error in errors}.values()))
        if report.is_bad(self._mark_run):
            raise pytest.fail.Exception(text, pytrace=False)
        ending = raised[0]
        del ending.__notes__  # where and when, which differ: pytest counts skips with the same reason as one
        raise ending


STRESS = pytest.StashKey[Stress | None]()
"""Where an item has its fixture: `Function.funcargs` is gone once an interrupt has ended the item."""


def _check(function: object, what: str, may_be_async: bool = False) -> None:
    """Raise UserError if calling a function would run none of its code."""
    if fault := fault_of(function, may_be_async):
        raise UserError(f"the {what} `{name_of(function)}` {fault}")


def _check_calls(plan: Plan) -> None:
    """Raise UserError for a function that cannot take what it is called with."""
    made = ["the round's object"]
    calls: list[tuple[str, Any, list[str]]] = [
        *(("body", role.body, ["its CPU", *(made if plan.fresh else [])]) for role in plan.roles),
        ("fresh function", plan.fresh, []),
        ("final function", plan.final, [*made, "the list of results"]),
    ]
    for what, function, given in calls:
        if function and (refusal := refusal_of(function, *given)):
            raise UserError(f"the {what} `{name_of(function)}` {refusal}")


def _once(function: Any, before: object, what: str) -> Any:
    """A function that a test gives once; UserError if it cannot be called, or was given before."""
    if not callable(function):
        raise UserError(f"@stress.{what} decorates a function (got {function!r})")
    _check(function, f"{what} function")
    if before is not None:
        raise UserError(f"@stress.{what} was given twice: `{name_of(before)}` and `{name_of(function)}`; keep one")
    return function


def _texts(acceptable: Iterable[str]) -> frozenset[str]:
    """The names of outcomes; UserError for a lone text, which would be taken for its letters."""
    names = list(acceptable) if isinstance(acceptable, Iterable) else [acceptable]
    if isinstance(acceptable, str) or not all(isinstance(name, str) for name in names):
        example = "like acceptable={'found'}"
        raise UserError(f"acceptable must be a set of outcomes' names, {example} (got {acceptable!r})")
    return frozenset(names)
