"""A kernel function as the text of an LLVM function: statements, and what ends the function."""

from collections.abc import Sequence

from stress.machine.language import tree
from stress.machine.language.tree import Instance
from stress.machine.native.call_stacks import FACTOR
from stress.machine.native.compilation_units import NOT_INLINED, Written
from stress.machine.native.expression_code import INNER, ExpressionCode, Surroundings
from stress.machine.native.steps_code import NOTHING, STEPS
from stress.machine.native.writer import SELDOM, plain
from stress.machine.seam import HARNESS_CODE
from stress.machine.words import UNEXPLAINED

OOPS, BROKEN = 1, 2
"""The statuses of a function that was ended by an exception; below 0: the number of an error of a line (`call_stacks`).
"""
STATUS = {"oops": OOPS, "broken": BROKEN}
CPU = ("%base", "%number", "%area", "%log")
PARAMETERS = (*CPU, "%stack")
"""What a function gets as far as it uses it: a CPU, the number of its call stack. Its words come behind them."""
LONG = 60
"""Lines of LLVM's text of a function, what it calls left out."""
Handler = tuple[str, str]
"""The label of a handler, and the slot for the status that it handles."""


class FunctionCode(ExpressionCode):
    """Writes one function."""

    def __init__(self, of: Surroundings, instance: Instance, raises: bool) -> None:
        """Write the body of a function, which may raise or not."""
        super().__init__(of, instance)
        self.raises = raises
        self.handlers: list[Handler] = []
        self.loops: list[tuple[str, str]] = []
        self.locals = {name: f"%v.{plain(name)}" for name in self._names()}
        self.block(instance.body)
        if self.is_open:
            self._return(NOTHING)

    def _names(self) -> Sequence[str]:
        """The local names, parameters first."""
        stored = [node.name for node in self.instance.nodes if isinstance(node, tree.Assign | tree.For)]
        return list(dict.fromkeys([*self.instance.words, *stored]))

    def written(self) -> Written:
        """The whole function."""
        name, body, calls = plain(self.instance.name), self._body(), list(self.called.values())
        own = [parameter for parameter in PARAMETERS if parameter in body]
        words = [f"%p.{plain(word)}" for word in self.instance.words]
        return Written(name, own, words, self._attributes(), body, self.raises, calls, self.places)

    def _body(self) -> str:
        slots = [f"{slot} = alloca i64" for slot in self.locals.values()]
        given = [f"store i64 %p.{plain(name)}, ptr {self.locals[name]}" for name in self.instance.words]
        inner = [f"{INNER} = mul i64 %stack, {FACTOR}"] if self.places else []
        return "\n".join([*slots, *self.slots, *inner, *given, *self.lines, ""])

    def _attributes(self) -> str:
        """How LLVM may inline the function.

        A function with a loop stays one of its own, so that the loop has all registers. So does a long one that leads
        to several others, as writers have: LLVM would take half as long again for all of them in one, and an edit
        would cost all of it. The harness's own, of which an access is made, is always inlined.
        """
        nodes = self.instance.nodes
        if any(isinstance(node, tree.Intrinsic) and node.name == "stay_apart" for node in nodes):
            return f"{NOT_INLINED} cold nounwind"
        calls = sum(isinstance(node, tree.Call) for node in nodes)
        if any(isinstance(node, tree.While | tree.For) for node in nodes) or (calls > 1 and len(self.lines) > LONG):
            return f"{NOT_INLINED} nounwind"
        return "alwaysinline nounwind" if self.instance.function in HARNESS_CODE else "nounwind"

    def throw(self, status: str) -> None:
        """End the body under way with a status: at the handler, or in the caller."""
        if self.handlers:
            label, slot = self.handlers[-1]
            self.save(status, slot)
            self.jump(label)
        else:
            self.leave(f"ret i64 {status}")

    def _return(self, value: str) -> None:
        """End the function with a value. One that may raise returns a status, and stores its value.

        Once LLVM has inlined it, the place of the value is a register, and the branch on the status is gone: both of
        them in one aggregate would stay a branch at each access.
        """
        if self.raises and self.instance.has_value:
            self.save(value, "%value")
        self.leave("ret i64 0" if self.raises else f"ret i64 {value}")

    def block(self, body: tree.Body) -> None:
        """Write statements, as far as they can be reached."""
        for node in body:
            if self.is_open:
                getattr(self, f"_on_{type(node).__name__.lower()}")(node)

    def _on_assign(self, node: tree.Assign) -> None:
        self.save(self.word(node.value), self.locals[node.name])

    def _on_evaluate(self, node: tree.Evaluate) -> None:
        self._any(node.value)

    def _on_return(self, node: tree.Return) -> None:
        self._return(NOTHING if node.value is None else self.word(node.value))

    def _on_raise(self, node: tree.Raise) -> None:
        self.throw(str(STATUS[node.exception]))

    def _on_if(self, node: tree.If) -> None:
        yes, no, end = self.labels(3)
        self.branch(node.test, yes, no)
        self.start(yes)
        self.block(node.body)
        goes_on = self.is_open
        self.jump(end)
        self.start(no)
        self.block(node.orelse)
        if goes_on or self.is_open:
            self.start(end)

    def _repeat(self, body: tree.Body, again: str, end: str) -> None:
        self.loops.append((again, end))
        self.block(body)
        self.loops.pop()

    def _on_while(self, node: tree.While) -> None:
        head, body, end = self.labels(3)
        self.start(head)
        if node.test is None:
            self.jump(body)
        else:
            self.branch(node.test, body, end)
        self.start(body)
        self._repeat(node.body, head, end)
        self.jump(head)
        self.start(end)

    def _on_for(self, node: tree.For) -> None:
        """Whether a turn follows is asked before the step, which might leave 64 bits: `now < limit - step`."""
        body, again, following, end = self.labels(4)
        sign = "<" if node.step > 0 else ">"
        counter, first, limit = self.new_slot(), self.word(node.first), self.word(node.limit)
        last = self.new(f"call i64 @llvm.ssub.sat.i64(i64 {limit}, i64 {node.step})")
        self.save(first, counter)
        self.fork(self._compared(sign, first, limit), body, end)
        self.start(body)
        now = self.load(counter)
        self.save(now, self.locals[node.name])
        self._repeat(node.body, again, end)
        self.start(again)
        self.fork(self._compared(sign, now, last), following, end)
        self.start(following)
        self.save(self.new(f"add i64 {now}, {node.step}"), counter)
        self.jump(body)
        self.start(end)

    def _on_break(self, node: tree.Break) -> None:
        self.jump(self.loops[-1][1])

    def _on_continue(self, node: tree.Continue) -> None:
        self.jump(self.loops[-1][0])

    def _on_try(self, node: tree.Try) -> None:
        caught, end = self.labels(2)
        slot = self.new_slot()
        self.handlers.append((caught, slot))
        self.block(node.body)
        self.handlers.pop()
        self.jump(end)
        self.start(caught)
        self._note_unexplained(self.load(slot))
        self.block(node.handler)
        self.start(end)

    def _note_unexplained(self, status: str) -> None:
        """Keep the status of an error of a line, which the handler forgets; it ends the program."""
        note, end = self.labels(2)
        self.fork(self.new(f"icmp slt i64 {status}, 0"), note, end, SELDOM)
        self.start(note)
        word = self.new(f"add i64 %base, {self.new(f'add i64 %log, {UNEXPLAINED}')}")
        STEPS["store_word"](self, word, status)
        self.start(end)
