"""Checks kernel code before any engine runs it: an operation, and all that it calls."""

from collections.abc import Callable, Iterator, Mapping

from stress.machine.language import tree
from stress.machine.language.errors import has_outcomes, is_own, refusal
from stress.machine.language.instances import CPU, INSTANCES
from stress.machine.loop import run_program
from stress.machine.seam import HARNESS_CODE, Cpu, Operation
from stress.machine.words import AFTER_FREE

Outcomes = Mapping[int, str]
"""The names of a scenario's outcomes by their codes."""


def check_operation(operation: Operation, safepoint: Callable[[Cpu], None], outcomes: Outcomes) -> None:
    """Check a program as a machine's loop calls it, of a scenario with these outcomes.

    Raises:
        KernelCodeError: for the first thing that is not kernel code, or what is returned and is certainly no outcome.
    """
    check_outcomes(operation, outcomes)
    INSTANCES.root(run_program, CPU, operation, safepoint)


def check_handler(handler: Callable[..., object], *given: tree.Kind) -> None:
    """Check the handler of an interrupt, or another function of a CPU and what is given besides."""
    INSTANCES.root(handler, CPU, *given)


def check_outcomes(operation: Operation, outcomes: Outcomes) -> None:
    """Check what an operation returns, as far as its code tells. KernelCodeError as for `check_operation`."""
    _check_returns(INSTANCES.root(operation, CPU), outcomes)


def _check_returns(instance: tree.Instance, outcomes: Outcomes) -> None:
    for node in instance.nodes:
        for value in _values(instance, node.value) if isinstance(node, tree.Return) else ():
            if isinstance(value, tree.Call):
                _check_returns(value.instance, outcomes)
            # What kstress's own code returns is for scenarios of many kinds.
            elif not is_own(instance.file) and (fault := _fault_of(value, outcomes)):
                raise refusal(instance.file, value.line, f"{instance.name} returns {fault[0]}", fault[1])


def _values(instance: tree.Instance, value: tree.Expression | None) -> Iterator[tree.Expression]:
    """What a returned expression may stand for: either side of a choice, and what a name has if that is certain."""
    if isinstance(value, tree.Choose):
        yield from _values(instance, value.yes)
        yield from _values(instance, value.no)
    elif isinstance(value, tree.Local):
        yield from _assigned(instance, value.name)
    elif value is not None:
        yield value


def _assigned(instance: tree.Instance, name: str) -> Iterator[tree.Expression]:
    """The values of a local name that is assigned in one place; of the harness's own code, the calls in any place."""
    found = [one for one in instance.nodes if isinstance(one, tree.Assign | tree.For) and one.name == name]
    if instance.function in HARNESS_CODE:
        yield from (one.value for one in found if isinstance(one, tree.Assign) and isinstance(one.value, tree.Call))
    elif len(found) == 1 and isinstance(found[0], tree.Assign) and name not in instance.words:
        yield from _values(instance, found[0].value)


def _fault_of(value: tree.Expression, outcomes: Outcomes) -> tuple[str, str] | None:
    """Why a returned value is no outcome, and what to return; None if it may be one."""
    if value.is_truth:
        return "a truth, which is not an outcome", "return the code of an outcome"
    if not isinstance(value, tree.Constant) or value.value == 0 or value.value in outcomes:
        return None
    if not 0 <= value.value < AFTER_FREE:
        return f"{value.value}, which is not an outcome", f"return the code of an outcome, 0 to {AFTER_FREE - 1}"
    return f"{value.value}, which is no outcome of its scenario", has_outcomes(outcomes)
