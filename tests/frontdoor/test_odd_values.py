"""Kernel code with values that no machine has room for: a verdict, or one line, and the same from run and explore."""

from pathlib import Path

import pytest

from tests.frontdoor.command import kstress

SOURCE = """
from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, static
from stress.protocols import NONE

W = static("odd_words", 12)
OUT = Outcome.table(ok=("acceptable", "read"), bad=("forbidden", "never"))

@kernel
def clear(cpu: Cpu, p: Protocol) -> None:
    cpu.fill(W, 64, 0)

@kernel
def wr(cpu: Cpu, p: Protocol) -> int:
    z = cpu.load(W)
    {write}
    return 0

@kernel
def rd(cpu: Cpu, p: Protocol) -> int:
    z = cpu.load(W + 8)
    {read}
    return OUT.ok

S = Structure("odd", [], clear, outcomes=OUT)
SCENARIO = Scenario(
    name="odd", claim="c", source="s", expect="violated", structure=S, protocol=NONE,
    programs=(Program("wr", wr, cpus=1, writes=True), Program("rd", rd)),
)
"""
WILD = {
    "an address of 66 bits": "cpu.fetch_add(W + 8 * (z + 0x6B6B6B6B6B6B6B6B), 1)",
    "a range that ends behind memory": "cpu.fill(W, 1 << 50, 1)",
    "a copy that ends behind memory": "cpu.copy(W, W, 1 << 40)",
    "a range of less than nothing": "cpu.copy(W, W + 32, z - 8)",
}
BOUNDS = {"a word behind an array": "cpu.store(W + 8 * 12, 1)", "a word far behind it": "cpu.load(W + 0x8000)"}
FINE = {
    "a byte of -1": "cpu.fill(W + 64, 32, -1)",
    "a number of 66 bits": "cpu.cmpxchg(W + 64, 0, (z + 1 << 62) * 16 + 5)",
    "a spin on no address": "cpu.relax((z + 1 << 62) * 16)",
}
HOW = {"run": ("--duration", "300ms", "--cpus", "2"), "explore": ("--schedules", "20")}
ENGINES = ["python", pytest.param("native", marks=pytest.mark.native)]


def said(verb: str, engine: str, folder: Path, read: str = "pass", write: str = "pass") -> str:
    """What a command says of a scenario with these lines; it must not be a fault of the harness."""
    (folder / "odd.py").write_text(SOURCE.format(read=read, write=write))
    done = kstress(verb, "odd.py", "--engine", engine, *HOW[verb], cwd=folder)
    assert done.returncode in (0, 1, 2, 3), done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("verb", HOW)
@pytest.mark.parametrize(
    ("line", "outcome"), [(WILD[one], "wild") for one in WILD] + [(BOUNDS[one], "out_of_bounds") for one in BOUNDS]
)
def test_a_touch_of_what_is_no_memory_of_the_scenario_is_found(
    line: str, outcome: str, verb: str, engine: str, tmp_path: Path
) -> None:
    text = said(verb, engine, tmp_path, read=line)
    assert ("VIOLATED as expected" if verb == "run" else "VIOLATED (as expected)") in text
    assert outcome in text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("line", FINE.values(), ids=FINE)
def test_what_a_machine_wraps_is_wrapped(line: str, engine: str, tmp_path: Path) -> None:
    for verb in HOW:
        assert "BUG: " not in said(verb, engine, tmp_path, write=line)


def test_a_shift_that_no_memory_has_room_for_is_an_error_of_its_line(tmp_path: Path) -> None:
    for verb in HOW:
        text = said(verb, "python", tmp_path, read="cpu.store(W + 8, 1 << ((z + 1) << 40))")
        assert "odd.py:22: a number is shifted by more bits than memory has room for" in text
        assert "out of memory" not in text


def test_a_structure_whose_structs_are_none_is_refused_in_one_line(tmp_path: Path) -> None:
    source = SOURCE.format(read="pass", write="pass").replace('Structure("odd", [],', 'Structure("odd", [3],')
    (tmp_path / "odd.py").write_text(source)
    done = kstress("run", "odd.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "the structure odd has structs=[3]; give a list of Struct" in done.stderr
    assert "Traceback" not in done.stderr
