"""A writer: unload a random module and load the one that was unloaded before it, at a pace.

So one module is not loaded for each writer, and the module that is loaded takes the memory that was freed last: stale
pointers soon point into another module. Each writer owns every WRITERS-th slot, so that a slot's words have one writer.
"""

from stress.judge.outcomes import Code
from stress.kernel.modlist import LOCKED, STOPPED, SystemCall, insmod_under, rmmod_under
from stress.kernel.protocol import Protocol, per_protocol
from stress.kernel.rest import rest_passing
from stress.kernel.stop_machine import cond_resched
from stress.kernel.struct_module import IMAGE_MODULE, NAME
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.words import AIM, PRIVATE, WRITERS, static

SLOTS = static("slots")
NUM_SLOTS = static("num_slots")

SLOT_IMAGE = 0
SLOT_LISTED = 8
SLOT_TARGETS = 16
SLOT_BYTES = 32

RIGHT = int(Code.RIGHT)

AWAY = PRIVATE
UPCOMING = PRIVATE + 8


@kernel
def turn_listed(cpu: Cpu, slot: int) -> None:
    """Say that the slot's module is about to leave the list, or has come into it."""
    # The word is even before a reader can see the unlink begin, and odd after it can see the link ended. A reader
    # that finds it odd and the same before and after its walk may not miss the module.
    cpu.barrier()
    cpu.poke(slot + SLOT_LISTED, cpu.peek(slot + SLOT_LISTED) + 1)
    cpu.barrier()


@kernel
def unload(cpu: Cpu, slot: int, rmmod: SystemCall) -> None:
    """rmmod of a slot's module; if it fails, the module counts as listed again.

    A module that an insmod found no memory for is not listed. To mark it as listed for as long as rmmod looks for it
    would make readers miss it.
    """
    if cpu.peek(slot + SLOT_LISTED) & 1 == 0:
        return
    turn_listed(cpu, slot)
    if rmmod(cpu, cpu.peek(slot + SLOT_IMAGE) + IMAGE_MODULE + NAME) != 0:
        turn_listed(cpu, slot)


@kernel
def load(cpu: Cpu, slot: int, insmod: SystemCall) -> None:
    """insmod of a slot's module."""
    if insmod(cpu, cpu.peek(slot + SLOT_IMAGE)) == 0:
        turn_listed(cpu, slot)


@kernel
def draw_slot(cpu: Cpu) -> int:
    """Address of a random slot of this writer; 0 if there are more writers than slots."""
    writers = cpu.peek(WRITERS)
    own = (cpu.peek(NUM_SLOTS) - cpu.number + writers - 1) // writers
    if own <= 0:
        return 0
    return cpu.peek(SLOTS) + (prandom(cpu, own) * writers + cpu.number) * SLOT_BYTES


@kernel
def take_slot(cpu: Cpu) -> int:
    """The slot that was drawn last time (0: none); draws the next one."""
    slot = cpu.peek(cpu.log + UPCOMING)
    cpu.poke(cpu.log + UPCOMING, draw_slot(cpu))
    return slot


@kernel
def announce(cpu: Cpu, slot: int) -> None:
    """Store which module is unloaded next (0: leave it as it is): half of the readers' lookups aim at that module.

    Only this CPU stores the word, and no order is needed: a late reader aims at the module before.
    """
    if slot != 0:
        cpu.poke(cpu.log + AIM, slot + SLOT_TARGETS)


@kernel
def rest(cpu: Cpu) -> None:
    """Wait for 0.5 to 1.5 times the run's pace."""
    rest_passing(cpu, cond_resched)


@kernel
def exchange(cpu: Cpu, slot: int, insmod: SystemCall, rmmod: SystemCall) -> None:
    """Unload the slot's module and load the one that is not loaded; if they are the same, only load it."""
    away = cpu.peek(cpu.log + AWAY)
    if slot != away:
        unload(cpu, slot, rmmod)
        announce(cpu, cpu.peek(cpu.log + UPCOMING))
    if away != 0:
        load(cpu, away, insmod)
    cpu.poke(cpu.log + AWAY, slot if slot != away else 0)


@kernel
def modprobe(cpu: Cpu, insmod: SystemCall, rmmod: SystemCall) -> int:
    """One operation: an unload, the load of the module that was unloaded last time, a rest.

    `insmod` takes the address of an image, `rmmod` that of a module's name; both return 0 or a negative error number.
    """
    slot = take_slot(cpu)
    if slot != 0:
        exchange(cpu, slot, insmod, rmmod)
    announce(cpu, cpu.peek(cpu.log + UPCOMING))
    rest(cpu)
    return UNJUDGED


@kernel
def modprobe_aimed(cpu: Cpu, insmod: SystemCall, rmmod: SystemCall) -> int:
    """One operation of a writer whose `insmod` is under test: readers aim at the module while it is being loaded."""
    slot = take_slot(cpu)
    away = cpu.peek(cpu.log + AWAY)
    announce(cpu, away)
    if away != 0:
        load(cpu, away, insmod)
    if slot != 0:
        unload(cpu, slot, rmmod)
    cpu.poke(cpu.log + AWAY, slot)
    rest(cpu)
    return UNJUDGED


@per_protocol("modprobe")
def modprobe_under(protocol: Protocol) -> Operation:
    """The writer of a kernel whose list changes by a protocol."""
    insmod, rmmod = insmod_under(protocol), rmmod_under(protocol)

    def writer(cpu: Cpu) -> int:
        return modprobe(cpu, insmod, rmmod)

    return writer


@per_protocol("modprobe_aimed")
def modprobe_aimed_under(protocol: Protocol) -> Operation:
    """The same, with readers that aim at the module while it is loaded."""
    insmod, rmmod = insmod_under(protocol), rmmod_under(protocol)

    def writer(cpu: Cpu) -> int:
        return modprobe_aimed(cpu, insmod, rmmod)

    return writer


@per_protocol("modprobe_judged")
def modprobe_judged_under(protocol: Protocol) -> Operation:
    """The same as `modprobe_under`, judged: right unless the kernel warned."""
    insmod, rmmod = insmod_under(protocol), rmmod_under(protocol)

    def writer(cpu: Cpu) -> int:
        modprobe(cpu, insmod, rmmod)
        return RIGHT

    return writer


modprobe_locked, modprobe_stopped = modprobe_under(LOCKED), modprobe_under(STOPPED)
