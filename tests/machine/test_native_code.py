"""The code of the native engine itself: errors of a line as it runs, the same text each time, another processor."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stress.machine.language.errors import KernelCodeError
from stress.machine.language.instances import CPU, Instances
from stress.machine.language.tree import CpuKind
from stress.machine.loop import run_program
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.words import AREAS, OPERATIONS, OUTCOMES
from stress.scenario_files import find_scenario
from tests.support import KASAN, PLAIN, blank_ram, compiled, each_engine, program_of, run_machine

pytestmark = pytest.mark.native

GOOD = 10
WORD = AREAS - 256  # where nothing is declared; it is 0


@kernel
def divide(cpu: Cpu) -> int:
    """An operation that divides by a word that is 0, the fourth time."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        return GOOD // cpu.load(WORD)
    return GOOD


@kernel
def rest(cpu: Cpu) -> int:
    """The same with %."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        return GOOD % cpu.load(WORD)
    return GOOD


@kernel
def shift_left(cpu: Cpu) -> int:
    """An operation that shifts by a negative number, the fourth time."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        return GOOD << (cpu.load(WORD) - 1)
    return GOOD


@kernel
def shift_right(cpu: Cpu) -> int:
    """The same to the right."""
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        return GOOD >> (cpu.load(WORD) - 1)
    return GOOD


@kernel
def divide_in_place(cpu: Cpu) -> int:
    """The same in an assignment."""
    value = GOOD
    if cpu.peek(cpu.log + OPERATIONS) == 3:
        value //= cpu.load(WORD)
    return value


@each_engine
@pytest.mark.parametrize("operation", [divide, rest, shift_left, shift_right, divide_in_place])
def test_a_line_that_python_cannot_compute_ends_the_machine_and_is_told(engine: str, operation: Operation) -> None:
    ram = blank_ram(1)
    line = operation.__code__.co_firstlineno + 4 + (operation is divide_in_place)
    with pytest.raises(KernelCodeError, match=rf"test_native_code\.py:{line}: .*; test the operand before this line"):
        run_machine(ram, [program_of(engine, operation)], lambda: False)
    assert ram.log_words(OPERATIONS) == [[3]]
    assert ram.log_words(OUTCOMES + 8 * GOOD) == [[3]]


def test_an_error_beyond_the_stacks_that_are_known_names_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.machine.native.call_stacks.MOST_STACKS", 0)
    line = divide.__code__.co_firstlineno
    with pytest.raises(KernelCodeError, match=rf"test_native_code\.py:{line}: a line of divide, or of what it calls,"):
        run_machine(blank_ram(1), [program_of("native", divide, PLAIN)], lambda: False)


@kernel
def one(cpu: Cpu, x: int) -> int:
    """A function that raises nothing."""
    return x + 1


@kernel
def apply(cpu: Cpu, do: Callable[..., int], x: int) -> int:
    """Call a function."""
    return do(cpu, x)


@kernel
def apply_one(cpu: Cpu, x: int) -> int:
    """A function that calls another instance of the one that calls it."""
    return apply(cpu, one, x)


@kernel
def nested(cpu: Cpu, x: int) -> int:
    """Two instances of one function, of which one calls the other."""
    return apply(cpu, apply_one, x)


def test_two_instances_of_a_function_may_call_each_other() -> None:
    assert compiled(nested, CpuKind(KASAN), None)(0, 0, 0, 0, 41) == 42


def texts_of(scenario: str, known: Instances) -> dict[str, Sequence[str]]:
    """LLVM's texts of each program of a scenario."""
    from stress.machine.native.program import Library

    found = find_scenario(scenario)
    given = {program.name: program.under(found.protocol) for program in found.programs}
    safepoint = found.protocol.safepoint
    return {name: Library(KASAN, known).program(run_program, CPU, one, safepoint).units for name, one in given.items()}


def test_a_program_that_is_compiled_twice_has_the_same_texts() -> None:
    assert texts_of("modlist_spinlock", Instances()) == texts_of("modlist_spinlock", Instances())


def aarch64_code(texts: Sequence[str]) -> Counter[str]:
    """How often each instruction is in the code of a program for a processor that does not keep loads in order."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target: Any = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError as error:
        pytest.skip(f"this llvmlite makes no code for aarch64: {error}")
    machine = target.create_target_machine(opt=2)
    found: Counter[str] = Counter()
    for text in texts:
        module = llvm.parse_assembly(text)
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        found.update(re.findall(r"^\t([a-z]\w+)", machine.emit_assembly(module), re.MULTILINE))
    return found


def fences(texts: Sequence[str]) -> int:
    """The number of barriers in a program's texts."""
    return sum(text.count("fence seq_cst") for text in texts)


def test_code_for_aarch64_looks_at_the_shadow_by_acquire_and_has_the_barriers() -> None:
    texts = texts_of("modlist_spinlock", Instances())
    reader, writer = aarch64_code(texts["kallsyms"]), aarch64_code(texts["modprobe"])
    assert reader["ldarb"] + reader["ldaprb"] > 0  # look_at_shadow
    assert reader["dmb"] >= fences(texts["kallsyms"]) > 0
    assert writer["ldarb"] + writer["ldaprb"] > 0
    assert writer["dmb"] >= fences(texts["modprobe"]) > 0
    assert writer["ldaxr"] + writer["casal"] > 0  # cmpxchg
