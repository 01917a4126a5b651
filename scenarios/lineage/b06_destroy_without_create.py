"""Who could not create the workqueue of the stops does not destroy it.

stop_machine_create counts the users of one workqueue: the first makes it, which may fail. stop_machine_destroy counts
down, and the last one destroys it. An error path calls destroy though create has failed. The count falls below zero:
the next user counts it up to zero, takes the workqueue for made, and stops the machine with none, or with one that its
last user has destroyed. The fix returns without the call of destroy. The model is ours: a program starts as many
threads as there may be and ends them again, which makes create fail, and a stop reads the workqueue.

Source: commit e91defa26c5 (2.6.30), fact tagged V.
"""

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol
from stress.kernel.stop_machine import down, up
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel
from stress.machine.words import lock, static

BURST_NANOSECONDS = 50_000
MOST_THREADS = 8
KEY = 7
WORKS = 4

Workqueue = Struct("workqueue", works=WORKS)
SETUP_LOCK = lock("stopmachine_setup_lock")
WORKQUEUE = static("stop_machine_workqueue", stored_by=SETUP_LOCK)
USERS = static("stop_machine_users", stored_by=SETUP_LOCK)
# How many threads a program has started: its own word.
THREADS = static("threads_of_program")
OUT = Outcome.table(
    stopped=("acceptable", "the machine was stopped with the workqueue"),
    refused=("acceptable", "there was no thread for the workqueue, and nothing was done"),
    unstopped=("forbidden", "there was no workqueue to stop the machine with, or another thing"),
)


@kernel
def make_workqueue(cpu: Cpu, p: Protocol) -> bool:
    """Make the workqueue; False if there is no thread for it. The caller holds the lock."""
    made = 0
    if cpu.load(THREADS) < MOST_THREADS:
        made = new(cpu, Workqueue)
    if made != 0:
        write_contents(cpu, made + Workqueue.works, WORKS, KEY)
        p.publish(cpu, WORKQUEUE, made)
    return made != 0


@kernel
def create(cpu: Cpu, p: Protocol) -> bool:
    """stop_machine_create: count a user; the first one makes the workqueue, and is not counted if that fails."""
    down(cpu, SETUP_LOCK)
    users = cpu.load(USERS)
    made = True if users != 0 else make_workqueue(cpu, p)
    if made:
        cpu.store(USERS, users + 1)
    up(cpu, SETUP_LOCK)
    return made


@kernel
def destroy(cpu: Cpu, p: Protocol) -> None:
    """stop_machine_destroy: count a user less; the last one destroys the workqueue."""
    down(cpu, SETUP_LOCK)
    users = cpu.load(USERS) - 1
    cpu.store(USERS, users)
    if users == 0:
        workqueue = cpu.load(WORKQUEUE)
        p.write_lock(cpu)
        p.publish(cpu, WORKQUEUE, 0)
        p.write_unlock(cpu)
        p.retire(cpu, workqueue)
    up(cpu, SETUP_LOCK)


@kernel
def stop(cpu: Cpu) -> int:
    """Stop the machine: give each CPU's work to the workqueue; the outcome."""
    workqueue = cpu.load(WORKQUEUE)
    note(cpu, "workqueue", workqueue)
    if workqueue == 0 or not has_contents(cpu, workqueue + Workqueue.works, WORKS, KEY):
        return OUT.unstopped
    return OUT.stopped


@kernel
def remove(cpu: Cpu, p: Protocol) -> int:
    """rmmod once it has created the workqueue."""
    outcome = stop(cpu)
    destroy(cpu, p)
    return outcome


@kernel
def rmmod_destroying(cpu: Cpu, p: Protocol) -> int:
    """Broken: the error path destroys what was not created."""
    if create(cpu, p):
        return remove(cpu, p)
    destroy(cpu, p)
    return OUT.refused


@kernel
def rmmod_returning(cpu: Cpu, p: Protocol) -> int:
    """Mended: the error path returns."""
    if create(cpu, p):
        return remove(cpu, p)
    return OUT.refused


@kernel
def fork(cpu: Cpu) -> int:
    """A program that starts threads until there may be no more; then all of them end."""
    cpu.store(THREADS, MOST_THREADS)
    cpu.sleep(BURST_NANOSECONDS)
    cpu.store(THREADS, 0)
    cpu.sleep(BURST_NANOSECONDS)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Nobody has created the workqueue."""


PLAIN = Protocol("setup_lock")
STOPS = Structure("workqueue_of_stops", [Workqueue], boot, outcomes=OUT, objects=64, reads="stops")
FORK = Program("fork", fork, cpus=1)
BROKEN = Scenario(
    name="broken",
    claim="the error path may destroy in any case",
    source="e91defa26c5 (2.6.30): before the fix",
    point="unsaid",
    programs=(Program("rmmod", rmmod_destroying, writes=True), FORK),
    expect="violated",
    outcomes=STOPS.all_outcomes,
    protocol=PLAIN,
    structure=STOPS,
    learnt="one failure leaves the count at -1, and from then on there is no workqueue where one is counted",
)
MENDED = Scenario(
    name="mended",
    claim="destroy is called once for each create that has succeeded",
    source="e91defa26c5 (2.6.30)",
    point="unsaid",
    programs=(Program("rmmod", rmmod_returning, writes=True), FORK),
    expect="held",
    twin=BROKEN,
    outcomes=STOPS.all_outcomes,
    protocol=PLAIN,
    structure=STOPS,
    learnt="failures come and go, and each stop has its workqueue",
)
SCENARIOS = [BROKEN, MENDED]
