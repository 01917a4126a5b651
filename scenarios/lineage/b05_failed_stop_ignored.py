"""rmmod asks for the threads of its stops before it begins, and fails if there are none.

stop_machine_run starts a thread on each CPU. If it cannot start them, it returns an error, and the function that takes
the module off the list has not run. rmmod drops the error and frees the module, which is still in the list. The fix
gets the threads first, where rmmod can still fail and leave the module as it was. In the model a program starts as many
threads as there may be and ends them again, and only the second stop of rmmod needs threads.

Source: commits 9e01892c423 and 9ea09af3bd3 (2.6.29), fact tagged V.
"""

from stress import Program, Scenario
from stress.kernel.modlist import insmod_stopped, rmmod_stopped, unlink_stopped
from stress.kernel.module import ENOMEM, sys_delete_module
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS, static
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader

BURST_NANOSECONDS = 50_000
# How many threads there are, besides those that are always there. Changed by compare-exchange and single additions.
THREADS = static("threads_started")


@kernel
def most_threads(cpu: Cpu) -> int:
    """How many threads there may be: enough for two stops."""
    return 2 * cpu.peek(CPUS)


@kernel
def start_threads(cpu: Cpu, number: int) -> bool:
    """Start so many threads; False if there would be more than there may be."""
    started = cpu.load(THREADS)
    while started + number <= most_threads(cpu):
        seen = cpu.cmpxchg(THREADS, started, started + number)
        if seen == started:
            return True
        started = seen
    return False


@kernel
def end_threads(cpu: Cpu, number: int) -> None:
    """End so many threads."""
    cpu.fetch_add(THREADS, -number)


@kernel
def fork(cpu: Cpu) -> int:
    """A program that starts one thread after the other until there may be no more; then all of them end."""
    started = 0
    while start_threads(cpu, 1):
        started += 1
    cpu.sleep(BURST_NANOSECONDS)
    end_threads(cpu, started)
    cpu.sleep(BURST_NANOSECONDS)
    return UNJUDGED


@kernel
def unlink_unchecked(cpu: Cpu, mod: int) -> None:
    """Broken: take the module off the list under a stop; nobody is told if there are no threads for it."""
    if start_threads(cpu, cpu.peek(CPUS)):
        unlink_stopped(cpu, mod)
        end_threads(cpu, cpu.peek(CPUS))


@kernel
def rmmod_unchecked(cpu: Cpu, name: int) -> int:
    """rmmod before the fix."""
    return sys_delete_module(cpu, name, unlink_unchecked)


@kernel
def rmmod_prepared(cpu: Cpu, name: int) -> int:
    """Mended: get the threads (stop_machine_create), or do nothing at all; then no stop can fail."""
    if not start_threads(cpu, cpu.peek(CPUS)):
        return -ENOMEM
    result = rmmod_stopped(cpu, name)
    end_threads(cpu, cpu.peek(CPUS))
    return result


@kernel
def modprobe_unchecked(cpu: Cpu) -> int:
    """The writer before the fix."""
    return modprobe(cpu, insmod_stopped, rmmod_unchecked)


@kernel
def modprobe_prepared(cpu: Cpu) -> int:
    """The writer since the fix."""
    return modprobe(cpu, insmod_stopped, rmmod_prepared)


OTHERS = (Program("fork", fork, cpus=1), Program("kallsyms", kallsyms_reader))
BROKEN = Scenario(
    name="broken",
    claim="a stop never fails, so its error need not be looked at",
    source="9e01892c423, 9ea09af3bd3 (2.6.29): before the fix",
    point="unsaid",
    programs=(Program("modprobe", modprobe_unchecked, cpus=1, writes=True), *OTHERS),
    expect="violated",
    learnt="a stop without threads leaves the module in the list, and rmmod frees it",
)
MENDED = Scenario(
    name="mended",
    claim="a stop whose threads are there before rmmod begins does not fail",
    source="9e01892c423, 9ea09af3bd3 (2.6.29)",
    point="unsaid",
    programs=(Program("modprobe", modprobe_prepared, cpus=1, writes=True), *OTHERS),
    expect="held",
    twin=BROKEN,
    learnt="rmmod fails where it has done nothing yet, and what it begins it ends",
)
SCENARIOS = [BROKEN, MENDED]
