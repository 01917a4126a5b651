"""The plan of a sweep: every cell of a matrix, looked at before any of them runs; or that of a run directory."""

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import attrs

from stress.campaign.identity import corpus_digest, sources_digest
from stress.campaign.records import changed, record_of, refuse_changes
from stress.campaign.sweep.axes import split_flag, telling
from stress.campaign.sweep.matrix import Errors, Matrix
from stress.campaign.sweep.records import ALIKE, DURATION, SOUGHT, SWEEP, Find, Plan, Values, rises
from stress.campaign.sweep.sweepdir import StoredSweep
from stress.config import Config, settings_of
from stress.errors import UserError
from stress.runs.runner import world_for
from stress.runs.settled import settle
from stress.runs.variation import check_variation
from stress.safe_text import shown
from stress.scenario import Scenario
from stress.scenario_files import find_scenarios
from stress.settings import AXES

MOST_CELLS = 100_000


def new_plan(matrix: Matrix) -> Plan:
    """The plan of a new sweep, with engines and their defaults filled in.

    Raises:
        UserError: with a line for everything that cannot be; nothing was started then.
    """
    errors = Errors()
    found = [errors.collect(_scenarios, name, matrix) for name in matrix.scenarios]
    scenarios = [scenario for several in found for scenario in several or ()]
    _check_names(scenarios, matrix, errors)
    _check_size(matrix, errors)
    _check_find(matrix, errors)
    worlds = {corpus: errors.collect(_digest, corpus, matrix) for corpus in matrix.axes.get("corpus", (None,))}
    errors.check()
    cells = [errors.collect(_cell, scenario, config, matrix) for scenario in scenarios for config in _configs(matrix)]
    errors.check()
    return Plan(
        scenarios=tuple(map(record_of, scenarios)),
        cells=tuple(cells),
        repeat=matrix.repeat,
        seed=matrix.seed,
        **_alike(matrix),
        find=_find(matrix),
        corpus_digests={os.path.realpath(corpus): digest for corpus, digest in worlds.items() if corpus},
        sources_digest=sources_digest(),
    )


def _scenarios(name: str, matrix: Matrix) -> Sequence[Scenario]:
    """A scenario that a matrix names, or all those of a file."""
    with telling(matrix.where("scenarios")):
        return find_scenarios(name)


def _check_names(scenarios: list[Scenario], matrix: Matrix, errors: Errors) -> None:
    """Add an error if there are no scenarios, or one is there twice."""
    names, where = [scenario.name for scenario in scenarios], matrix.where("scenarios")
    if not matrix.scenarios:
        errors.add(f"{where}: a sweep needs at least one scenario, or a plan; kstress list has their names")
    for name in sorted({name for name in names if names.count(name) > 1}):
        errors.add(f"{where}: {shown(name)} is given twice; name each scenario once")


def _check_size(matrix: Matrix, errors: Errors) -> None:
    """Add an error if there are more cells than anybody would wait for."""
    cells = len(matrix.scenarios) * (1 if matrix.find else matrix.repeat)
    for values in matrix.axes.values():
        cells *= len(values)
    if cells > MOST_CELLS:
        where = f"{matrix.where('axes')}: " if matrix.plan else ""
        errors.add(f"{where}{cells:,} cells are more than a sweep can have, {MOST_CELLS:,}; take fewer of something")


def _check_find(matrix: Matrix, errors: Errors) -> None:
    """Add an error for what no search can be of; only a Python caller can ask for that."""
    candidates = matrix.axes.get(matrix.find, ()) if matrix.find else ()
    if matrix.find and not (matrix.find in SOUGHT and candidates and rises(candidates)):
        known = ", ".join(SOUGHT)
        errors.add(f"find: {shown(repr(matrix.find))} is not one of {known} with rising candidates among axes")


def _configs(matrix: Matrix) -> Iterator[Config]:
    """A config for each combination of values, the first axis varying most slowly."""
    fields = [axis.field for axis in AXES if axis.field in matrix.axes]
    for values in product(*(matrix.axes[field] for field in fields)):
        given: dict[str, Any] = dict(zip(fields, values, strict=True))
        yield Config(**given, **_alike(matrix))


def _alike(matrix: Matrix) -> dict[str, Any]:
    """The settings that all cells have alike."""
    return {**settings_of(matrix, ALIKE), "duration_s": _duration(matrix), "stop_on_violation": _stops(matrix)}


def _duration(matrix: Matrix) -> float:
    """How long each run may take: the longest duration where one is sought."""
    return float(matrix.axes[DURATION][-1] if matrix.find == DURATION else matrix.duration_s)


def _stops(matrix: Matrix) -> bool:
    """Whether a run ends at its first violation, as one of a search does, which asks for no more."""
    return matrix.stop_on_violation or matrix.find is not None


def _find(matrix: Matrix) -> Find | None:
    """What is looked for, if it is a search."""
    if matrix.find is None:
        return None
    durations = tuple(map(float, matrix.axes[DURATION])) if matrix.find == DURATION else ()
    return Find(axis=matrix.find, share=matrix.share, confidence=matrix.confidence, durations=durations)


def _digest(corpus: Path | None, matrix: Matrix) -> str:
    """The digest of a corpus that can be used."""
    with telling(matrix.where("corpus")):
        world_for(Config(corpus=corpus))
        return corpus_digest(corpus)


def _cell(scenario: Scenario, config: Config, matrix: Matrix) -> Values:
    """The values of one cell; a UserError about a flag becomes one about where its value comes from."""
    try:
        return _values(scenario, config)
    except UserError as error:
        flag, what = split_flag(str(error))
        raise UserError(f"{matrix.where(flag)}: {what}" if flag else what) from None


def _values(scenario: Scenario, config: Config) -> Values:
    """The values of one cell; UserError if the scenario, or its twin, cannot be varied so."""
    check_variation(scenario, config)
    corpus = os.path.realpath(config.corpus) if config.corpus else None
    return Values(scenario=scenario.name, **{**settings_of(settle(config).as_config, AXES), "corpus": corpus})


def order(plan: Plan) -> Iterator[tuple[int, int]]:
    """The number and repeat of each cell, in the order in which they run.

    Every repeat is a block of all cells, shuffled anew: a host that gets slower meets all of them alike, and a sweep
    that is cut short has each about equally often.
    """
    for repeat in range(1, plan.repeat + 1):
        block = list(range(len(plan.cells)))
        Random(f"{plan.seed}/{repeat}").shuffle(block)
        yield from ((number, repeat) for number in block)


def seed_of_cell(plan: Plan, number: int, repeat: int) -> int:
    """The seed of one cell's run."""
    return Random(f"{plan.seed}/{repeat}/{number}").randrange(2**31)


def lone(plan: Plan, number: int) -> Plan:
    """The plan of one cell alone, which is what its process, or a worker elsewhere, has to know."""
    values = plan.cells[number]
    return attrs.evolve(
        plan,
        scenarios=tuple(part for part in plan.scenarios if part.name == values.scenario),
        cells=(values,),
        corpus_digests={path: digest for path, digest in plan.corpus_digests.items() if path == values.corpus},
    )


def config_of(plan: Plan, number: int, seed: int = 0) -> Config:
    """How one cell is run with a seed."""
    values = plan.cells[number]
    return Config(seed=seed, **settings_of(plan, ALIKE), **settings_of(values, AXES))


def check_unchanged(swept: StoredSweep) -> None:
    """Raise UserError when what there is now is not what the run directory's cells were run with; names it."""
    refuse_changes(SWEEP, swept.folder, _differences(swept.manifest.plan))


def _differences(plan: Plan) -> Iterator[str]:
    """How what there is now differs from what the plan was made from."""
    yield from changed(plan.scenarios, plan.sources_digest, plan.corpus_digests.items())
    yield from unfit(plan)


def kinds(plan: Plan) -> Plan:
    """The plan with one cell for each engine and switch interval."""
    cells = {(values.engine, values.switch_interval_s): values for values in plan.cells}
    return attrs.evolve(plan, cells=tuple(cells.values()))


def unfit(plan: Plan) -> Iterator[str]:
    """Why cells of the plan cannot run in this interpreter: there is no llvmlite, or no GIL."""
    few = kinds(plan)
    for number in range(len(few.cells)):
        try:
            settle(config_of(few, number))
        except UserError as error:
            yield str(error)
