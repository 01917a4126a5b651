"""A writer that takes every path through insmod and rmmod and counts how often each one stops the machine."""

from stress.judge.outcomes import Code
from stress.kernel.modlist import changes_of
from stress.kernel.module import (
    EBUSY,
    ENODEV,
    ENOENT,
    EWOULDBLOCK,
    ListChange,
    begin_init,
    find_module,
    finish_init,
    sys_delete_module,
    sys_init_module,
    sys_init_module_failing,
)
from stress.kernel.protocol import Protocol, per_protocol
from stress.kernel.struct_module import IMAGE_MODULE, NAME, REFCOUNT
from stress.machine.blocks import STOPS
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, Operation, kernel
from stress.programs.modprobe import SLOT_IMAGE, draw_slot, rest, turn_listed

MISCOUNTED = int(Code.MISCOUNTED)
RIGHT = int(Code.RIGHT)

RMMOD_STOPS = 2
INSMOD_STOPS = 1
FAILED_INIT_STOPS = 2
IN_USE_STOPS = 1


@kernel
def judge_count(cpu: Cpu, before: int, result: int, wanted: int, stops: int) -> int:
    """Whether a system call returned `wanted` and stopped the machine `stops` times since `before`; the outcome."""
    if result == wanted and cpu.peek(STOPS) - before == stops:
        return RIGHT
    return MISCOUNTED


@kernel
def rmmod_missing(cpu: Cpu, name: int, unlink: ListChange) -> int:
    """rmmod of a module that is not loaded: ENOENT, no stop."""
    before = cpu.peek(STOPS)
    return judge_count(cpu, before, sys_delete_module(cpu, name, unlink), -ENOENT, 0)


@kernel
def rmmod_in_use(cpu: Cpu, name: int, unlink: ListChange) -> int:
    """rmmod of a module with a reference: EWOULDBLOCK, one stop to find that out."""
    mod = find_module(cpu, name)
    cpu.store(mod + REFCOUNT, 1)
    before = cpu.peek(STOPS)
    result = sys_delete_module(cpu, name, unlink)
    cpu.store(mod + REFCOUNT, 0)
    return judge_count(cpu, before, result, -EWOULDBLOCK, IN_USE_STOPS)


@kernel
def rmmod_listed(cpu: Cpu, name: int, unlink: ListChange) -> int:
    """rmmod: two stops."""
    before = cpu.peek(STOPS)
    return judge_count(cpu, before, sys_delete_module(cpu, name, unlink), 0, RMMOD_STOPS)


@kernel
def insmod_failing(cpu: Cpu, image: int, link: ListChange, unlink: ListChange) -> int:
    """insmod whose init() fails: two stops."""
    before = cpu.peek(STOPS)
    result = sys_init_module_failing(cpu, image, link, unlink)
    return judge_count(cpu, before, result, -ENODEV, FAILED_INIT_STOPS)


@kernel
def insmod_working(cpu: Cpu, image: int, link: ListChange) -> int:
    """insmod: one stop."""
    before = cpu.peek(STOPS)
    return judge_count(cpu, before, sys_init_module(cpu, image, link), 0, INSMOD_STOPS)


@kernel
def rmmod_coming(cpu: Cpu, image: int, link: ListChange, unlink: ListChange) -> int:
    """rmmod of a module whose init() still runs: EBUSY, no stop; then insmod completes."""
    mod = begin_init(cpu, image, link)
    before = cpu.peek(STOPS)
    result = sys_delete_module(cpu, image + IMAGE_MODULE + NAME, unlink)
    outcome = judge_count(cpu, before, result, -EBUSY, 0)
    finish_init(cpu, mod)
    return outcome


@kernel
def worst(left: int, right: int) -> int:
    """RIGHT if both outcomes are, else MISCOUNTED."""
    return RIGHT if left == RIGHT and right == RIGHT else MISCOUNTED


@kernel
def away_ways(cpu: Cpu, image: int, link: ListChange, unlink: ListChange) -> int:
    """The paths on which the module is not loaded at first; it is listed again at the end."""
    outcome = worst(rmmod_missing(cpu, image + IMAGE_MODULE + NAME, unlink), insmod_failing(cpu, image, link, unlink))
    if prandom(cpu, 2) == 0:
        return worst(outcome, insmod_working(cpu, image, link))
    return worst(outcome, rmmod_coming(cpu, image, link, unlink))


@kernel
def count_stops(cpu: Cpu, link: ListChange, unlink: ListChange) -> int:
    """One operation: every path through rmmod and insmod for a random module; RIGHT if each stops as often as it must.

    Only one CPU of a machine may run it, since STOPS counts the stops of the whole machine.
    """
    slot = draw_slot(cpu)
    if slot == 0:
        return UNJUDGED
    image = cpu.peek(slot + SLOT_IMAGE)
    name = image + IMAGE_MODULE + NAME
    turn_listed(cpu, slot)
    outcome = worst(rmmod_in_use(cpu, name, unlink), rmmod_listed(cpu, name, unlink))
    outcome = worst(outcome, away_ways(cpu, image, link, unlink))
    turn_listed(cpu, slot)
    rest(cpu)
    return outcome


@per_protocol("count_stops")
def count_stops_under(protocol: Protocol) -> Operation:
    """The writer that counts the stops of a kernel whose list changes by a protocol."""
    link, unlink = changes_of(protocol)

    def writer(cpu: Cpu) -> int:
        return count_stops(cpu, link, unlink)

    return writer
