"""Scenarios that use memory they must not and judge nothing of it themselves: the harness must find every one.

`benchmarks.shadow` runs them fifty times each on both engines; the tests run them once.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import AREAS, OPERATIONS
from stress.programs.modprobe import modprobe_locked

FOUND = int(Code.FOUND)
OBJ_BYTES = 64
WORK = AREAS + 0x800


@kernel
def freed_object(cpu: Cpu) -> int:
    """An object that is free; 0 if memory is short."""
    obj = kmalloc(cpu, OBJ_BYTES)
    kfree(cpu, obj)
    return obj


@kernel
def reader(cpu: Cpu) -> int:
    """A reader that finds what it looked for, in freed memory."""
    obj = freed_object(cpu)
    if obj != 0:
        cpu.load(obj + 8)
    return FOUND


@kernel
def unjudged(cpu: Cpu) -> int:
    """An operation with nothing to judge that writes to freed memory."""
    obj = freed_object(cpu)
    if obj != 0:
        cpu.store8(obj + 8, 1)
    return UNJUDGED


@kernel
def writer(cpu: Cpu) -> int:
    """A writer that loads and unloads modules, and updates what it has freed."""
    outcome = modprobe_locked(cpu)
    obj = freed_object(cpu)
    if obj != 0:
        cpu.cmpxchg(obj, 0, 1)
    return outcome


@kernel
def never_ending(cpu: Cpu) -> int:
    """An operation that reads freed memory, and that only power-off ends."""
    obj = freed_object(cpu)
    if obj != 0:
        cpu.load(obj)
    while True:
        cpu.sleep(1_000_000)


@kernel
def work(cpu: Cpu) -> int:
    """Accesses that NMIs come between."""
    for word in range(16):
        cpu.load(WORK + word * 8)
    return UNJUDGED


@kernel
def nmi(cpu: Cpu) -> int:
    """An NMI's handler that reads a word behind the heap's last block: nobody was ever given it."""
    obj = cpu.peek(WORK)
    if obj != 0:
        cpu.load8(obj + 8)
    return UNJUDGED


@kernel
def leave_freed(cpu: Cpu) -> int:
    """Leave an object that is free where the handler finds it, then work."""
    if cpu.peek(WORK) == 0 and cpu.number == 0:
        cpu.poke(WORK, freed_object(cpu))
    return work(cpu)


@kernel
def out_of_bounds(cpu: Cpu) -> int:
    """A reader that reads behind the end of its object."""
    obj = kmalloc(cpu, OBJ_BYTES)
    if obj != 0:
        cpu.load(obj + OBJ_BYTES)
    kfree(cpu, obj)
    return FOUND


@kernel
def late_write(cpu: Cpu) -> int:
    """A write into freed memory that no look at the shadow sees, as one that looked before the free; then a reuse."""
    obj = freed_object(cpu)
    if obj != 0:
        cpu.poke(obj + 16, cpu.number)
    cpu.sleep(100_000)
    return FOUND


@kernel
def last_write(cpu: Cpu) -> int:
    """The same once, in the first operation of CPU 0, and nobody takes the block again: power-off finds it."""
    if cpu.number == 0 and cpu.peek(cpu.log + OPERATIONS) == 0:
        obj = freed_object(cpu)
        cpu.poke(obj + 16, 1)
    cpu.sleep(1_000_000)
    return FOUND


def planted(name: str, operation: Operation, writes: bool = False, hardware: Hardware | None = None) -> Scenario:
    """A scenario all CPUs of which do the same, which is wrong."""
    return Scenario(
        name=name,
        claim="nothing is used after its free",
        source="planted",
        programs=(Program("wrong", operation, writes=writes),),
        expect="violated",
        hardware=hardware or Hardware(),
    )


PLANTED = {
    "after_free": (
        planted("reader", reader),
        planted("unjudged", unjudged),
        planted("writer", writer, writes=True),
        planted("never_ending", never_ending),
        planted("nmi", leave_freed, hardware=Hardware(nmi=Fraction(1, 50), nmi_handler=nmi)),
    ),
    "out_of_bounds": (planted("out_of_bounds", out_of_bounds),),
    "overwritten": (planted("late_write", late_write), planted("last_write", last_write)),
}
"""The planted scenarios by the outcome that each must end in."""
