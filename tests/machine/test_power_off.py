"""Power-off ends every program, whatever it spins in, and what it cuts short is not judged; errors are told."""

from collections.abc import Callable

import pytest

from stress.kernel.spinlock import spin_lock
from stress.kernel.stop_machine import down, stop_machine
from stress.machine.blocks import HEAP_START, SLAB_LOCK
from stress.machine.evidence import KEPT_BLOCK, REPORTS, keep_block_at_rest
from stress.machine.language.errors import KernelCodeError
from stress.machine.machine import Machine, MachineError
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import (
    AREAS,
    CAUSE_WILD,
    COUNTERS,
    FAULT_CAUSE,
    LOG_BYTES,
    OPERATIONS,
    OUTCOMES,
    VIOLATIONS,
    WINDOWS,
)
from stress.programs.show_trace import dawdle
from tests.support import blank_ram, cpu_threads, each_engine, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

TAKEN = AREAS - 256  # A word at the end of the statics, where nothing is declared: a lock that nobody releases.
INSIDE = COUNTERS  # In a CPU's log: its operation has begun.
CPUS = 7


@kernel
def wait_for_the_others(cpu: Cpu) -> None:
    """Wait until all CPUs before this one have begun, since a stop would keep them at their safepoints."""
    logs = cpu.log - cpu.number * LOG_BYTES
    for other in range(cpu.number):
        while cpu.peek(logs + other * LOG_BYTES + INSIDE) == 0:
            cpu.relax(TAKEN)


@kernel
def spin_for_ever(cpu: Cpu) -> int:
    """An operation without end, of another kind on each CPU."""
    cpu.poke(cpu.log + INSIDE, 1)
    while cpu.number == 0:
        cpu.load(AREAS)
    while cpu.number == 1:
        cpu.store8(AREAS + 0x800, 1)
    while cpu.number == 2:
        cpu.relax(TAKEN)
    while cpu.number == 3:
        cpu.sleep(50_000)
    if cpu.number == 4:
        spin_lock(cpu, TAKEN)
    if cpu.number == 5:
        down(cpu, TAKEN)
    if cpu.number == 6:
        wait_for_the_others(cpu)
        stop_machine(cpu)
    return 1


@kernel
def sleep_well(cpu: Cpu) -> int:
    """An operation that is not judged and soon over."""
    cpu.sleep(50_000)
    return 0


@kernel
def oops(cpu: Cpu) -> int:
    """An operation that follows a NULL pointer."""
    return cpu.load(8)


@kernel
def raise_without_cause(cpu: Cpu) -> int:
    """Wrong kernel code: an Oops that no fault of the CPU explains."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        cpu.poke(cpu.log + FAULT_CAUSE, 0)
        raise Oops
    return 0


@kernel
def mistaken(cpu: Cpu) -> int:
    """Wrong kernel code: a TypeError, on the python engine."""
    return len(cpu)  # type: ignore[arg-type]


def keep_a_block_that_is_held(cpu: Cpu) -> None:
    """Keep a block in a report while another CPU holds the lock."""
    slot, block = cpu.peek(REPORTS), cpu.peek(HEAP_START)
    cpu.poke(slot + KEPT_BLOCK, block)
    cpu.poke(SLAB_LOCK, 99)
    keep_block_at_rest(cpu, slot, block)


@pytest.fixture(autouse=True)
def _stuck_cpus_fail_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU that does not end fails the test instead of ending the process."""

    def give_up(_: Machine, stuck: list[str]) -> None:
        pytest.fail(f"did not end: {stuck}")

    monkeypatch.setattr(Machine, "_give_up", give_up)


def all_inside(ram: Ram) -> bool:
    """Whether every CPU is within its operation."""
    return all(inside for [inside] in ram.log_words(INSIDE))


@each_engine
def test_power_off_ends_loops_of_loads_stores_spins_sleeps_locks_and_stops_and_judges_none(engine: str) -> None:
    ram, before = blank_ram(CPUS), cpu_threads()
    ram.poke(TAKEN, 99)
    machine = run_machine(ram, [program_of(engine, spin_for_ever)] * CPUS, lambda: all_inside(ram))
    assert cpu_threads() <= before
    assert machine.errors == []
    for counted in (OPERATIONS, WINDOWS, VIOLATIONS):
        assert ram.log_words(counted) == [[0]] * CPUS
    assert ram.log_words(OUTCOMES, 32) == [[0] * 32] * CPUS


@each_engine
def test_a_machine_can_be_powered_off_at_once_and_twice(engine: str) -> None:
    machine = run_machine(blank_ram(2), [program_of(engine, sleep_well)] * 2, lambda: True)
    machine.power_off()
    machine.check()


@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize("waits", [dawdle, keep_a_block_that_is_held])
def test_cores_are_not_given_up_while_others_end(
    waits: Callable[[Cpu], object], is_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    yields: list[Cpu] = []
    monkeypatch.setattr(PythonCpu, "yield_core", lambda cpu: yields.append(cpu))
    ram = blank_ram(1)
    cpu = python_cpu(ram)
    if is_off:
        ram.power_off()
    waits(cpu)
    assert bool(yields) != is_off


@each_engine
def test_an_oops_with_a_cause_is_an_outcome_and_the_cpu_goes_on(engine: str) -> None:
    ram = blank_ram(1)
    run_machine(ram, [program_of(engine, oops)], lambda: ram.log_words(OPERATIONS)[0][0] > 5)
    [outcomes] = ram.log_words(OUTCOMES, 32)
    assert outcomes[CAUSE_WILD] == sum(outcomes) == ram.log_words(OPERATIONS)[0][0]


@each_engine
def test_an_exception_that_no_fault_explains_ends_the_machine_and_is_no_outcome(engine: str) -> None:
    ram = blank_ram(2)
    programs = [program_of(engine, raise_without_cause), program_of(engine, sleep_well)]
    with pytest.raises(KernelCodeError, match=r"test_power_off\.py:\d+: "):
        run_machine(ram, programs, lambda: False)
    assert ram.log_words(OUTCOMES, 32) == [[0] * 32] * 2
    assert ram.log_words(OPERATIONS)[0] == [3]


def test_an_error_in_kernel_code_is_told_with_the_line_that_raised_it() -> None:
    line = mistaken.__code__.co_firstlineno + 3
    with pytest.raises(KernelCodeError, match=rf"test_power_off\.py:{line}: TypeError: .* has no len"):
        run_machine(blank_ram(1), [program_of("python", mistaken)], lambda: False)


def test_a_program_that_cannot_be_played_is_told_by_boot() -> None:
    def play(_: Ram, number: int) -> None:
        raise OSError(f"no CPU {number}")

    with pytest.raises(MachineError, match=r"(?s)CPU 0:.*no CPU 0"):
        Machine(blank_ram(1), [play]).boot()
