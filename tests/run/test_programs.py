"""Every scenario's programs can be played on every engine; compiled side by side here, they wait for the verdicts."""

from pathlib import Path

import pytest

from stress import Config
from stress.kernel.modlist import rmmod_locked
from stress.machine.python_engine import PythonCpu
from stress.machine.seam import Cpu
from stress.programs.modprobe import SLOT_LISTED, SLOTS, load, unload
from stress.runs.runner import run_scenario, world_for
from stress.runs.settled import settle
from stress.runs.track import prepare
from stress.scenario import Scenario
from stress.scenario_files import catalogue, find_scenario
from tests.support import KASAN, booted, each_engine, loaded_modules, simple_corpus

PLANTED = Path(__file__).parent / "planted"


@each_engine
@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_every_cpu_of_a_scenario_has_something_to_play(scenario: Scenario, engine: str) -> None:
    config = Config(engine=engine)
    [plays] = prepare(scenario, settle(config), world_for(config)).plays.values()
    assert len(plays) == config.cpus


@each_engine
def test_cpus_that_no_program_has_a_use_for_are_idle(engine: str) -> None:
    scenario = find_scenario(str(PLANTED / "reserved_place.py"))
    assert [program.name for program in scenario.deal(4)] == ["producer", "consumer", "idle", "idle"]
    config = Config(engine=engine, cpus=4, duration_s=20, stop_on_violation=True)
    assert run_scenario(scenario, world_for(config), config).verdict.name == "violated"


def test_a_module_that_insmod_found_no_memory_for_is_not_marked_as_listed() -> None:
    ram = booted(simple_corpus(3))
    cpu, slot, asked = PythonCpu(ram, 0, KASAN), ram.peek(SLOTS), list[int]()

    def insmod(cpu: Cpu, image: int) -> int:
        return -12

    def rmmod(cpu: Cpu, name: int) -> int:
        asked.append(name)
        return -2

    unload(cpu, slot, rmmod_locked)
    assert "mod0" not in loaded_modules(ram)
    load(cpu, slot, insmod)
    before = ram.peek(slot + SLOT_LISTED)
    assert before % 2 == 0
    unload(cpu, slot, rmmod)
    assert (ram.peek(slot + SLOT_LISTED), asked) == (before, [])
