"""A pointer to a symbol's name is good until preemption is allowed again, and no longer.

The lookup in the module list forbids preemption, so that no stop comes in the middle of the walk. It returns a pointer
to the name, and allows preemption again before its caller copies the name. In between the stop of rmmod comes in,
and the copy reads a module that is gone. The fix copies the name before preemption is allowed again. This answers the
doubt of the patch of 2005: "I'm not sure how this is affected by preemption". The model is ours: interrupts preempt at
one access in 500 where preemption is allowed, and preempt_enable makes up for one that came before.

Source: commit 6dd06c9fbe0 (2.6.25), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, any_module, find_symbol_name
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.stop_machine import preempt_schedule
from stress.kernel.string import strncpy
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def allow_preemption(cpu: Cpu) -> None:
    """preempt_enable of a preemptible kernel: a stop that waits for this CPU comes in here."""
    preempt_enable(cpu)
    preempt_schedule(cpu)


@kernel
def lookup_returning_pointer(cpu: Cpu, address: int, symbol: int) -> bool:
    """Broken: the walk is protected, and the copy is not."""
    preempt_disable(cpu)
    name = find_symbol_name(cpu, address, symbol, any_module)
    allow_preemption(cpu)
    if name != 0:
        strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    return name != 0


@kernel
def lookup_copying(cpu: Cpu, address: int, symbol: int) -> bool:
    """Mended: walk and copy are protected."""
    preempt_disable(cpu)
    name = find_symbol_name(cpu, address, symbol, any_module)
    if name != 0:
        strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    allow_preemption(cpu)
    return name != 0


@kernel
def read_late(cpu: Cpu) -> int:
    """A lookup before the fix."""
    return read_symbol(cpu, lookup_returning_pointer)


@kernel
def read_inside(cpu: Cpu) -> int:
    """A lookup since the fix."""
    return read_symbol(cpu, lookup_copying)


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 500))
BROKEN = Scenario(
    name="broken",
    claim="preemption is off during the walk, so the pointer that the walk returns is good",
    source="6dd06c9fbe0 (2.6.25): before the fix",
    point="doubt",
    programs=(MODPROBE, Program("kallsyms", read_late)),
    hardware=PREEMPTIBLE,
    expect="violated",
    learnt="the copy is part of the read: it comes before preemption is allowed, or too late",
)
MENDED = Scenario(
    name="mended",
    claim="preemption is off until the name is copied, so every copy is whole",
    source="6dd06c9fbe0 (2.6.25)",
    point="doubt",
    programs=(MODPROBE, Program("kallsyms", read_inside)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    learnt="one line moved settles the patch's doubt",
)
SCENARIOS = [BROKEN, MENDED]
