"""What is not kernel code is refused at its line, with what to write instead; a twin without the mistake passes."""

import sys
from pathlib import Path

import pytest

from stress.kernel.stop_machine import cond_resched
from stress.machine.language.errors import KernelCodeError
from stress.machine.language.instances import CPU, INSTANCES
from stress.machine.loop import run_program
from stress.machine.words import OPERATIONS
from stress.programs.read_symbol import kallsyms_reader
from stress.safe_text import shown
from stress.scenario import Scenario
from stress.scenario_files import checked, load_source, source_of
from tests.frontdoor.command import CHECKOUT
from tests.support import KASAN, blank_ram, each_engine, program_of, python_cpu, run_machine

from .refusals import CASES, READER, Case

FIRST = """\
from stress import Program, Scenario
from stress.machine import words
from stress.machine.native.steps import fence
from stress.machine.seam import BrokenKernelCodeError, Cpu, Oops, harness, kernel
from stress.machine.words import AREAS, CAUSE_WILD, FAULT_CAUSE

LIMIT, HUGE, RATIO, TABLE, NOTHING = 3, 1 << 64, 1.5, {1: 2}, None
WORD = AREAS - 256  # where nothing is declared


def plain(cpu: Cpu) -> int:
    return 1


@kernel
def one(cpu: Cpu) -> int:
    return 1


@kernel
def add(cpu: Cpu, a: int, b: int) -> int:
    return a + b


@kernel
def nothing(cpu: Cpu) -> None:
    cpu.barrier()


@kernel
def note(cpu: Cpu) -> None:
    cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)


@kernel
def float_by_default(cpu: Cpu, a: int, b: int = 1.5) -> int:
    return a + b


@kernel
def none_by_default(cpu: Cpu, a: int, b: int = None) -> int:
    return a + b


"""
LAST = '\n\nSCENARIO = Scenario("mine", "c", "s", (Program("read", reader),), expect="held")\n'
DEFINITION = "def reader"


def load(path: Path, functions: str) -> Scenario:
    """Load and check a scenario file that has these functions."""
    path.write_text(FIRST + functions + LAST)
    [scenario] = load_source(source_of(path, path.read_bytes()))
    return checked(scenario)


def marked_line(functions: str) -> int:
    """The line of the file with the mark, or that of the operation's definition."""
    mark = "# !" if "# !" in functions else DEFINITION
    return (FIRST + functions).split(mark)[0].count("\n") + 1


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_mistake_is_refused_at_its_line_with_what_to_write_instead(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    with pytest.raises(KernelCodeError) as refused:
        load(path, case.wrong)
    assert str(refused.value) == f"{shown(str(path))}:{marked_line(case.wrong)}: {case.said}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_twin_without_the_mistake_passes_and_runs(case: Case, tmp_path: Path) -> None:
    scenario = load(tmp_path / "mine.py", case.right)
    operation = scenario.programs[0].under(scenario.protocol)
    assert operation(python_cpu(blank_ram())) in range(32)


def test_no_two_kinds_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 100


def test_what_is_translated_has_a_short_text_as_tracebacks_show_it() -> None:
    instance = INSTANCES.root(run_program, CPU, kallsyms_reader, cond_resched)
    for shown_in_a_traceback in (instance, INSTANCES, list(instance.nodes)):
        assert len(repr(shown_in_a_traceback)) < 20_000


def long_sum(terms: int) -> str:
    """The body of an operation that adds up so many terms."""
    return "    return 0 * (" + " + ".join(["cpu.number"] * terms) + ")\n"


def long_choice(cases: int) -> str:
    """The body of an operation that tells so many cases apart."""
    others = (f"    elif cpu.number == {number}:\n        return 1\n" for number in range(1, cases))
    return "    if cpu.number == 0:\n        return 1\n" + "".join(others) + "    return 1\n"


LONG_WAY = "".join(
    f"@kernel\ndef step{number}(cpu: Cpu) -> int:\n    return step{number + 1}(cpu)\n\n\n" for number in range(300)
) + "@kernel\ndef step300(cpu: Cpu) -> int:\n    return 1\n\n\n"  # fmt: skip
HEAD = "@kernel\ndef reader(cpu: Cpu) -> int:\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (HEAD + long_sum(110), "reader"),
        (HEAD + long_choice(110), "reader"),
        (HEAD + long_choice(900), "reader"),
        (f"{LONG_WAY}{HEAD}    return step0(cpu)\n", r"step\d+"),
    ],
    ids=["a sum", "elif", "much elif", "calls"],
)
def test_what_is_nested_too_deeply_is_refused_in_one_line(source: str, name: str, tmp_path: Path) -> None:
    said = rf"mine\.py:\d+: {name} is nested too deeply; write shorter expressions"
    with pytest.raises(KernelCodeError, match=said):
        load(tmp_path / "mine.py", source)


@each_engine
@pytest.mark.parametrize("body", [long_sum(90), long_choice(90)], ids=["a sum", "elif"])
def test_what_is_nested_less_deeply_is_played(body: str, engine: str, tmp_path: Path) -> None:
    operation = load(tmp_path / "mine.py", HEAD + body).programs[0].operation
    ram = blank_ram()
    run_machine(ram, [program_of(engine, operation)], lambda: ram.log_words(OPERATIONS)[0][0] > 1)


def long_way(functions: int, call: str) -> str:
    """So many functions that call each other in a row, each as `call` has it."""
    inner = (f"@kernel\ndef step{at}(cpu: Cpu) -> int:\n{call.format(at + 1)}\n\n" for at in range(1, functions - 1))
    last = f"@kernel\ndef step{functions - 1}(cpu: Cpu) -> int:\n    return 10\n\n\n"
    return "".join(inner) + last + HEAD + call.format(1)


IN_A_LOOP = "    x = 0\n    for i in range(2):\n        if i == x:\n            x = step{}(cpu)\n    return x\n"


@each_engine
@pytest.mark.parametrize(
    ("functions", "call"), [(70, "    return step{}(cpu)\n"), (40, IN_A_LOOP)], ids=["plain", "loops"]
)
def test_as_many_functions_may_call_each_other_as_the_guide_says(
    functions: int, call: str, engine: str, tmp_path: Path
) -> None:
    guide = (CHECKOUT / "docs" / "scenario.md").read_text()
    assert "70 functions that call each other in a row, or 40 from loops and conditions" in guide
    operation = load(tmp_path / "mine.py", long_way(functions, call)).programs[0].operation
    program_of(engine, operation)


@pytest.mark.native
def test_what_only_the_compiler_finds_too_deep_is_refused_in_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stress.machine.native.program import Library

    monkeypatch.setattr("stress.machine.language.instances.MOST_LEVELS", 10_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        operation = load(tmp_path / "mine.py", HEAD + long_sum(600)).programs[0].operation
    finally:
        sys.setrecursionlimit(limit)
    with pytest.raises(KernelCodeError, match=r"mine\.py:\d+: reader is nested too deeply; write shorter"):
        Library(KASAN).program(run_program, CPU, operation, cond_resched)


def test_a_return_type_may_stand_in_quotes(tmp_path: Path) -> None:
    quoted = '@kernel\ndef marks(cpu: Cpu) -> "None":\n    cpu.barrier()\n\n\n'
    load(tmp_path / "mine.py", f"{quoted}{HEAD}    marks(cpu)\n    return 1\n")


NOTING = READER + "    x = cpu.load(WORD)\n    note(cpu, {}, x)\n    return 1\n"
UNMARKED = "def reader(cpu: Cpu, p: object) -> int:\n    return 1\n"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "told"),
    [
        (NOTING.format("x"), NOTING.format('"x"'), "note(cpu, x", "note is given what it cannot take; "),
        (UNMARKED, "@kernel\n" + UNMARKED, "def reader", "reader is not kernel code; mark its definition with @kernel"),
    ],
    ids=["an argument", "an operation"],
)
def test_a_mistake_that_the_code_of_kstress_meets_is_told_at_the_line_of_its_author(
    wrong: str, right: str, line: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    imports = "from stress.kernel import note\n\n\n"
    with pytest.raises(KernelCodeError) as refused:
        load(path, imports + wrong)
    number = path.read_text().split(line)[0].count("\n") + 1
    assert str(refused.value).startswith(f"{shown(str(path))}:{number}: {told}")
    load(tmp_path / "right.py", imports + right)
