"""After rmmod's first stop the module is marked GOING, and still in the list: readers find it there.

The patched kernel, with an exit() that takes its time. The lookup is right and its memory is live, but it
names a module that is on its way out. So the mark alone protects nobody; what protects in the patched kernel
is that unlinking comes under a second stop, before the free.

Source: the patch's point (3).
"""

from stress import Program, Scenario
from stress.judge.lookups import FOUND
from stress.judge.outcomes import Code, with_more
from stress.kernel.kallsyms import NAMEBUF, SYMBOL_MODNAME
from stress.kernel.modlist import insmod_stopped, unlink_stopped
from stress.kernel.module import begin_exit, finish_exit
from stress.kernel.stop_machine import schedule
from stress.kernel.struct_module import MODULE_STATE_GOING, NAME, STATE
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader

GOING = int(Code.GOING)


@kernel
def rmmod(cpu: Cpu, name: int) -> int:
    """Unload a module whose exit() sleeps."""
    mod = begin_exit(cpu, name)
    if mod < 0:
        return mod
    schedule(cpu)
    finish_exit(cpu, mod, unlink_stopped)
    return 0


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, insmod_stopped, rmmod)


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup; a right answer from a module that is GOING is told apart."""
    outcome = kallsyms_reader(cpu)
    if outcome == FOUND:
        mod = cpu.peek(cpu.area + NAMEBUF + SYMBOL_MODNAME) - NAME
        if cpu.peek(mod + STATE) == MODULE_STATE_GOING:
            return GOING
    return outcome


SCENARIO = Scenario(
    name="going_still_listed",
    claim="once rmmod has stopped the machine and marked a module GOING, nobody finds it",
    source="the patch's point (3)",
    point="3",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
    outcomes=with_more("going"),
    learnt="modules are found GOING in the patched kernel too; there nothing worse comes of it",
)
