"""The name of kept machine code: the same in every process, another if the code would be another, else the same."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stress.machine.language.tree import CpuKind
from stress.scenario_files import load_source, source_of
from tests.frontdoor.command import BOUND_SECONDS, environment
from tests.support import KASAN

pytestmark = pytest.mark.native

DIGESTS = """
from stress.config import Config
from stress.machine.language.instances import CPU
from stress.machine.loop import run_program
from stress.machine.native.engine import digest_of
from stress.machine.native.program import library_for
from stress.runs.settled import settle
from stress.scenario_files import catalogue

def digests():
    found = {}
    for scenario in catalogue():
        features = settle(Config(cpus=4, engine="native")).features(scenario)
        for program in scenario.deal(4):
            operation = program.under(scenario.protocol)
            units = library_for(features).program(run_program, CPU, operation, scenario.protocol.safepoint).units
            found[f"{scenario.name} {program.name}"] = list(map(digest_of, units))
    return found
"""
CODE = """
from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel

LIMIT = 3


@kernel
def helper(cpu: Cpu) -> int:
    return LIMIT


@kernel
def unused(cpu: Cpu) -> int:
    return 0


@kernel
def operation(cpu: Cpu) -> int:
    return helper(cpu)

"""
LAST_LINE = 'SCENARIO = Scenario("mine", "c", "s", (Program("work", operation),), expect="held")\n'


@functools.cache
def digests_here() -> dict[str, list[str]]:
    """The digests of each program's units in this process."""
    here: dict[str, Any] = {}
    exec(DIGESTS, here)
    known: dict[str, list[str]] = here["digests"]()
    return known


@pytest.mark.parametrize("first", ["stress.machine.slab", "stress.programs.modprobe"])
def test_every_program_has_the_same_digest_in_every_process(first: str) -> None:
    assert len(digests_here()) > 86
    done = subprocess.run(
        [sys.executable, "-c", f"import {first}\nimport json\n{DIGESTS}\nprint(json.dumps(digests()))"],
        env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == digests_here()


def digests(folder: Path, source: str) -> list[str]:
    """The digests of the units that the operation of a scenario file needs."""
    from stress.machine.native.engine import digest_of
    from stress.machine.native.program import Library

    folder.mkdir()
    source += LAST_LINE
    (folder / "mine.py").write_text(source)
    [scenario] = load_source(source_of(folder / "mine.py", source.encode()))
    [program] = scenario.programs
    return list(map(digest_of, Library().program(program.operation, CpuKind(KASAN)).units))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n\n@kernel\ndef unused", "\n\n# A comment.\n@kernel\ndef unused"),
        ("def helper(cpu: Cpu) -> int:\n", 'def helper(cpu: Cpu) -> int:\n    """What it does."""\n'),
        ("return 0", "return 1"),
    ],
)
def test_a_comment_a_docstring_or_a_function_that_nobody_calls_costs_nothing(
    before: str, after: str, tmp_path: Path
) -> None:
    assert before in CODE
    assert digests(tmp_path / "a", CODE) == digests(tmp_path / "b", CODE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"), [("LIMIT = 3", "LIMIT = 4"), ("return LIMIT", "return LIMIT + cpu.number")]
)
def test_a_value_or_a_function_that_is_used_counts(before: str, after: str, tmp_path: Path) -> None:
    assert digests(tmp_path / "a", CODE) != digests(tmp_path / "b", CODE.replace(before, after))
