"""One kernel operation at a time, on either engine: what the two engines must do alike is called from here.

Operations have numbers, and a kernel function for each group of them runs the one with a number. The python
engine runs it as it is; for the native engine it is compiled once, behind a function that makes the CPU.
"""

import ctypes
import functools
from collections.abc import Callable

from stress.judge.lookups import TARGET_ADDRESS, TARGETS, judge_absence, judge_name
from stress.judge.names import judge_wrong_name
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.list import LIST_POISON1, LIST_POISON2, list_add, list_del
from stress.kernel.modlist import link_stopped, unlink_stopped
from stress.kernel.module import sys_delete_module, sys_init_module
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.string import strcmp, strncpy
from stress.machine.blocks import HEAP_NEXT
from stress.machine.events import take_nmi
from stress.machine.language.tree import CpuKind
from stress.machine.latency import record_latency
from stress.machine.loop import BROKEN, begin_operation, faulted, finish_operation
from stress.machine.notes import note_step, note_subject
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.random import prandom
from stress.machine.seam import Cpu, harness, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import area_address
from tests.support import KASAN, compiled

Group = Callable[[Cpu, int, int, int], int]
Engine = Callable[[Ram, int, int, int], int]

LOAD, STORE, LOAD8, STORE8, CMPXCHG = 0, 1, 2, 3, 4
XCHG, FETCH_ADD, LOAD_ACQUIRE, STORE_RELEASE = 5, 6, 7, 8
FILL, COPY = 50, 51
COPIED_BYTES = 64
KMALLOC, KFREE, LIST_ADD, LIST_DEL = 10, 11, 12, 13
STRNCPY, STRCMP, SPIN, STOP, DRAW, LATENCY = 20, 21, 22, 23, 24, 25
INSMOD, RMMOD, LOOKUP = 30, 31, 32
JUDGE_NAME, JUDGE_ABSENCE, JUDGE_WRONG, READ, NESTED = 40, 41, 42, 43, 44


@kernel
def access(cpu: Cpu, number: int, a: int, b: int) -> int:
    """A single access at address `a`, with `b`."""
    if number == LOAD:
        return cpu.load(a)
    if number == LOAD8:
        return cpu.load8(a)
    if number == CMPXCHG:
        return cpu.cmpxchg(a, 0, b)
    if number == STORE:
        cpu.store(a, b)
    else:
        cpu.store8(a, b)
    return 0


@kernel
def ordered(cpu: Cpu, number: int, a: int, b: int) -> int:
    """An access at address `a`, with `b`, that is atomic or has an order."""
    cpu.rmb()
    cpu.wmb()
    if number == XCHG:
        return cpu.xchg(a, b)
    if number == FETCH_ADD:
        return cpu.fetch_add(a, b)
    if number == LOAD_ACQUIRE:
        return cpu.load_acquire(a)
    cpu.store_release(a, b)
    return 0


@kernel
def manage(cpu: Cpu, number: int, a: int, b: int) -> int:
    """Slabs and lists."""
    if number == KMALLOC:
        return kmalloc(cpu, a)
    if number == KFREE:
        kfree(cpu, a)
    elif number == LIST_ADD:
        list_add(cpu, a, b)
    else:
        list_del(cpu, a)
    return 0


@kernel
def small(cpu: Cpu, number: int, a: int, b: int) -> int:
    """Strings, locks, a whole stop, numbers."""
    if number == STRCMP:
        return strcmp(cpu, a, b)
    if number == DRAW:
        return prandom(cpu, a)
    if number == STRNCPY:
        strncpy(cpu, a, b, 127)
    elif number == SPIN:
        spin_lock(cpu, a)
        spin_unlock(cpu, a)
    elif number == STOP:
        stop_machine(cpu)
        restart_machine(cpu)
    else:
        record_latency(cpu, a)
    return 0


@kernel
def modules(cpu: Cpu, number: int, a: int, b: int) -> int:
    """Loading, unloading, looking up."""
    if number == INSMOD:
        return sys_init_module(cpu, a, link_stopped)
    if number == RMMOD:
        return sys_delete_module(cpu, a, unlink_stopped)
    return 1 if kallsyms_lookup(cpu, a, b) else 0


@kernel
def oopsing_handler(cpu: Cpu) -> int:
    """An NMI handler that is told of another subject, walks, reads the freed heap and follows a list poison."""
    note_subject(cpu, cpu.peek(TARGETS))
    for step in range(3):
        note_step(cpu, LIST_POISON2 + step, step)
    cpu.load8(cpu.peek(HEAP_NEXT))
    return cpu.load(LIST_POISON1)


@kernel
def interrupted(cpu: Cpu, target: int, freed: int) -> int:
    """A read of freed memory that an NMI comes behind, and that then finds nothing."""
    note_subject(cpu, target)
    note_step(cpu, freed, 0)
    cpu.load(freed)
    take_nmi(cpu, oopsing_handler)
    return judge_absence(cpu, target, 1)


@kernel
def judge(cpu: Cpu, number: int, a: int, b: int) -> int:
    """Judging; and a whole read of the target at `a` into the buffer at `b`, as if its module were always listed."""
    if number == READ:
        note_subject(cpu, a)
        if kallsyms_lookup(cpu, cpu.peek(a + TARGET_ADDRESS), b):
            return judge_name(cpu, a, b)
        return judge_absence(cpu, a, 1)
    if number == NESTED:
        return interrupted(cpu, a, b)
    if number == JUDGE_NAME:
        return judge_name(cpu, a, b)
    if number == JUDGE_ABSENCE:
        return judge_absence(cpu, a, b)
    return judge_wrong_name(cpu, a)


@kernel
def many(cpu: Cpu, number: int, a: int, b: int) -> int:
    """Fill `b` bytes at `a`; or copy COPIED_BYTES to `a` from `b`."""
    if number == FILL:
        cpu.fill(a, b, 0x11)
    else:
        cpu.copy(a, b, COPIED_BYTES)
    return 0


@harness
def turn(cpu: Cpu, group: Group, number: int, a: int, b: int) -> int:
    """One turn of a CPU's loop around an operation; its value, or the fault's cause. Only judged ones are counted.

    Notes are forgotten before it, not after it, so that a test can read them.
    """
    begin_operation(cpu)
    outcome = 0
    try:
        outcome = group(cpu, number, a, b)
    except Exception:
        outcome = faulted(cpu)
    if JUDGE_NAME <= number < FILL and outcome != BROKEN:
        finish_operation(cpu, outcome)
    return outcome


def group_of(number: int) -> Group:
    """The kernel function that has the operation `number`."""
    starts = {XCHG: access, KMALLOC: ordered, STRNCPY: manage, INSMOD: small, JUDGE_NAME: modules, FILL: judge}
    return next((group for start, group in starts.items() if number < start), many)


def on_python(ram: Ram, number: int, a: int = 0, b: int = 0) -> int:
    """One turn on CPU 0 of the python engine."""
    return turn(PythonCpu(ram, 0, KASAN), group_of(number), number, a, b)


@functools.cache
def native_turn(group: Group) -> Callable[..., int]:
    """`turn` of a group compiled, given the four numbers that make a CPU."""
    return compiled(turn, CpuKind(KASAN), group, None, None, None)


def on_native(ram: Ram, number: int, a: int = 0, b: int = 0) -> int:
    """One turn on CPU 0 of the native engine."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
    return native_turn(group_of(number))(base, 0, area_address(0), ram.map.log(0), number, a, b)


TURNS: dict[str, Engine] = {"python": on_python, "native": on_native}
