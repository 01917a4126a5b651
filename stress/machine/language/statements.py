"""Statements of kernel code, from Python's syntax tree to `tree`, with the names that have a value at each of them."""

import ast
from collections.abc import Callable, Sequence

from stress.machine.language import loops, tree
from stress.machine.language.constructs import forbidden
from stress.machine.language.expressions import Expressions
from stress.machine.seam import HARNESS_CODE, BrokenKernelCodeError, Oops

Assigned = set[str] | None
"""The names that have a value on every way to a place; None: no way leads there."""
ONLY_RANGE = "a loop over something else than a range", "write `for i in range(...)`, or while"


def both(one: Assigned, other: Assigned) -> Assigned:
    """The names that have a value where two ways meet."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _parts(node: ast.expr) -> Sequence[ast.expr]:
    """What is written with commas; a set has no order."""
    return node.elts if isinstance(node, ast.Tuple | ast.List) else ()


class Statements(Expressions):
    """Translates the statements of one function."""

    leaving: list[list[Assigned]]
    """For each loop around this place, the names that have a value at each `break`."""

    def block(self, nodes: Sequence[ast.stmt]) -> list[tree.Statement]:
        """A list of statements, as far as they can be reached."""
        made: list[tree.Statement] = []
        for before, node in zip([None, *nodes], nodes, strict=False):
            if self.assigned is None:
                break
            if isinstance(node, ast.Raise):
                self._check_cause(before, node)
            made += self._statement(node)
        return made

    def _statement(self, node: ast.stmt) -> list[tree.Statement]:
        make: Callable[[ast.stmt], list[tree.Statement]] | None = getattr(
            self, f"_on_{type(node).__name__.lower()}", None
        )
        if make is None:
            raise self.fault(node, *forbidden(node))
        return make(node)

    def _on_pass(self, node: ast.Pass) -> list[tree.Statement]:
        return []

    def _on_expr(self, node: ast.Expr) -> list[tree.Statement]:
        if isinstance(node.value, ast.Constant):  # a docstring
            return []
        return [tree.Evaluate(self.any(node.value))]

    def _name(self, target: ast.expr) -> str:
        if not isinstance(target, ast.Name):
            raise self.fault(target, *forbidden(target))
        return target.id

    def _assign(self, target: ast.expr, value: tree.Expression) -> tree.Statement:
        name = self._name(target)
        if self.assigned is not None:
            self.assigned = self.assigned | {name}
        return tree.Assign(name, value)

    def _several(self, targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> list[tree.Statement]:
        """`a, b = x, y`: all values are taken before the first name gets its own."""
        taken: list[tree.Statement] = [tree.Assign(f"{at}", self.word(value)) for at, value in enumerate(values)]
        names = [self._assign(target, tree.Local(target.lineno, f"{at}")) for at, target in enumerate(targets)]
        return taken + names

    def _on_assign(self, node: ast.Assign) -> list[tree.Statement]:
        first, *others = node.targets
        targets, values = _parts(first), _parts(node.value)
        if targets and len(targets) == len(values) and not others:
            return self._several(targets, values)
        made = [self._assign(first, self.word(node.value))]
        return made + [self._assign(other, tree.Local(node.lineno, self._name(first))) for other in others]

    def _on_annassign(self, node: ast.AnnAssign) -> list[tree.Statement]:
        return [self._assign(node.target, self.word(node.value))] if node.value else []

    def _on_augassign(self, node: ast.AugAssign) -> list[tree.Statement]:
        before = ast.copy_location(ast.Name(self._name(node.target), ast.Load()), node.target)
        value = self.binary(node, node.op, self.word(before), self.word(node.value))
        return [self._assign(node.target, value)]

    def _on_return(self, node: ast.Return) -> list[tree.Statement]:
        made = tree.Return(self.word(node.value) if node.value else None)
        self.assigned = None
        return [made]

    def _check_cause(self, before: ast.stmt | None, node: ast.Raise) -> None:
        """An Oops that nothing explains is a fault of kernel code, which no run can judge."""
        if self.function not in HARNESS_CODE and not (
            isinstance(before, ast.Expr) and isinstance(before.value, ast.Call)
        ):
            instead = "note the cause in the line before it: cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)"
            raise self.fault(node, "an exception without a cause", instead)

    def _on_raise(self, node: ast.Raise) -> list[tree.Statement]:
        raised = self.value_of(node.exc) if node.exc else None
        is_own = raised is BrokenKernelCodeError and self.function in HARNESS_CODE
        if (raised is not Oops and not is_own) or node.cause:
            raise self.fault(node, "an exception other than Oops", "write `raise Oops`, without arguments")
        self.assigned = None
        return [tree.Raise("broken" if is_own else "oops")]

    def _on_if(self, node: ast.If) -> list[tree.Statement]:
        test = self.test(node.test)
        before = self.assigned
        body = self.block(node.body)
        behind, self.assigned = self.assigned, before
        orelse = self.block(node.orelse)
        self.assigned = both(behind, self.assigned)
        return [tree.If(test, body, orelse)]

    def _turns(self, nodes: Sequence[ast.stmt], behind: Assigned) -> list[tree.Statement]:
        """The body of a loop; `behind` are the names that have a value where the loop ends by itself."""
        self.leaving.append([])
        body = self.block(nodes)
        self.assigned = behind
        for left in self.leaving.pop():
            self.assigned = both(self.assigned, left)
        return body

    def _check_no_else(self, node: ast.While | ast.For) -> None:
        if node.orelse:
            raise self.fault(node, "a loop with else", "set a name and test it after the loop")

    def _on_while(self, node: ast.While) -> list[tree.Statement]:
        self._check_no_else(node)
        endless = isinstance(node.test, ast.Constant) and isinstance(node.test.value, int) and bool(node.test.value)
        test = None if endless else self.test(node.test)
        made = tree.While(test, self._turns(node.body, None if endless else self.assigned))
        if fault := loops.fault_of(made):
            raise self.fault(node, *fault)
        return [made]

    def _on_for(self, node: ast.For) -> list[tree.Statement]:
        call = node.iter
        is_range = isinstance(call, ast.Call) and not call.keywords and self.value_of(call.func) is range
        self._check_no_else(node)
        if not isinstance(call, ast.Call) or not is_range or not 1 <= len(call.args) <= 3:
            raise self.fault(node, *ONLY_RANGE)
        words = [self.word(value) for value in call.args]
        zero, one = tree.Constant(node.lineno, 0), tree.Constant(node.lineno, 1)
        first, limit, step = [zero, *words, one] if len(words) == 1 else [*words, one][:3]
        if not isinstance(step, tree.Constant) or step.value == 0:
            raise self.fault(node, "a step that is not a constant other than 0", "give the range a constant step")
        behind, name = self.assigned, self._name(node.target)
        self.assigned = (behind or set()) | {name}
        return [tree.For(name, first, limit, step.value, self._turns(node.body, behind))]

    def _on_break(self, node: ast.Break) -> list[tree.Statement]:
        self.leaving[-1].append(self.assigned)
        self.assigned = None
        return [tree.Break()]

    def _on_continue(self, node: ast.Continue) -> list[tree.Statement]:
        self.assigned = None
        return [tree.Continue()]

    def _on_try(self, node: ast.Try) -> list[tree.Statement]:
        """The harness's own code catches whatever ends an operation; no other code does."""
        if self.function not in HARNESS_CODE or len(node.handlers) != 1 or node.orelse or node.finalbody:
            raise self.fault(node, *forbidden(node))
        before = self.assigned
        body = self.block(node.body)
        behind, self.assigned = self.assigned, before
        handler = self.block(node.handlers[0].body)
        self.assigned = both(behind, self.assigned)
        return [tree.Try(body, handler)]
