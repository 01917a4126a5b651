"""A driver works on a device while another CPU stops the device.

The driver tests a flag that says the device is stopping. If it is not, the driver counts itself in, works, and counts
itself out. The stop sets the flag, waits until nobody is counted in, and marks the device as stopped.

What goes wrong: the test and the count are two steps. The whole stop fits in between: it sets the flag, finds a count
of zero, and marks the device as stopped. The driver then counts itself in and works on a stopped device.

The order of steps: the driver loads the flag (0) and is preempted; the stop runs to its end; the driver works.
The mended driver counts itself in first and tests the flag then: a stop that sets the flag later waits for it.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, static

# driver: loads STOPPING == 0 | stop: STOPPING = 1, loads IN_DRIVER == 0, STOPPED = 1, ends. driver: loads STOPPED == 1.
# The | is the one preemption: the stop ends by itself.
LEAST_PREEMPTIONS = 1
OPERATIONS = 1

# STOPPING and STOPPED go from 0 to 1 once, stored by the stop. IN_DRIVER is counted in single steps.
STOPPING = static("driver_stopping")
IN_DRIVER = static("driver_count")
STOPPED = static("driver_stopped")
OUT = Outcome.table(
    worked=("acceptable", "the device ran while the driver worked"),
    refused=("acceptable", "the device was stopping, and the driver did not work"),
    on_stopped=("forbidden", "the driver worked on a stopped device"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """The device runs, and nobody is in the driver."""
    cpu.store(STOPPING, 0)
    cpu.store(IN_DRIVER, 0)
    cpu.store(STOPPED, 0)


@kernel
def work(cpu: Cpu) -> int:
    """Work on the device, which must not be stopped; then count this CPU out."""
    stopped = cpu.load(STOPPED)
    cpu.fetch_add(IN_DRIVER, -1)
    return OUT.on_stopped if stopped == 1 else OUT.worked


@kernel
def drive_test_first(cpu: Cpu) -> int:
    """Faulty: test the flag, then count in."""
    if cpu.load(STOPPING) == 1:
        return OUT.refused
    cpu.fetch_add(IN_DRIVER, 1)
    return work(cpu)


@kernel
def drive_count_first(cpu: Cpu) -> int:
    """Mended: count in, then test the flag. The count is a full barrier, so the test comes after it."""
    cpu.fetch_add(IN_DRIVER, 1)
    if cpu.load(STOPPING) == 1:
        cpu.fetch_add(IN_DRIVER, -1)
        return OUT.refused
    return work(cpu)


@kernel
def stop(cpu: Cpu) -> int:
    """Stop the device. There is nothing to judge."""
    cpu.store(STOPPING, 1)
    cpu.barrier()  # the count is loaded after others can see the flag
    while cpu.load(IN_DRIVER) != 0:
        cpu.relax(IN_DRIVER)
    cpu.store(STOPPED, 1)
    return 0


DEVICE = Structure("device", [], boot, outcomes=OUT, objects=1, reads="drives")
STOP = Program("stop", stop, 1, writes=True)
FAULTY = Scenario(
    name="faulty",
    claim="who finds that a device is not stopping may count itself in",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(STOP, Program("drive", drive_test_first, 1)),
    expect="violated",
    outcomes=DEVICE.all_outcomes,
    structure=DEVICE,
    learnt="one shot: the device is stopped once, so a loop of real threads can show it in its first moment only",
)
MENDED = Scenario(
    name="mended",
    claim="who has counted itself in and then finds that a device is not stopping may work on it",
    source="the faulty program with the count before the test",
    programs=(STOP, Program("drive", drive_count_first, 1)),
    expect="held",
    twin=FAULTY,
    outcomes=DEVICE.all_outcomes,
    structure=DEVICE,
    learnt="two sides that each store and then look at the other's word cannot both miss",
)
SCENARIOS = [FAULTY, MENDED]
