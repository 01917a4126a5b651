"""Slips in a scenario file: each is told in one line, with what to write, at the line of whoever made it."""

from pathlib import Path

import pytest

from stress import Config, UserError, run
from stress.scenario_files import find_scenarios

HEAD = """
import attrs

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, static
from stress.protocols import RCU

WORD = static("word_of_slips")
OUT = Outcome.table(right=("acceptable", "as asked"))

@kernel
def fill(cpu: Cpu, p: Protocol) -> None:
    cpu.store(WORD, 0)

@kernel
def find(cpu: Cpu, p: Protocol) -> int:
    return OUT.right

@kernel
def look(cpu: Cpu, p: Protocol) -> int:
    return OUT.right

WORDS = Structure("words", [], fill, outcomes=OUT)

def of(**given):
    usual = {"programs": (Program("find", find),), "structure": WORDS, "protocol": RCU}
    return Scenario("slip", "a claim", "a source", expect="violated", **{**usual, **given})

"""
COMMA = "give programs in parentheses, with a comma behind each: programs=(Program('find', find),)"
CPUS = "give a whole number, 1 or more, or leave it out for all CPUs that are left"
TWO = "give it 2: def given(cpu: Cpu, p: Protocol) -> int, or the first alone"
OPERATION = '\nSCENARIO = of(programs=(Program("given", given),))\n'


def refusal(tmp_path: Path, text: str) -> str:
    """What is said of a file with this end."""
    file = tmp_path / "slip.py"
    file.write_text(HEAD + text)
    with pytest.raises(UserError) as refused:
        find_scenarios(str(file))
    said = str(refused.value).replace(str(tmp_path), "")
    assert "\n" not in said
    return said


def line_of(text: str) -> int:
    """The line of a file that an end begins with."""
    return (HEAD + text).count("\n") + 1 - text.count("\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('SCENARIO = of(programs=(Program("find", find)))', f"programs is one Program; {COMMA}"),
        ("SCENARIO = of(programs=find)", "programs is <function find at "),
        ("SCENARIO = of(programs=(find,))", "which is no Program; give programs in parentheses"),
        (
            'SCENARIO = of(programs=(Program("a", find), Program("a", look)))',
            "two programs are called a, and do different",
        ),
        ('SCENARIO = of(programs=(Program("find", find, cpus=0),))', f"the program find has cpus=0; {CPUS}"),
        ('SCENARIO = of(programs=(Program("find", find, cpus="1"),))', f"the program find has cpus='1'; {CPUS}"),
        ('SCENARIO = of(programs=(Program("find", find, cpus=True),))', f"the program find has cpus=True; {CPUS}"),
        ('SCENARIO = of(programs=(Program("find", find, writes="yes"),))', "writes is 'yes'; give True or False"),
        ("SCENARIO = of(programs=(Program(find, find),))", "give the program's name in quotes"),
        ('SCENARIO = Scenario(5, "a claim", "a source", (), "held")', "name is 5; give the scenario's name in quotes"),
        ('SCENARIO = of(structure="words")', "structure is 'words'; give a Structure"),
        ('SCENARIO = of(protocol="rcu")', "protocol is 'rcu'; give a protocol, which stress.protocols has"),
        ("SCENARIO = of(hardware=0.1)", "hardware is 0.1; give Hardware(...)"),
        ("SCENARIO = of(twin=3)", "twin is 3; give a scenario of the same file, or a name or path in quotes"),
        ('Outcome.table(ok="acceptable")', "outcome 'ok' is 'acceptable'; give ok=(grade, meaning), both in quotes"),
        ('Outcome.table(ok=("acceptable",))', "outcome 'ok' is ('acceptable',); give ok=(grade, meaning)"),
    ],
)
def test_what_is_no_part_of_a_scenario_is_told_at_its_line(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith("/slip.py, line ")
    assert told in said


@pytest.mark.parametrize("again", ['static("word_of_slips")', 'static("word_of_slips", 9)', 'lock("word_of_slips")'])
def test_a_file_declares_each_name_once_however_often_it_is_loaded(tmp_path: Path, again: str) -> None:
    text = f"from stress.kernel import lock\nAGAIN = {again}\n"
    said = "'word_of_slips' is declared twice in this file; give each word a name of its own"
    assert refusal(tmp_path, text).startswith(f"/slip.py, line {line_of(text) + 1}: ValueError: {said}")
    loaded: list[dict[str, object]] = [{"__name__": "slip"}, {"__name__": "slip"}]
    for names in loaded:
        exec(compile(HEAD, "slip.py", "exec"), names)
    assert loaded[0]["WORD"] == loaded[1]["WORD"]


@pytest.mark.threads
def test_a_run_says_that_no_program_writes(tmp_path: Path) -> None:
    file = tmp_path / "slip.py"
    file.write_text(HEAD + 'BAD = of()\nSCENARIOS = [BAD, attrs.evolve(BAD, name="mine", expect="held", twin=BAD)]\n')
    [result] = run([f"{file}:mine"], Config(engine="python", cpus=2, duration_s=0.1))
    assert "no program has writes=True" in result.verdict.reason


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "red\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: str) -> None:
    said = refusal(tmp_path, f"SCENARIO = attrs.evolve(of(), name={name!r})\n")
    assert said == f"/slip.py: the name {name!r} cannot be shown; use letters and digits"


def test_a_scenario_without_programs_is_told(tmp_path: Path) -> None:
    said = "scenario slip has no programs; give programs=(Program('find', find),)"
    assert refusal(tmp_path, "SCENARIO = of(programs=())") == said


@pytest.mark.parametrize("protocol", ["RCU", "Protocol('plain')"])
@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ("@kernel\ndef given() -> int:\n    return 0\n", f"given has 0 parameters; {TWO}"),
        (
            "@kernel\ndef given(cpu: Cpu, p: Protocol, more: int) -> int:\n    return 0\n",
            f"given has 3 parameters; {TWO}",
        ),
        (
            "@kernel\ndef given(cpu: Cpu, p: Protocol, n: int = 4) -> int:\n    return 0\n",
            f"given has 3 parameters; {TWO}",
        ),
        ("@kernel\ndef given(*more: int) -> int:\n    return 0\n", f"given has 0 parameters; {TWO}"),
        ("@kernel\ndef given(cpu, p):\n    return\n", "given returns nothing; return a number from it"),
        ("def given(cpu: Cpu, p: Protocol) -> int:\n    return 0\n", "given is not kernel code; mark its definition"),
    ],
)
def test_an_operation_that_cannot_be_called_is_told_at_its_line(
    tmp_path: Path, operation: str, told: str, protocol: str
) -> None:
    text = operation + OPERATION.replace("of(", f"of(protocol={protocol}, ")
    said = refusal(tmp_path, text)
    lines = range(line_of(text), line_of(text) + 2)
    assert any(said.startswith(f"/slip.py:{line}: {told}") for line in lines), said


@pytest.mark.parametrize(
    ("step", "definition", "told"),
    [
        ("section", "(cpu: Cpu, x: int) -> int:\n    return 0\n", "mine has 2 parameters; give it 1: (cpu)"),
        ("section", "(cpu):\n    cpu.barrier()\n", "mine returns nothing; return a number from it"),
        ("oops", "() -> None:\n    return\n", "mine has 0 parameters; give it 1: (cpu)"),
    ],
)
def test_a_step_of_a_protocol_that_cannot_be_called_is_told_at_its_line(
    tmp_path: Path, step: str, definition: str, told: str
) -> None:
    text = f"@kernel\ndef mine{definition}\nSCENARIO = of(protocol=RCU.but('mine', {step}=mine))\n"
    assert refusal(tmp_path, text) == f"/slip.py:{line_of(text)}: {told}"


def test_an_operation_whose_other_parameters_have_defaults_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "slip.py"
    file.write_text(
        HEAD + "@kernel\ndef given(cpu: Cpu, a: int = 0, b: int = 0) -> int:\n    return a * b\n" + OPERATION
    )
    assert [one.name for one in find_scenarios(str(file))] == ["slip"]
