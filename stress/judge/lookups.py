"""Judging one lookup: the reader's target, what it should give, and what it gave. Kernel code.

The right answer to every lookup is known without a lock: a module's addresses are its own for the whole
run, and only addresses whose name is unique in the corpus are drawn. Whether the module was listed
throughout is known from a word of its slot, odd while it is listed, which only the CPU that owns the slot
stores.
"""

from stress.judge.names import NAME_BYTES, judge_wrong_name, same_name, same_text
from stress.judge.outcomes import Code
from stress.machine.blocks import SHADOW_REDZONE
from stress.machine.loop import disagree, is_window
from stress.machine.notes import note_answer, note_copy, note_subject
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AIM, HIT_ADDRESS, HIT_SHADOW, LOG_BYTES, WRITERS, static

TARGETS = static("targets", 2)
NUM_TARGETS = TARGETS + 8
KASAN = static("kasan")

# A target: the padded name, the address, the word that is odd while its module is listed, the module's own name.
TARGET_ADDRESS = NAME_BYTES
TARGET_LISTED = NAME_BYTES + 8
TARGET_MODNAME = NAME_BYTES + 16
TARGET_BYTES = NAME_BYTES + 24

# A range of targets: the address of its first, and how many. All of them, or those of a slot's module.
RANGE_TARGETS = 8

POISONED = int(Code.POISONED)
FREED = int(Code.FREED)
MISSED = int(Code.MISSED)
ABSENT = int(Code.ABSENT)
FOUND = int(Code.FOUND)
GARBLED = int(Code.GARBLED)


@kernel
def aim_of(cpu: Cpu, writer: int) -> int:
    """The targets of the module that CPU `writer` is to unload next; all targets if it has not said."""
    aim = cpu.peek(cpu.log + (writer - cpu.number) * LOG_BYTES + AIM)
    return aim if aim != 0 and cpu.peek(aim + RANGE_TARGETS) != 0 else TARGETS


@kernel
def draw_range(cpu: Cpu) -> int:
    """Half of the time all targets; else those of the module that a writer, drawn at random, is to unload next."""
    writers = cpu.peek(WRITERS)
    writer = prandom(cpu, 2 * max(writers, 1))
    return aim_of(cpu, writer) if writer < writers else TARGETS


@kernel
def draw_from(cpu: Cpu, table: int) -> int:
    """One of a range of targets at random."""
    return cpu.peek(table) + prandom(cpu, cpu.peek(table + RANGE_TARGETS)) * TARGET_BYTES


@kernel
def draw_anywhere(cpu: Cpu) -> int:
    """A target of any module at random."""
    target = draw_from(cpu, TARGETS)
    note_subject(cpu, target)
    return target


@kernel
def draw_next_to_go(cpu: Cpu) -> int:
    """A target of the module that a writer, drawn at random, is to unload next."""
    return draw_from(cpu, aim_of(cpu, prandom(cpu, max(cpu.peek(WRITERS), 1))))


@kernel
def draw_target(cpu: Cpu) -> int:
    """A target at random. The race needs readers who stand on what is about to go, so half of them aim there."""
    target = draw_from(cpu, draw_range(cpu))
    note_subject(cpu, target)
    return target


@kernel
def listed(cpu: Cpu, target: int) -> int:
    """How often the target's module has come and gone: odd while it is listed."""
    return cpu.peek(cpu.peek(target + TARGET_LISTED))


@kernel
def read_freed(cpu: Cpu) -> bool:
    """Whether the operation touched freed memory; a redzone was never anybody's, and is not this judge's to tell."""
    return cpu.peek(cpu.log + HIT_ADDRESS) != 0 and cpu.peek(cpu.log + HIT_SHADOW) != SHADOW_REDZONE


@kernel
def judge_absence(cpu: Cpu, target: int, listed_before: int) -> int:
    """The outcome of a lookup that found nothing."""
    if read_freed(cpu):
        return FREED
    cpu.barrier()
    if listed_before & 1 == 1 and listed(cpu, target) == listed_before:
        return MISSED
    return ABSENT


@kernel
def cross_check(cpu: Cpu, outcome: int) -> int:
    """Count a disagreement when poison was copied, the shadow saw nothing, and no writer did anything; `outcome`."""
    if outcome == POISONED and cpu.peek(KASAN) != 0 and cpu.peek(cpu.log + HIT_ADDRESS) == 0 and not is_window(cpu):
        disagree(cpu)
    return outcome


@kernel
def judge_text(cpu: Cpu, expected: int, name: int) -> int:
    """The outcome of a copied string that should be the one at `expected`, up to its NUL."""
    note_copy(cpu, expected, name)
    if same_text(cpu, name, expected):
        return FREED if read_freed(cpu) else FOUND
    return cross_check(cpu, judge_wrong_name(cpu, name))


@kernel
def judge_address(cpu: Cpu, target: int, address: int) -> int:
    """The outcome of a lookup by name that gave `address`."""
    note_answer(cpu, address)
    if address != cpu.peek(target + TARGET_ADDRESS):
        return GARBLED
    return FREED if read_freed(cpu) else FOUND


@kernel
def judge_name(cpu: Cpu, target: int, name: int) -> int:
    """The outcome of a lookup that copied a name."""
    note_copy(cpu, target, name)
    if same_name(cpu, name, target):
        return FREED if read_freed(cpu) else FOUND
    return cross_check(cpu, judge_wrong_name(cpu, name))
