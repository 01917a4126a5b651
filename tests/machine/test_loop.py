"""The loop of a CPU: race windows over several writers, notes that end with their operation, what is counted."""

from collections.abc import Sequence

import pytest

from stress.machine.blocks import HEAP_START, SHADOW_FREED, SHADOW_REDZONE, SHADOW_UNMAPPED
from stress.machine.language.errors import KernelCodeError
from stress.machine.loop import (
    DENSER,
    LEAST_ODDS,
    begin_operation,
    finish_operation,
    guarded,
    is_window,
    mark_edge,
    one_turn,
    run_program,
    take_noise,
    undone,
    warn,
)
from stress.machine.machine import Machine, MachineError
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import (
    AFTER_FREE,
    BOUND,
    CAUSE_POWER_OFF,
    EVENT_RANDOM,
    FAULT_CAUSE,
    FIRST_TRIAL,
    FIRST_VIOLATION,
    FORBIDDEN,
    HIT_ADDRESS,
    HIT_SHADOW,
    IRQS_DISABLED,
    MOST_OUTCOMES,
    NOISE_PERIOD,
    OPERATIONS,
    OUT_OF_BOUNDS,
    OUTCOMES,
    OVERLAPPED,
    OVERWRITTEN,
    PREEMPT_COUNT,
    STARTED,
    VIOLATIONS,
    WARNING,
    WARNING_ADDRESS,
    WINDOWS,
    WRITERS,
    area_address,
    static,
)
from tests.support import blank_ram, each_engine, program_of, python_cpu, run_machine

pytestmark = pytest.mark.threads

GOOD, BAD, WORSE = 5, 6, 7
TOUCHED = 0x800


def reader_among(writers: int, cpus: int) -> tuple[Ram, PythonCpu]:
    """A machine whose first CPUs are writers, and its last CPU, which reads and has begun an operation."""
    ram = blank_ram(cpus)
    ram.poke(WRITERS, writers)
    ram.poke(FORBIDDEN, 1 << BAD)
    for writer in range(writers):
        mark_edge(python_cpu(ram, writer))
    reader = python_cpu(ram, cpus - 1)
    begin_operation(reader)
    return ram, reader


def words_of(ram: Ram, cpu: PythonCpu, offsets: Sequence[int]) -> list[int]:
    """Words of a CPU's log."""
    return [ram.peek(cpu.log + offset) for offset in offsets]


@pytest.mark.parametrize("writer", [0, 1, 2])
@pytest.mark.parametrize("edges", [1, 2, 4])
def test_an_operation_is_a_window_if_any_writer_passed_any_edge_meanwhile(writer: int, edges: int) -> None:
    ram, reader = reader_among(3, 5)
    assert not is_window(reader)
    for _ in range(edges):
        mark_edge(python_cpu(ram, writer))
    assert is_window(reader)
    begin_operation(reader)
    assert not is_window(reader)


def test_what_a_cpu_marks_that_is_no_writer_makes_no_window() -> None:
    ram, reader = reader_among(2, 4)
    mark_edge(python_cpu(ram, 2))
    assert not is_window(reader)


def test_each_operation_is_counted_once_as_what_it_ended_in_and_as_a_window_if_it_was_one() -> None:
    ram, reader = reader_among(1, 2)
    finish_operation(reader, GOOD)
    begin_operation(reader)
    mark_edge(python_cpu(ram, 0))
    finish_operation(reader, GOOD)
    finish_operation(reader, WORSE)
    finish_operation(reader, 0)
    assert words_of(ram, reader, [OUTCOMES, *(OUTCOMES + 8 * code for code in (GOOD, BAD, WORSE))]) == [0, 2, 0, 1]
    assert words_of(ram, reader, [WINDOWS, VIOLATIONS, OPERATIONS]) == [2, 0, 4]


def test_forbidden_outcomes_are_violations_and_the_first_ones_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    ram, reader = reader_among(1, 2)
    times = iter([100, 200, 300])
    monkeypatch.setattr(reader, "clock", lambda: next(times))
    for outcome in (GOOD, BAD, WORSE, BAD):
        finish_operation(reader, outcome)
    assert words_of(ram, reader, [VIOLATIONS, FIRST_VIOLATION]) == [2, 100]


def test_a_change_is_overlapped_once_however_many_windows_end_in_it() -> None:
    ram, reader = reader_among(1, 3)
    writer, other = python_cpu(ram, 0), python_cpu(ram, 1)
    for windows in (0, 1, 5, 0):
        finish_operation(writer, 0)
        for _ in range(3):
            mark_edge(writer)
            for number in range(windows):
                finish_operation(reader if number % 2 else other, GOOD)
    finish_operation(writer, 0)
    assert words_of(ram, writer, [OVERLAPPED]) == [2], "the last change is not over, and nothing overlapped it"
    mark_edge(writer)
    assert words_of(ram, writer, [OVERLAPPED]) == [2]
    assert words_of(ram, reader, [WINDOWS]) == [3 * 2]


def test_a_first_violation_is_of_the_trial_under_way_and_later_ones_are_not() -> None:
    ram, reader = reader_among(2, 3)
    writers = python_cpu(ram, 0), python_cpu(ram, 1)
    for number, outcome in enumerate((GOOD, GOOD, BAD, GOOD, BAD)):
        begin_operation(reader)
        finish_operation(writers[number % 2], 0)
        mark_edge(writers[number % 2])
        finish_operation(reader, outcome)
    assert [words_of(ram, writer, [OVERLAPPED]) for writer in writers] == [[2], [2]]
    assert words_of(ram, reader, [FIRST_TRIAL, VIOLATIONS]) == [3, 2]


@pytest.mark.parametrize(
    ("shadow", "found"), [(SHADOW_FREED, AFTER_FREE), (SHADOW_UNMAPPED, AFTER_FREE), (SHADOW_REDZONE, OUT_OF_BOUNDS)]
)
@pytest.mark.parametrize("ended", [0, GOOD, WORSE, BAD])
def test_an_operation_that_touched_what_is_not_allocated_is_counted_as_that_unless_it_is_forbidden_anyway(
    ended: int, shadow: int, found: int
) -> None:
    ram, reader = reader_among(1, 2)
    ram.poke(FORBIDDEN, 1 << BAD | 1 << found)
    ram.poke(reader.log + HIT_ADDRESS, ram.map.heap)
    ram.poke(reader.log + HIT_SHADOW, shadow)
    finish_operation(reader, ended)
    [counts] = ram.log_words(OUTCOMES, MOST_OUTCOMES)[1:]
    assert [code for code, count in enumerate(counts) if count] == [BAD if ended == BAD else found]
    assert words_of(ram, reader, [VIOLATIONS, OPERATIONS]) == [1, 1]


@kernel
def touch_and_wait_for_power_off(cpu: Cpu) -> int:
    """An operation that never ends, having touched memory that no block was given; nothing after it is a hit."""
    cpu.load(cpu.peek(HEAP_START))
    cpu.poke(cpu.area + TOUCHED, 1)
    while True:
        cpu.relax(cpu.area + TOUCHED)


@kernel
def power_off_at_a_safepoint(cpu: Cpu) -> int:
    """A first operation that touched such memory, behind which power-off comes at the second one's safepoint."""
    cpu.load(cpu.peek(HEAP_START))
    return GOOD


@each_engine
def test_what_an_operation_touched_that_power_off_cut_short_is_counted(engine: str) -> None:
    ram = blank_ram(1)
    play = program_of(engine, touch_and_wait_for_power_off)
    run_machine(ram, [play], lambda: ram.peek(area_address(0) + TOUCHED) == 1)
    [counts] = ram.log_words(OUTCOMES, MOST_OUTCOMES)
    assert {code: count for code, count in enumerate(counts) if count} == {OUT_OF_BOUNDS: 1}


def test_what_an_operation_touched_is_not_counted_again_when_power_off_comes_at_the_next_safepoint() -> None:
    ram = blank_ram(1)
    cpu = python_cpu(ram)

    def safepoint(cpu: Cpu) -> None:
        if cpu.peek(cpu.log + OPERATIONS) == 1:
            ram.power_off()
            cpu.load(ram.map.data)

    ram.poke(STARTED, 1)
    run_program(cpu, power_off_at_a_safepoint, safepoint)
    assert ram.log_words(OUTCOMES + 8 * OUT_OF_BOUNDS) == [[1]]


def test_notes_of_an_operation_end_with_it() -> None:
    ram, reader = reader_among(0, 1)
    notes = [FAULT_CAUSE, HIT_ADDRESS, WARNING]
    for note in notes:
        ram.poke(reader.log + note, 9)
    begin_operation(reader)
    assert words_of(ram, reader, notes) == [0, 0, 0]


@kernel
def warn_twice(cpu: Cpu) -> int:
    """An operation in which the kernel warns of two things, and which ends well."""
    warn(cpu, BAD, 8)
    warn(cpu, WORSE, 16)
    return GOOD


@kernel
def warn_never(cpu: Cpu) -> int:
    """An operation that ends well."""
    return GOOD


def test_the_first_warning_of_an_operation_is_its_outcome_and_says_where() -> None:
    ram, reader = reader_among(0, 1)
    assert guarded(reader, warn_twice) == BAD
    assert ram.peek(reader.log + WARNING_ADDRESS) == 8
    assert guarded(reader, warn_never) == GOOD


@kernel
def fault_with_all_off(cpu: Cpu) -> int:
    """An operation that faults with preemption and interrupts off."""
    cpu.poke(cpu.area + PREEMPT_COUNT, 2)
    cpu.poke(cpu.area + IRQS_DISABLED, 1)
    return cpu.load(8)


def test_a_fault_puts_the_registers_back_to_where_an_operation_begins() -> None:
    ram, reader = reader_among(0, 1)
    assert guarded(reader, fault_with_all_off) == 1
    assert [ram.peek(reader.area + word) for word in (PREEMPT_COUNT, IRQS_DISABLED)] == [0, 0]


def test_an_error_that_no_fault_explains_is_no_outcome() -> None:
    ram, reader = reader_among(0, 1)
    ram.poke(reader.log + FAULT_CAUSE, 1)
    with pytest.raises(KernelCodeError, match=r"test_loop\.py:\d+: ZeroDivisionError: "):
        guarded(reader, lambda cpu: 1 // 0)


def test_nor_is_one_where_a_fault_would_end_what_the_operation_began() -> None:
    _, reader = reader_among(0, 1)
    with pytest.raises(KernelCodeError, match=r"test_loop\.py:\d+: ZeroDivisionError: "):
        guarded(reader, lambda cpu: undone(cpu, lambda cpu: 1 // 0, lambda cpu: None))


@kernel
def outlive_power_off(cpu: Cpu) -> int:
    """An operation that ends well, but after power-off, which it does itself: nothing of it may count."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        cpu.poke(BOUND, 0)
    return GOOD


@each_engine
def test_an_operation_that_ends_behind_power_off_is_not_counted(engine: str) -> None:
    ram = blank_ram(1)
    run_machine(ram, [program_of(engine, outlive_power_off)], lambda: ram.peek(BOUND) == 0)
    assert ram.log_words(OPERATIONS) == [[3]]
    assert ram.log_words(OUTCOMES + 8 * GOOD) == [[3]]


@kernel
def beyond_all(cpu: Cpu) -> int:
    """Wrong kernel code: an outcome that there cannot be."""
    return MOST_OUTCOMES


@kernel
def below_all(cpu: Cpu) -> int:
    """Wrong kernel code: an outcome below all."""
    return -2


@kernel
def as_power_off(cpu: Cpu) -> int:
    """Wrong kernel code: what the harness notes for power-off."""
    return CAUSE_POWER_OFF


@kernel
def as_the_harness(cpu: Cpu) -> int:
    """Wrong kernel code: an outcome that only the harness finds, and that has no evidence here."""
    return OVERWRITTEN


@each_engine
@pytest.mark.parametrize("operation", [beyond_all, below_all, as_power_off, as_the_harness])
def test_an_outcome_that_there_cannot_be_ends_the_machine(engine: str, operation: Operation) -> None:
    ram = blank_ram(1)
    line, returned = operation.__code__.co_firstlineno, operation(python_cpu(ram))
    said = f"{operation.__name__} returned a number that is not an outcome, {returned};"
    with pytest.raises(KernelCodeError, match=rf"test_loop\.py:{line}: {said}"):
        run_machine(ram, [program_of(engine, operation)], lambda: False)
    assert ram.log_words(OPERATIONS) == [[0]]


@each_engine
def test_cpus_that_wait_for_the_start_end_when_another_one_does_not_come_up(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Ram, number: int) -> None:
        raise OSError(f"no CPU {number}")

    monkeypatch.setattr(Machine, "_give_up", lambda _, stuck: pytest.fail(f"did not end: {stuck}"))
    with pytest.raises(MachineError, match="no CPU 1"):
        Machine(blank_ram(2), [program_of(engine, warn_never), broken]).boot()


@kernel
def touching_safepoint(cpu: Cpu) -> None:
    """A safepoint that reads memory that was freed."""
    cpu.load(cpu.peek(AT_SAFEPOINT))


@kernel
def judged_right(cpu: Cpu) -> int:
    """An operation with nothing wrong."""
    return 10


AT_SAFEPOINT = static("loop_test_touched")


def test_a_touch_of_freed_memory_at_a_safepoint_is_a_finding() -> None:
    ram = blank_ram(1)
    cpu = python_cpu(ram)
    block = kmalloc(cpu, 64)
    kfree(cpu, block)
    cpu.poke(AT_SAFEPOINT, block)
    assert one_turn(cpu, judged_right, touching_safepoint) == 10
    assert cpu.peek(cpu.log + OUTCOMES + AFTER_FREE * 8) == 1


@pytest.mark.parametrize(
    ("period", "share"), [(0, 0.0), (64, 1 / LEAST_ODDS), (1024, 1 / LEAST_ODDS), (1 << 20, DENSER / (1 << 20))]
)
def test_noise_that_code_asks_for_comes_in_its_share_and_never_in_a_run_without_noise(
    period: int, share: float
) -> None:
    ram, yields, times = blank_ram(), list[None](), 4096
    cpu = python_cpu(ram)
    ram.poke(NOISE_PERIOD, period)
    ram.poke(cpu.log + EVENT_RANDOM, 1)
    cpu.yield_core = lambda: yields.append(None)  # type: ignore[method-assign]
    for _ in range(times):
        take_noise(cpu)
    assert len(yields) == pytest.approx(times * share, rel=0.1, abs=2)
