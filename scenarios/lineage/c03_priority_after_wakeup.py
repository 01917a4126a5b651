"""The thread that stops the machine has its priority before it is woken.

stop_machine_run starts a thread on a CPU and wakes it. The thread then raises its own priority to the greatest that
there is. To do so it must run once. A real-time process that never sleeps has that CPU, and the thread, whose priority
is an ordinary one so far, never comes to it. The fix raises the priority of the thread before it wakes it. The model is
ours: all CPUs but one run such a process, and between two of its slices a CPU takes the thread that has the greater
priority.

Source: commit 85653af7d48 (2.6.23), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.machine.loop import mark_edge
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu, static

ORDINARY, REAL_TIME, GREATEST = 0, 50, 99
WORK = 16

# The thread of a CPU: RUNNABLE is 1 from its wake-up to its end. The CPU that stops stores both before the wake-up.
PRIORITY = percpu("priority_of_do_stop")
RUNNABLE = percpu("runnable_do_stop")
# How many stops have ended: stored by the thread.
COMPLETION = static("completion_of_do_stop")
OUT = Outcome.table(
    stopped=("acceptable", "the thread has stopped the machine"),
    ran=("acceptable", "the real-time process has run for a slice"),
)


@kernel
def wake_up_process(cpu: Cpu, area: int) -> None:
    """Make the thread of the CPU with this area runnable."""
    cpu.store_release(area + RUNNABLE, 1)


@kernel
def wake_up_ordinary(cpu: Cpu, area: int) -> None:
    """Broken: wake the thread, which raises its priority itself."""
    wake_up_process(cpu, area)


@kernel
def wake_up_raised(cpu: Cpu, area: int) -> None:
    """Mended: raise the priority of the thread, then wake it."""
    cpu.store(area + PRIORITY, GREATEST)
    wake_up_process(cpu, area)


@kernel
def stop(cpu: Cpu, wake_up: Callable[[Cpu, int], None]) -> int:
    """stop_machine_run: start a thread on another CPU, wake it, and wait for its end."""
    area = AREAS + (1 + prandom(cpu, cpu.peek(CPUS) - 1)) * AREA_BYTES
    mark_edge(cpu)
    before = cpu.load(COMPLETION)
    cpu.store(area + PRIORITY, ORDINARY)
    wake_up(cpu, area)
    while cpu.load(COMPLETION) == before:
        cpu.relax(COMPLETION)
    mark_edge(cpu)
    return OUT.stopped


@kernel
def do_stop(cpu: Cpu) -> None:
    """The thread: raise its own priority, stop the machine, say so, end."""
    cpu.store(cpu.area + PRIORITY, GREATEST)
    cpu.store(cpu.area + RUNNABLE, 0)
    cpu.fetch_add(COMPLETION, 1)


@kernel
def schedule(cpu: Cpu) -> None:
    """Let the thread run if it is runnable and its priority is greater than that of the real-time process."""
    if cpu.load_acquire(cpu.area + RUNNABLE) == 1 and cpu.load(cpu.area + PRIORITY) > REAL_TIME:
        do_stop(cpu)


@kernel
def hog(cpu: Cpu) -> int:
    """A slice of a real-time process that never sleeps; then the CPU looks who comes next."""
    for _ in range(WORK):
        cpu.load(cpu.area + PRIORITY)
    schedule(cpu)
    return OUT.ran


@kernel
def stop_ordinary(cpu: Cpu, p: Protocol) -> int:
    """stop_machine_run before the fix."""
    return stop(cpu, wake_up_ordinary)


@kernel
def stop_raised(cpu: Cpu, p: Protocol) -> int:
    """stop_machine_run since the fix."""
    return stop(cpu, wake_up_raised)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No thread has been started."""


THREADS = Structure("stopping_threads", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="slices")
HOG = Program("hog", hog)
BROKEN = Scenario(
    name="broken",
    claim="the thread that stops the machine raises its priority when it runs",
    source="85653af7d48 (2.6.23): before the fix",
    point="cure",
    programs=(Program("stop_machine_run", stop_ordinary, cpus=1, writes=True), HOG),
    expect="stalled",
    outcomes=THREADS.all_outcomes,
    structure=THREADS,
    learnt="a thread that needs the CPU to get the CPU never gets it",
)
MENDED = Scenario(
    name="mended",
    claim="the thread that stops the machine has the greatest priority when it is woken",
    source="85653af7d48 (2.6.23)",
    point="cure",
    programs=(Program("stop_machine_run", stop_raised, cpus=1, writes=True), HOG),
    expect="held",
    twin=BROKEN,
    outcomes=THREADS.all_outcomes,
    structure=THREADS,
    learnt="the process is preempted at the end of its slice, and the stop comes",
)
SCENARIOS = [BROKEN, MENDED]
