"""Loops that nothing ends: neither their own code nor power-off, which reaches a CPU only at its accesses."""

from typing import Any

from stress.machine.language import tree
from stress.machine.language.tree import nodes_of
from stress.machine.seam import Accesses
from stress.machine.words import BOUND

UNCHECKED = {"barrier", "rmb", "wmb", "yield_core"}
ENDED_BY_POWER_OFF = {name for name in vars(Accesses) if not name.startswith("_")} - UNCHECKED
"""The methods of a CPU that raise Oops once the power is off."""
READS = {"load", "load8", "load_acquire", "peek", "peek8"}


def power_off_ends(found: Any) -> bool:
    """Whether code cannot run on when the power is off: it makes an access, or looks at the bound."""
    return any(
        (isinstance(node, tree.Method) and node.name in ENDED_BY_POWER_OFF)
        or (isinstance(node, tree.Constant) and node.value == BOUND)
        or isinstance(node, tree.Intrinsic)
        or (isinstance(node, tree.Call) and power_off_ends(node.instance.body))
        for node in nodes_of(found)
    )


def _leaves(body: tree.Body) -> bool:
    """Whether a loop's body may leave the loop by itself."""
    kinds = (tree.Return, tree.Raise, tree.Break)
    return any(isinstance(node, kinds) for node in nodes_of(body))


def _names(found: Any) -> set[str]:
    return {node.name for node in nodes_of(found) if isinstance(node, tree.Local | tree.Assign | tree.For)}


def fault_of(loop: tree.While) -> tuple[str, str] | None:
    """Why a loop never ends, or spins so that nobody sees it, and what to write instead; None if neither is certain."""
    if (
        loop.test is not None
        and not loop.body
        and any(getattr(node, "name", None) in READS for node in nodes_of(loop.test))
    ):
        return "a loop that spins without cpu.relax", "call cpu.relax(address) in its body"
    if power_off_ends([loop.test, loop.body]) or _leaves(loop.body):
        return None
    changes = {node.name for node in nodes_of(loop.body) if isinstance(node, tree.Assign | tree.For)}
    if loop.test is not None and _names(loop.test) & changes:
        return None
    what = "a loop that never ends, not even at power-off"
    return what, "call cpu.relax(address) in its body, or count to a constant"
