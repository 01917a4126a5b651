"""A stop reads its result before it lets the next stop begin.

All stops share one record, which a mutex guards: what to run, and what came of it. The caller releases the mutex, and
reads the result afterwards. The next caller has taken the mutex meanwhile and stored a result of its own. The fix reads
the result under the mutex. The model is ours: each caller's function returns a number of its own, and the mutex alone
keeps the callers apart.

Source: commit e14c8bf8635 (2.6.28), fact tagged V.
"""

from stress import Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel.stop_machine import down, up
from stress.machine.loop import mark_edge
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import lock, static

RESULTS = 1 << 30

MUTEX = lock("stop_machine_lock")
RESULT = static("stop_machine_result", stored_by=MUTEX)
OUT = Outcome.table(
    own=("acceptable", "the result of the caller's own function"),
    foreign=("forbidden", "the result of another caller's function"),
)


@kernel
def run(cpu: Cpu, own: int) -> None:
    """Run the caller's function under a stop: it returns `own`."""
    mark_edge(cpu)
    cpu.store(RESULT, 0)
    cpu.yield_core()
    cpu.store(RESULT, own)
    mark_edge(cpu)


@kernel
def judge(cpu: Cpu, own: int, result: int) -> int:
    """Whether a caller got its own result."""
    note(cpu, "own", own)
    note(cpu, "result", result)
    return OUT.own if result == own else OUT.foreign


@kernel
def stop_machine_late(cpu: Cpu) -> int:
    """Broken: read the result when the mutex is free."""
    own = prandom(cpu, RESULTS)
    down(cpu, MUTEX)
    run(cpu, own)
    up(cpu, MUTEX)
    return judge(cpu, own, cpu.load(RESULT))


@kernel
def stop_machine_early(cpu: Cpu) -> int:
    """Mended: read the result under the mutex."""
    own = prandom(cpu, RESULTS)
    down(cpu, MUTEX)
    run(cpu, own)
    result = cpu.load(RESULT)
    up(cpu, MUTEX)
    return judge(cpu, own, result)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No stop is under way."""


STOPS = Structure("one_record_of_stops", [Struct("nothing")], boot, outcomes=OUT, objects=1, reads="stops")
BROKEN = Scenario(
    name="broken",
    claim="the result of a stop is there until its caller has read it",
    source="e14c8bf8635 (2.6.28): before the fix",
    point="unsaid",
    programs=(Program("stop_machine", stop_machine_late, writes=True),),
    expect="violated",
    outcomes=STOPS.all_outcomes,
    structure=STOPS,
    learnt="between the unlock and the load the next caller has stored its own",
)
MENDED = Scenario(
    name="mended",
    claim="the result of a stop, read under the mutex, is the caller's own",
    source="e14c8bf8635 (2.6.28)",
    point="unsaid",
    programs=(Program("stop_machine", stop_machine_early, writes=True),),
    expect="held",
    twin=BROKEN,
    outcomes=STOPS.all_outcomes,
    structure=STOPS,
    learnt="a mutex guards the last load as well as the first store",
)
SCENARIOS = [BROKEN, MENDED]
