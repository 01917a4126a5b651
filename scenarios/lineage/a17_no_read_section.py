"""Who looks a module up in the list is in a read section, from the lookup to the last use.

rmmod takes a module off the list, waits for a grace period and frees it. The lookup itself is fit for that: it walks
the list as RCU wants it. But the read section is up to its callers, and some of them have none. A grace period does not
wait for them, so the module is freed while they walk over it or use it. The fixes give these callers a read section.
The model is ours: a caller finds a module by its name, and searches its symbols for one. One access in 500 is
preempted for half a millisecond, in a read section too.

Source: commits a006050575745 (2021), fact tagged S, and d099f594ad56 (2023), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.judge.lookups import TARGET_MODNAME, draw_target, judge_absence, judge_address, listed
from stress.judge.names import length_of
from stress.kernel.kallsyms import KSYM_NAME_LEN, NAMEBUF
from stress.kernel.kallsyms_names import module_kallsyms_lookup_name
from stress.kernel.list import list_del_rcu
from stress.kernel.modlist import insmod_under
from stress.kernel.module import ENOENT, ENOMEM, find_module, finish_exit
from stress.kernel.protocol import lock_updates, unlock_updates
from stress.kernel.protocols.rcu import RCU, RCU_PHASE, call_rcu, rcu_callbacks, rcu_read_lock, rcu_read_unlock
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import LIST, MODULE_MUTEX, MODULE_STATE_GOING, STATE
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe

SLICE_NANOSECONDS = 500_000

insmod_rcu = insmod_under(RCU)


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module; where memory is short, wait for what a grace period sets free. 0 or -EEXIST."""
    result = insmod_rcu(cpu, image)
    while result == -ENOMEM:
        cpu.relax(RCU_PHASE)
        rcu_callbacks(cpu)
        result = insmod_rcu(cpu, image)
    return result


@kernel
def unlink(cpu: Cpu, mod: int) -> None:
    """Take a module off the list, and keep its link for the readers who stand on it."""
    lock_updates(cpu)
    list_del_rcu(cpu, mod + LIST)
    unlock_updates(cpu)


@kernel
def rmmod(cpu: Cpu, name: int) -> int:
    """Unload a module with no stop; it is freed after a grace period. 0 or -ENOENT."""
    down(cpu, MODULE_MUTEX)
    mod = find_module(cpu, name)
    if mod != 0:
        cpu.store(mod + STATE, MODULE_STATE_GOING)
    up(cpu, MODULE_MUTEX)
    if mod == 0:
        return -ENOENT
    finish_exit(cpu, mod, unlink, call_rcu)
    return 0


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, insmod, rmmod)


@kernel
def call(cpu: Cpu) -> int:
    """Broken: look "mod:sym" up with no read section. A name that is cut in the target table is not looked up."""
    target = draw_target(cpu)
    if length_of(cpu, target) == KSYM_NAME_LEN:
        return UNJUDGED
    cpu.copy_unchecked(cpu.area + NAMEBUF, target, KSYM_NAME_LEN + 1)
    listed_before = listed(cpu, target)
    cpu.barrier()
    address = module_kallsyms_lookup_name(cpu, cpu.peek(target + TARGET_MODNAME), cpu.area + NAMEBUF)
    if address == 0:
        return judge_absence(cpu, target, listed_before)
    return judge_address(cpu, target, address)


@kernel
def call_in_section(cpu: Cpu) -> int:
    """Mended: the caller's read section is around the lookup and the use."""
    rcu_read_lock(cpu)
    outcome = call(cpu)
    rcu_read_unlock(cpu)
    return outcome


@kernel
def preempt(cpu: Cpu) -> None:
    """The interrupt handler: another thread runs for a while. It ends no read section of RCU."""
    cpu.sleep(SLICE_NANOSECONDS)


PREEMPTED = RCU.but("preempted", interrupt=preempt)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 500))
MODPROBE = Program("modprobe", writer, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="the list is changed as RCU wants it, so anybody may look a module up",
    source="a006050575745 (2021), d099f594ad56 (2023): before the fixes",
    programs=(MODPROBE, Program("lookup_name", call)),
    hardware=PREEMPTIBLE,
    expect="violated",
    protocol=PREEMPTED,
    learnt="a grace period waits for read sections, and for nobody else",
)
MENDED = Scenario(
    name="mended",
    claim="a module that was looked up in a read section may be used until its end",
    source="a006050575745 (2021), d099f594ad56 (2023)",
    programs=(MODPROBE, Program("lookup_name", call_in_section)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    protocol=PREEMPTED,
    learnt="two lines in each caller: what the lookup finds stays until the caller is done",
)
SCENARIOS = [BROKEN, MENDED]
