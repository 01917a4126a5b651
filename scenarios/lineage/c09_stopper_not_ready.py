"""A CPU takes work for its stopper before others see it online.

stop_one_cpu gives a function to the stopper of another CPU and waits until it has run. If the stopper is not ready, the
work is signalled as done at once, and nothing has run. A CPU that comes up is marked online first, and its stopper is
made ready a little later. Who chooses the CPU in between, as it is online, gets no error and no work. The fix makes the
stopper ready sooner; in the model, which is ours, before the CPU is marked online. The last CPU goes up and down all
the time, callers look at it in read sections of RCU, and going down waits for them. Between the two steps of going up
the core is given up.

Source: commit 45178ac0cea8, fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.protocols.rcu import RCU, rcu_read_lock, rcu_read_unlock, synchronize_rcu
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu, static

# Whether the last CPU is online, and whether its stopper is ready: stored by the CPU that brings it up and down.
ONLINE = static("last_cpu_online")
ENABLED = static("last_cpu_stopper_enabled")
# The work of a caller: 1 from where it is queued to where the stopper has done it; and how often the stopper has.
QUEUED = percpu("stop_one_cpu_queued")
RAN = percpu("stop_one_cpu_ran")
OUT = Outcome.table(
    ran=("acceptable", "the function ran on the other CPU"),
    nothing=("forbidden", "the work was signalled as done, and the function did not run"),
)


@kernel
def queue_work(cpu: Cpu) -> None:
    """Queue this CPU's work if the stopper is ready; else it counts as done (cpu_stop_queue_work)."""
    if cpu.load(ENABLED) == 1:
        cpu.store_release(cpu.area + QUEUED, 1)


@kernel
def queue_if_online(cpu: Cpu) -> bool:
    """Queue the work if the CPU is online; whether it is."""
    rcu_read_lock(cpu)
    online = cpu.load(ONLINE) == 1
    if online:
        queue_work(cpu)
    rcu_read_unlock(cpu)
    return online


@kernel
def stop_one_cpu(cpu: Cpu) -> int:
    """Run a function on the last CPU, if it is online; whether it ran."""
    before = cpu.load(cpu.area + RAN)
    if not queue_if_online(cpu):
        return UNJUDGED
    while cpu.load(cpu.area + QUEUED) == 1:
        cpu.relax(cpu.area + QUEUED)
    return OUT.ran if cpu.load(cpu.area + RAN) != before else OUT.nothing


@kernel
def cpu_stopper(cpu: Cpu) -> int:
    """The stopper of the last CPU: do what is queued."""
    for number in range(cpu.peek(CPUS)):
        area = AREAS + number * AREA_BYTES
        if cpu.load_acquire(area + QUEUED) == 1:
            cpu.store(area + RAN, cpu.load(area + RAN) + 1)
            cpu.store_release(area + QUEUED, 0)
    cpu.yield_core()
    return UNJUDGED


@kernel
def cpu_down(cpu: Cpu, p: Protocol) -> None:
    """Take the last CPU down: its stopper is ready until nobody can have seen it online."""
    p.write_lock(cpu)
    cpu.store(ONLINE, 0)
    p.write_unlock(cpu)
    synchronize_rcu(cpu)
    cpu.store(ENABLED, 0)


@kernel
def cpu_up_online_first(cpu: Cpu, p: Protocol) -> int:
    """Broken: online, then ready."""
    p.write_lock(cpu)
    cpu.store(ONLINE, 1)
    p.write_unlock(cpu)
    cpu.yield_core()
    cpu.store(ENABLED, 1)
    cpu.yield_core()
    cpu_down(cpu, p)
    return UNJUDGED


@kernel
def cpu_up_ready_first(cpu: Cpu, p: Protocol) -> int:
    """Mended: ready, then online."""
    cpu.store(ENABLED, 1)
    cpu.yield_core()
    p.write_lock(cpu)
    cpu.store_release(ONLINE, 1)
    p.write_unlock(cpu)
    cpu.yield_core()
    cpu_down(cpu, p)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """The last CPU is down."""


HOTPLUG = Structure("cpu_hotplug", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="calls")
OTHERS = (Program("stop_one_cpu", stop_one_cpu), Program("cpu_stopper", cpu_stopper, cpus=1))
BROKEN = Scenario(
    name="broken",
    claim="a CPU that is online does the work that is queued for it",
    source="45178ac0cea8: before the fix",
    programs=(Program("cpu_up", cpu_up_online_first, cpus=1, writes=True), *OTHERS),
    expect="violated",
    outcomes=HOTPLUG.all_outcomes,
    protocol=RCU,
    structure=HOTPLUG,
    learnt="work that is dropped without an error looks like work that is done",
)
MENDED = Scenario(
    name="mended",
    claim="a CPU whose stopper is ready before it is online does the work that is queued for it",
    source="45178ac0cea8",
    programs=(Program("cpu_up", cpu_up_ready_first, cpus=1, writes=True), *OTHERS),
    expect="held",
    twin=BROKEN,
    outcomes=HOTPLUG.all_outcomes,
    protocol=RCU,
    structure=HOTPLUG,
    learnt="what others rely on is there before they are told",
)
SCENARIOS = [BROKEN, MENDED]
