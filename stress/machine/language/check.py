"""Checks kernel code before any engine runs it: an operation, and all that it calls."""

from collections.abc import Callable

from stress.machine.language import tree
from stress.machine.language.errors import refusal
from stress.machine.language.instances import CPU, INSTANCES
from stress.machine.loop import run_program
from stress.machine.seam import Cpu, Operation
from stress.machine.words import AFTER_FREE


def check_operation(operation: Operation, safepoint: Callable[[Cpu], None]) -> None:
    """Check a program as a machine's loop calls it.

    Raises:
        KernelCodeError: for the first thing that is not kernel code, or a number that is returned and is no outcome.
    """
    _check_outcomes(INSTANCES.root(operation, CPU))
    INSTANCES.root(run_program, CPU, operation, safepoint)


def check_handler(handler: Callable[..., object], *given: tree.Kind) -> None:
    """Check the handler of an interrupt, or another function of a CPU and what is given besides."""
    INSTANCES.root(handler, CPU, *given)


def _check_outcomes(instance: tree.Instance) -> None:
    for node in instance.nodes:
        value = node.value if isinstance(node, tree.Return) else None
        if isinstance(value, tree.Call):
            _check_outcomes(value.instance)
        if isinstance(value, tree.Constant) and not 0 <= value.value < AFTER_FREE:
            what = f"{instance.name} returns {value.value}, which is not an outcome"
            raise refusal(instance.file, value.line, what, f"return the code of an outcome, 0 to {AFTER_FREE - 1}")
