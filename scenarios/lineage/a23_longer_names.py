"""A buffer for a symbol's name grows with KSYM_NAME_LEN: a number written by hand does not.

Names of symbols may have 511 characters where they had 127 before. kallsyms_lookup writes that much into the buffer of
its caller: it stores a NUL into the last byte that such a buffer has, however short the name is. The debugger xmon has
a buffer of 128 bytes, by number, and this stays as it is: each lookup overwrites what lies behind the buffer. The fix
gives it KSYM_NAME_LEN bytes. The model is ours: a frame has the buffer, and a pattern from the buffer's end up to the
frame's; the copy pads the name with zeros, as the strncpy of 2.6.11 does; the names are those of the corpus.

Source: commit b8a94bfb3395 (2022), fact tagged V.
"""

from stress import Outcome, Program, Scenario
from stress.judge.lookups import TARGET_ADDRESS, draw_target, judge_absence, judge_name, listed
from stress.judge.outcomes import OUTCOMES
from stress.kernel.kallsyms import NAMEBUF, any_module, find_symbol_name
from stress.kernel.string import strncpy
from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel
from stress.machine.words import percpu
from stress.programs.modprobe import modprobe_under

KSYM_NAME_LEN = 512
"""The NUL included."""
OLD_LEN = 128
PATTERN = 0x0C5C_5C5C_5C5C_5C5C
FRAME_BYTES = KSYM_NAME_LEN + 8
FRAME = percpu("xmon_frame", FRAME_BYTES // 8)
OUT = Outcome.table(smashed=("forbidden", "the frame behind the buffer was overwritten"))
SMASHED = OUT.smashed


@kernel
def kallsyms_lookup(cpu: Cpu, address: int, buffer: int) -> bool:
    """Look an address up and copy its symbol's name into a buffer, which should have KSYM_NAME_LEN bytes."""
    cpu.store8(buffer + KSYM_NAME_LEN - 1, 0)
    name = find_symbol_name(cpu, address, cpu.area + NAMEBUF, any_module)
    if name == 0:
        return False
    strncpy(cpu, buffer, name, KSYM_NAME_LEN - 1)
    return True


@kernel
def lookup_in_frame(cpu: Cpu, target: int) -> int:
    """Look a target up into the frame's buffer; the outcome of the lookup."""
    buffer = cpu.area + FRAME
    listed_before = listed(cpu, target)
    cpu.barrier()
    if kallsyms_lookup(cpu, cpu.peek(target + TARGET_ADDRESS), buffer):
        return judge_name(cpu, target, buffer)
    return judge_absence(cpu, target, listed_before)


@kernel
def write_pattern(cpu: Cpu, length: int) -> None:
    """Fill the frame behind a buffer of `length` bytes."""
    for at in range(length, FRAME_BYTES, 8):
        cpu.store(cpu.area + FRAME + at, PATTERN)


@kernel
def is_smashed(cpu: Cpu, length: int) -> bool:
    """Whether the frame behind a buffer of `length` bytes has changed; the place of the first change is noted."""
    for at in range(length, FRAME_BYTES, 8):
        if cpu.load(cpu.area + FRAME + at) != PATTERN:
            note(cpu, "behind_the_buffer", at - length)
            return True
    return False


@kernel
def xmon_print(cpu: Cpu, length: int) -> int:
    """Print a symbol, with a buffer of `length` bytes."""
    write_pattern(cpu, length)
    outcome = lookup_in_frame(cpu, draw_target(cpu))
    return SMASHED if is_smashed(cpu, length) else outcome


@kernel
def print_by_number(cpu: Cpu) -> int:
    """Broken: the buffer has as many bytes as names had once."""
    return xmon_print(cpu, OLD_LEN)


@kernel
def print_by_length(cpu: Cpu) -> int:
    """Mended: the buffer has KSYM_NAME_LEN bytes."""
    return xmon_print(cpu, KSYM_NAME_LEN)


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a buffer of 128 bytes is enough for a symbol's name, as it has always been",
    source="b8a94bfb3395 (2022): before the fix",
    programs=(MODPROBE, Program("xmon", print_by_number)),
    expect="violated",
    outcomes={**OUTCOMES, **OUT},
    learnt="no name of the corpus is too long, and the frame is overwritten at every lookup",
)
MENDED = Scenario(
    name="mended",
    claim="a buffer of KSYM_NAME_LEN bytes is enough for a symbol's name, whatever the number is",
    source="b8a94bfb3395 (2022)",
    programs=(MODPROBE, Program("xmon", print_by_length)),
    expect="held",
    twin=BROKEN,
    outcomes={**OUTCOMES, **OUT},
    learnt="the callee writes as much as the constant says, so the caller asks the constant too",
)
SCENARIOS = [BROKEN, MENDED]
