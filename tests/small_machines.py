"""Machines under control in small worlds, for the tests of schedules."""

from stress.corpus import bundled
from stress.runs.controlled.machine import Controlled
from stress.runs.controlled.small_world import machine_for, world_of
from stress.scenario_files import find_scenario
from stress.schedule.schedule import Small


def small_machine(name: str, engine: str, traced: bool = False, operations: int = 2) -> Controlled:
    """A machine of as few CPUs as its scenario needs, at least two, with two modules."""
    scenario = find_scenario(name)
    modules = 0 if scenario.structure else 2
    world = Small(cpus=max(2, scenario.least_cpus), operations=operations, modules=modules, seed=1)
    return machine_for(scenario, world_of(scenario, bundled(), world), engine, world, traced)
