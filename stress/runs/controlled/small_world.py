"""Small worlds: a corpus of few modules with few symbols, so that a machine boots and ends in microseconds."""

from fractions import Fraction

import attrs

from stress.config import Config
from stress.corpus import Corpus, Module
from stress.judge.oracle import targets_of
from stress.runs.boot import World, build_world
from stress.runs.controlled.machine import Controlled, controlled
from stress.runs.settled import settle
from stress.scenario import Scenario
from stress.schedule.schedule import Small

SYMBOLS = 3
"""Symbols of each module that readers can look up."""


def small(corpus: Corpus, modules: int) -> World:
    """The world of the first modules of a corpus that have names to look up; all of it for 0.

    UserError for a corpus without any such module.
    """
    if modules == 0:
        return build_world(corpus)
    wanted: dict[int, set[bytes]] = {}
    for target in targets_of(corpus):
        if target.slot in wanted or len(wanted) < modules:
            names = wanted.setdefault(target.slot, set())
            if len(names) < SYMBOLS:
                names.add(target.name)
    kept = tuple(_cut(corpus.modules[slot], names) for slot, names in wanted.items())
    return build_world(attrs.evolve(corpus, kernel=(), modules=kept))


def _cut(module: Module, names: set[bytes]) -> Module:
    """A module with only the symbols of these names."""
    return attrs.evolve(module, symbols=tuple(one for one in module.symbols if one.name.encode() in names))


def world_of(scenario: Scenario, corpus: Corpus, world: Small) -> World:
    """What readers look up: the few modules of a small world, or nothing but a structure of the scenario's own."""
    return small(corpus, 1 if scenario.structure else world.modules)


def machine_for(scenario: Scenario, symbols: World, engine: str, world: Small, traced: bool = False) -> Controlled:
    """The machine of a scenario in a small world.

    Raises:
        UserError: for a world that cannot be made.
    """
    config = Config(engine=engine, cpus=world.cpus, noise=Fraction(0), pace_s=0.0, seed=world.seed)
    return controlled(scenario, settle(config), symbols, world.operations, traced)
