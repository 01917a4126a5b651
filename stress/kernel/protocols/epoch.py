"""EBR, epoch-based reclamation: a reader announces the epoch that it works in, and withdraws it at its end.

The epoch advances when every reader works in the present one; what was retired is freed two epochs later. Source:
Fraser, Practical lock-freedom, University of Cambridge, technical report 579 (2004), section 5.2.3.
"""

from stress.kernel.grace import defer, grace_of, phase_word, run_callbacks
from stress.kernel.protocol import Protocol, load_pointer, must_be_begun, no_section, no_step, preempt
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu

# A CPU's word: twice the epoch that it works in, and 1; 0 while it works in none.
ANNOUNCED = percpu("epoch_announced")


@kernel
def announce(cpu: Cpu, epoch: int) -> None:
    """Say that this CPU works in an epoch. Only this CPU stores its word."""
    cpu.store(cpu.area + ANNOUNCED, epoch * 2 + 1)
    # The epoch is seen before anything is read: a store followed by loads needs a full barrier, on x86 too.
    cpu.barrier()


@kernel
def enter(cpu: Cpu) -> None:
    """Begin to read, in the present epoch."""
    announce(cpu, cpu.load(EPOCH_NOW))


@kernel
def withdraw(cpu: Cpu) -> None:
    """Say that this CPU works in no epoch: all that was read was read before."""
    cpu.store_release(cpu.area + ANNOUNCED, 0)


@kernel
def leave(cpu: Cpu) -> bool:
    """End reading."""
    must_be_begun(cpu, cpu.peek(cpu.area + ANNOUNCED) != 0)
    withdraw(cpu)
    return True


@kernel
def all_in_epoch(cpu: Cpu, epoch: int) -> bool:
    """Whether every CPU that reads works in the present epoch."""
    for number in range(cpu.peek(CPUS)):
        announced = cpu.load(AREAS + number * AREA_BYTES + ANNOUNCED)
        if announced != 0 and announced >> 1 != epoch:
            return False
    return True


EPOCH_NOW = phase_word("epoch")
EPOCHS = grace_of("epoch", EPOCH_NOW, all_in_epoch)
ONE_EPOCH = EPOCHS.but(ends=1)


@kernel
def retire_for_epochs(cpu: Cpu, block: int) -> None:
    """Free `block` at a safepoint of this CPU, two epochs later."""
    defer(cpu, EPOCHS, block)


@kernel
def free_old_epochs(cpu: Cpu) -> None:
    """The safepoint: free what was retired two epochs ago, and advance the epoch if it can be."""
    run_callbacks(cpu, EPOCHS)


@kernel
def epoch_section(cpu: Cpu) -> int:
    """The word of the epoch that this CPU works in, or 0."""
    word = cpu.area + ANNOUNCED
    return word if cpu.peek(word) != 0 else 0


@kernel
def epoch_oops(cpu: Cpu) -> None:
    """An oops ends reading."""
    cpu.poke(cpu.area + ANNOUNCED, 0)


@kernel
def free_last_epoch(cpu: Cpu) -> None:
    """Broken: free after one epoch, when readers of the epoch of the retirement may be left."""
    run_callbacks(cpu, ONE_EPOCH)


@kernel
def leave_first(cpu: Cpu) -> None:
    """Broken, with `enter_late`: entry and exit are mixed up, so that the CPU announces nothing while it reads."""
    withdraw(cpu)


@kernel
def enter_late(cpu: Cpu) -> bool:
    """Broken: announce the epoch when reading has ended."""
    enter(cpu)
    return True


@kernel
def enter_at_first_pointer(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: announce the epoch behind the first pointer, which may have been retired and freed in between."""
    pointer = load_pointer(cpu, address, slot)
    if cpu.load(cpu.area + ANNOUNCED) == 0:
        enter(cpu)
    return pointer


EPOCH_FREED_AT_ONCE = Protocol(
    "epoch_freed_at_once",
    read_begin=enter,
    read_end=leave,
    safepoint=free_old_epochs,
    interrupt=preempt,
    section=epoch_section,
    oops=epoch_oops,
    claim="broken: an object is freed as soon as it is taken off, whatever epochs readers work in",
    source="Fraser, Practical lock-freedom, 2004",
)
EPOCH = EPOCH_FREED_AT_ONCE.but(
    "epoch",
    retire=retire_for_epochs,
    claim="an object is freed two epochs after it was taken off; an epoch ends when every reader works in it",
    lacking=EPOCH_FREED_AT_ONCE,
)
EPOCH_BROKEN = (
    EPOCH_FREED_AT_ONCE,
    EPOCH.but(
        "epoch_freed_one_later",
        safepoint=free_last_epoch,
        claim="broken: an object is freed one epoch later, when readers of its epoch may be left",
    ),
    EPOCH.but(
        "epoch_exit_and_entry_swapped",
        read_begin=leave_first,
        read_end=enter_late,
        section=no_section,
        claim="broken: a reader withdraws its epoch at its beginning, and announces it at its end",
    ),
    EPOCH.but(
        "epoch_announced_late",
        read_begin=no_step,
        dereference=enter_at_first_pointer,
        claim="broken: a reader announces its epoch behind the first pointer that it loads",
    ),
)
