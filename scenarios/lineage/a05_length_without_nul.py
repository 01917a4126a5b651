"""A buffer of KSYM_NAME_LEN bytes has room for what kallsyms_lookup writes.

KSYM_NAME_LEN does not count the NUL: a name has up to 127 characters, and the NUL is the 128th byte. kallsyms_lookup
stores a NUL there in any case. A caller on powerpc is off by one: its buffer ends before the NUL, and each lookup
overwrites the byte behind it. The fix lets the length count the NUL. The model is ours: a frame on the stack has the
buffer and a canary directly behind it, and each variant has the length of its time, 127 or 128.

Source: commit 9281acea6a3 (2.6.23), fact tagged V.
"""

from stress import Outcome, Program, Scenario
from stress.judge.lookups import (
    TARGET_ADDRESS,
    draw_target,
    judge_absence,
    judge_name,
    listed,
)
from stress.judge.outcomes import OUTCOMES
from stress.kernel.kallsyms import NAMEBUF, any_module, find_symbol_name
from stress.kernel.string import strncpy
from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel
from stress.machine.words import percpu
from stress.programs.modprobe import modprobe_under

LEN_WITHOUT_NUL = 127
LEN_WITH_NUL = 128
CANARY = 0xC5
FRAME = percpu("frame_with_canary", 17)
OUT = Outcome.table(smashed=("forbidden", "the byte behind the buffer was overwritten"))
SMASHED = OUT.smashed


@kernel
def kallsyms_lookup(cpu: Cpu, address: int, buffer: int, last: int) -> bool:
    """Look an address up and copy its symbol's name; the buffer's byte `last` is a NUL in any case."""
    cpu.store8(buffer + last, 0)
    name = find_symbol_name(cpu, address, cpu.area + NAMEBUF, any_module)
    if name == 0:
        return False
    strncpy(cpu, buffer, name, last)
    return True


@kernel
def lookup_in_frame(cpu: Cpu, target: int, last: int) -> int:
    """Look a target up into the frame; the outcome of the lookup."""
    buffer = cpu.area + FRAME
    listed_before = listed(cpu, target)
    cpu.barrier()
    if kallsyms_lookup(cpu, cpu.peek(target + TARGET_ADDRESS), buffer, last):
        return judge_name(cpu, target, buffer)
    return judge_absence(cpu, target, listed_before)


@kernel
def print_address(cpu: Cpu, length: int, last: int) -> int:
    """Print a symbol, with a buffer of `length` bytes and a canary behind it."""
    canary = cpu.area + FRAME + length
    cpu.store8(canary, CANARY)
    outcome = lookup_in_frame(cpu, draw_target(cpu), last)
    seen = cpu.load8(canary)
    note(cpu, "canary", seen)
    return SMASHED if seen != CANARY else outcome


@kernel
def print_without_nul(cpu: Cpu) -> int:
    """Broken: the length does not count the NUL, and the buffer has as many bytes."""
    return print_address(cpu, LEN_WITHOUT_NUL, LEN_WITHOUT_NUL)


@kernel
def print_with_nul(cpu: Cpu) -> int:
    """Mended: the length counts the NUL, which is the buffer's last byte."""
    return print_address(cpu, LEN_WITH_NUL, LEN_WITH_NUL - 1)


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a buffer of KSYM_NAME_LEN bytes holds a name and its NUL where the length counts the name alone",
    source="9281acea6a3 (2.6.23): before the fix",
    programs=(MODPROBE, Program("print_address", print_without_nul)),
    expect="violated",
    outcomes={**OUTCOMES, **OUT},
    learnt="every lookup stores one byte behind the buffer, however short the name is",
)
MENDED = Scenario(
    name="mended",
    claim="a buffer of KSYM_NAME_LEN bytes holds a name and its NUL where the length counts both",
    source="9281acea6a3 (2.6.23)",
    programs=(MODPROBE, Program("print_address", print_with_nul)),
    expect="held",
    twin=BROKEN,
    outcomes={**OUTCOMES, **OUT},
    learnt="a length that counts the NUL needs no + 1 that a caller may forget",
)
SCENARIOS = [BROKEN, MENDED]
