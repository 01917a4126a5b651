"""A lock-free stack under the protocols that it can have: pop is a compare-exchange of the top, and two CPUs pop.

Without protection a pop reads the link of a node that another CPU has popped and freed. If that memory is the top again
meanwhile, the compare-exchange succeeds with an old link (the ABA problem), and nodes are lost or popped twice. The
protocols that keep a node from being reused while a pop holds it cure both.

Source: Treiber, Systems Programming: Coping with Parallelism, IBM RJ 5118 (1986); the problem as in Michael, Hazard
Pointers (2004), section 3.
"""

from stress import Outcome, Program, Protocol, Struct, Structure, study
from stress.kernel import Cpu, has_contents, kernel, new, note, prandom, static, write_contents
from stress.protocols import EPOCH, HAZARD, PERCPU_REF, QSBR, RCU, REFCOUNT, SPINLOCK, SRCU

NODES = 8
CONTENTS = 4
KEYS = 1 << 16

Node = Struct("node", next="pointer", key="word", taken="word", contents=CONTENTS)
TOP = static("stack_top")
OUT = Outcome.table(
    whole=("acceptable", "a node and its own contents"),
    empty=("acceptable", "there is no node just now, or the stack has changed meanwhile"),
    wrong=("forbidden", "contents of something else"),
    twice=("forbidden", "popped a node that somebody else has popped"),
)


@kernel
def push(cpu: Cpu, p: Protocol) -> None:
    """Push a new node, if there is memory."""
    node = new(cpu, Node)
    if node == 0:
        return
    key = prandom(cpu, KEYS)
    cpu.store(node + Node.key, key)
    cpu.store(node + Node.taken, 0)
    write_contents(cpu, node + Node.contents, CONTENTS, key)
    pushed = False
    while not pushed:
        top = cpu.load(TOP)
        cpu.store(node + Node.next, top)
        pushed = cpu.cmpxchg(TOP, top, node) == top


@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    """Some nodes."""
    for _ in range(NODES):
        push(cpu, p)


@kernel
def take(cpu: Cpu, p: Protocol) -> int:
    """Pop a node in a read section: the protocol keeps it from being freed; 0 if there is none."""
    while True:
        node = p.dereference(cpu, TOP, 0)
        if node == 0 or cpu.cmpxchg(TOP, node, cpu.load(node + Node.next)) == node:
            return node
        cpu.relax(TOP)


@kernel
def pop_and_push(cpu: Cpu, p: Protocol) -> int:
    """One operation: pop a node, retire it, and push a new one; nobody else may have popped it."""
    p.read_begin(cpu)
    node = take(cpu, p)
    alone = node == 0 or cpu.xchg(node + Node.taken, 1) == 0
    p.read_end(cpu)
    if node != 0 and alone:
        p.retire(cpu, node)
    push(cpu, p)
    return OUT.whole if alone else OUT.twice


@kernel
def look(cpu: Cpu, p: Protocol) -> int:
    """Read the top node."""
    node = p.dereference(cpu, TOP, 0)
    if node == 0:
        return OUT.empty
    key = cpu.load(node + Node.key)
    note(cpu, "key", key)
    return OUT.whole if has_contents(cpu, node + Node.contents, CONTENTS, key) else OUT.wrong


@kernel
def peek(cpu: Cpu, p: Protocol) -> int:
    """The reader: read the top node; what was read counts only if the protocol says so."""
    p.read_begin(cpu)
    outcome = look(cpu, p)
    return outcome if p.read_end(cpu) else OUT.empty


STACK = Structure("stack", [Node], fill, outcomes=OUT, objects=512)
SCENARIOS = study(
    STACK,
    readers=peek,
    writer=(Program("pop_and_push", pop_and_push, cpus=2, writes=True),),
    held=(SPINLOCK, RCU, SRCU, QSBR, EPOCH, HAZARD, REFCOUNT, PERCPU_REF),
)
