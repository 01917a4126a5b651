"""Two stops of the same CPUs are queued in the same order on each of them.

stop_two_cpus queues work for the stoppers of two CPUs. Each stopper takes its work in the order of its queue, and waits
in it until the other stopper has come to the same work. Two callers queue at the same time: one queue has the first
caller's work in front, the other queue the second's. Each stopper waits for the other, for ever. The model is ours:
the mended variant queues both works under one lock, the stoppers are two CPUs, half of the callers begin with the one
and half with the other, and a caller gives up its core when it wakes a stopper.

Source: commits 177c53d94336 (3.14) and 9fb8d5dc4b64 (2018), fact tagged S.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, lock, percpu, static

STOPPERS = 2
ROOM = 64
"""A stopper's queue has room for as many works, one for each caller."""

STOP_CPUS_LOCK = lock("stop_cpus_lock")
# For each stopper: where the next work comes, counted up in single steps; and the works, each the caller's number + 1.
TAILS = static("stopper_tails", STOPPERS)
WORKS = static("stopper_works", STOPPERS * ROOM)
# Where a stopper takes its next work: its own word.
HEAD = percpu("stopper_head")
# The work of a caller: how many stoppers have come to it, and how many have left it; counted in single steps.
ARRIVED = percpu("stop_work_arrived")
LEFT = percpu("stop_work_left")
OUT = Outcome.table(stopped=("acceptable", "both CPUs were stopped at once"))


@kernel
def queue_stop_work(cpu: Cpu, stopper: int) -> None:
    """Queue this caller's work for a stopper, and wake that."""
    at = cpu.fetch_add(TAILS + stopper * 8, 1) % ROOM
    cpu.store_release(WORKS + (stopper * ROOM + at) * 8, cpu.number + 1)
    cpu.yield_core()


@kernel
def queue_both(cpu: Cpu) -> None:
    """Queue this caller's work for both stoppers, in the caller's order."""
    first = cpu.number % STOPPERS
    queue_stop_work(cpu, first)
    queue_stop_work(cpu, 1 - first)


@kernel
def begin_work(cpu: Cpu) -> None:
    """A work that no stopper has come to."""
    mark_edge(cpu)
    cpu.store(cpu.area + ARRIVED, 0)
    cpu.store(cpu.area + LEFT, 0)


@kernel
def await_stoppers(cpu: Cpu) -> int:
    """Wait until both stoppers have done the work."""
    while cpu.load(cpu.area + LEFT) != STOPPERS:
        cpu.relax(cpu.area + LEFT)
    mark_edge(cpu)
    return OUT.stopped


@kernel
def stop_two_cpus_unordered(cpu: Cpu) -> int:
    """Broken: another caller may queue in between."""
    begin_work(cpu)
    queue_both(cpu)
    return await_stoppers(cpu)


@kernel
def stop_two_cpus_ordered(cpu: Cpu) -> int:
    """Mended: both queues have the callers in one order."""
    begin_work(cpu)
    spin_lock(cpu, STOP_CPUS_LOCK)
    queue_both(cpu)
    spin_unlock(cpu, STOP_CPUS_LOCK)
    return await_stoppers(cpu)


@kernel
def multi_cpu_stop(cpu: Cpu, caller: int) -> None:
    """Do a caller's work: wait until the other stopper has come to it too."""
    area = AREAS + caller * AREA_BYTES
    cpu.fetch_add(area + ARRIVED, 1)
    while cpu.load(area + ARRIVED) != STOPPERS:
        cpu.relax(area + ARRIVED)
    cpu.fetch_add(area + LEFT, 1)


@kernel
def cpu_stopper(cpu: Cpu) -> int:
    """A stopper, one of the last two CPUs: do the next work of its queue, if there is one."""
    stopper = cpu.peek(CPUS) - 1 - cpu.number
    head = cpu.load(cpu.area + HEAD)
    work = WORKS + (stopper * ROOM + head % ROOM) * 8
    caller = cpu.load_acquire(work)
    if caller == 0:
        cpu.yield_core()
        return UNJUDGED
    cpu.store(work, 0)
    cpu.store(cpu.area + HEAD, head + 1)
    multi_cpu_stop(cpu, caller - 1)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No work is queued."""


QUEUES = Structure("stopper_queues", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="stops")
STOPPER = Program("cpu_stopper", cpu_stopper, cpus=STOPPERS)
BROKEN = Scenario(
    name="broken",
    claim="works for two stoppers may be queued one after the other",
    source="177c53d94336 (3.14), 9fb8d5dc4b64 (2018): before the fix",
    programs=(Program("stop_two_cpus", stop_two_cpus_unordered, writes=True), STOPPER),
    expect="stalled",
    outcomes=QUEUES.all_outcomes,
    structure=QUEUES,
    learnt="two queues with two orders are two locks taken in opposite orders",
)
MENDED = Scenario(
    name="mended",
    claim="works for two stoppers, queued under one lock, are done in one order",
    source="177c53d94336 (3.14), 9fb8d5dc4b64 (2018)",
    programs=(Program("stop_two_cpus", stop_two_cpus_ordered, writes=True), STOPPER),
    expect="held",
    twin=BROKEN,
    outcomes=QUEUES.all_outcomes,
    structure=QUEUES,
    learnt="with one order in all queues each stopper finds the other in the same work",
)
SCENARIOS = [BROKEN, MENDED]
