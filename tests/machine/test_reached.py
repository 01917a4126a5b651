"""The key of compiled code: the same in every process, whatever else is loaded, and another if anything differs."""

import json
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

from stress.machine.native.reached import facts_of, functions_of
from tests.frontdoor.command import BOUND_SECONDS, environment

DIGESTS = """
import json
from stress.config import Config
from stress.machine.native.engine import digest
from stress.runs.settled import settle
from stress.scenario_files import catalogue

def digests():
    found = {}
    for scenario in catalogue():
        features = settle(Config(cpus=4, engine="native")).features(scenario)
        for program in scenario.deal(4):
            operation = program.under(scenario.protocol)
            found[f"{scenario.name} {program.name}"] = digest(operation, scenario.protocol.safepoint, features)
    return found
"""
CODE = """
from {package} import helper as called

LIMIT = {limit}

def unused(cpu):
    return 0

def operation(cpu, other=called):
    return other(cpu) + LIMIT + sum(called(cpu) for _ in range(3))

def making(inner):
    def made(cpu):
        return inner(cpu)
    return made

made = making({inner})
"""


@pytest.mark.native
@pytest.mark.parametrize("first", ["stress.machine.slab", "stress.programs.modprobe"])
def test_every_program_has_the_same_key_in_every_process(first: str) -> None:
    here: dict[str, object] = {}
    exec(DIGESTS, here)
    known = here["digests"]()  # type: ignore[operator]
    assert len(known) > 86
    done = subprocess.run(
        [sys.executable, "-c", f"import {first}\n{DIGESTS}\nprint(json.dumps(digests()))"],
        env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == known


def facts(place: Path, monkeypatch: pytest.MonkeyPatch, limit: int = 3, inner: str = "called") -> list[str]:
    """What the code of two functions depends on, in a module of its own."""
    place.mkdir(exist_ok=True)
    (place / "helps.py").write_text(
        "DEEP = 7\ndef helper(cpu):\n    return deeper(cpu)\ndef deeper(cpu):\n    return DEEP\n"
    )
    monkeypatch.syspath_prepend(place)
    sys.modules.pop("helps", None)
    module: dict[str, FunctionType] = {"__name__": "mine"}  # type: ignore[dict-item]
    exec(CODE.format(package="helps", limit=limit, inner=inner), module)
    return list(facts_of(functions_of((module["operation"], module["made"]))))


def test_a_program_depends_on_what_it_calls_and_uses_and_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = facts(tmp_path, monkeypatch)
    assert known == facts(tmp_path, monkeypatch)
    assert [fact.partition(":")[0] for fact in known] == [
        "mine.operation",
        "mine.making.<locals>.made",
        "helps.helper",
        "helps.deeper",
    ]
    assert known[-1] == "helps.deeper: 7"
    assert known != facts(tmp_path, monkeypatch, limit=4)
    assert known != facts(tmp_path, monkeypatch, inner="unused")
