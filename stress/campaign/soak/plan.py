"""What a soak is to be of: made from what a person asks for, or from a run directory, which is not added to wrongly."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import from_json, to_json
from stress.campaign.folder import now
from stress.campaign.identity import corpus_digest, sources_digest
from stress.campaign.records import ScenarioRecord, Session, changed, record_of, refuse_changes
from stress.campaign.soak.records import SOAK, Plan
from stress.campaign.soak.rundir import StoredSoak
from stress.config import Config, settings_of
from stress.errors import UserError
from stress.machine.engines import choose_engine
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.runner import world_for
from stress.runs.settled import settle
from stress.runs.variation import check_variation, too_few_cpus
from stress.safe_text import listed, shown
from stress.scenario import Scenario
from stress.scenario_files import find_scenarios
from stress.settings import SETTINGS

SHORTEST_INTERVAL = 0.1
FREE = ("duration_s", "interval_s")


def _part(scenario: Scenario, config: Config) -> ScenarioRecord:
    """One scenario; UserError if it cannot run with `config`."""
    if too_few := too_few_cpus(scenario, config):
        raise UserError(f"--cpus: {scenario.name} {too_few}; give more")
    check_variation(scenario, config)
    return record_of(scenario)


def _check_interval(interval_s: float) -> None:
    """Raise UserError for an interval in which nothing could be counted."""
    if interval_s < SHORTEST_INTERVAL:
        raise UserError(f"--interval: {interval_s:g} s is too short; give at least {SHORTEST_INTERVAL:g} s")


def new_plan(scenarios: Iterable[str], config: Config, interval_s: float) -> Plan:
    """The plan of a new soak, with the engine and its defaults filled in.

    Raises:
        UserError: for input that cannot be used; nothing was started then.
    """
    parts = tuple(_part(scenario, config) for name in scenarios for scenario in find_scenarios(name))
    names = [part.name for part in parts]
    if not parts:
        raise UserError("SCENARIO: a soak needs at least one scenario; kstress list has their names")
    if doubles := {name for name in names if names.count(name) > 1}:
        raise UserError(f"SCENARIO: {shown(min(doubles))} is given twice; name each scenario once")
    _check_interval(interval_s)
    world_for(config)
    settings = settings_of(settle(config).as_config)
    plan = Plan(
        parts,
        **{**settings, "corpus": os.path.realpath(config.corpus) if config.corpus else None},
        corpus_digest=corpus_digest(config.corpus),
        sources_digest=sources_digest(),
        interval_s=interval_s,
    )
    return from_json(to_json(plan), Plan, "what is asked for")  # what cannot be read back fails before it runs


def resumed_plan(run: StoredSoak, scenarios: Iterable[str], given: Mapping[str, object]) -> Plan:
    """The plan of a run directory, with another duration or interval if they are given.

    Raises:
        UserError: when what is asked for, or what there is now, differs from what was counted; names the difference.
    """
    plan = run.manifest.plan
    wanted: dict[str, Any] = dict(given)
    _check_interval(wanted.pop("interval_s", plan.interval_s))
    Config(**wanted)
    since = changed(plan.scenarios, plan.sources_digest, [(plan.corpus, plan.corpus_digest)])
    refuse_changes(SOAK, run.folder, [*_asked(plan, list(scenarios), given), *since])
    free: dict[str, Any] = {name: value for name, value in given.items() if name in FREE}
    return attrs.evolve(plan, **free)


def _asked(plan: Plan, scenarios: list[str], given: Mapping[str, object]) -> Iterable[str]:
    """How what is asked for differs from the plan."""
    origins = [part.origin for part in plan.scenarios]
    asked = [scenario.origin for name in scenarios for scenario in find_scenarios(name)]
    if asked and sorted(asked) != sorted(origins):
        yield f"it is of {listed(origins)}, not of {listed(asked)}"
    for setting in SETTINGS:
        name = setting.field
        if name not in given or name in (*FREE, "corpus"):
            continue
        was, wanted = getattr(plan, name), given[name]
        wanted = choose_engine(str(wanted)) if name == "engine" else wanted
        if was != wanted:
            yield f"{setting.flag} was {setting.write(was)}, not {setting.write(wanted)}"
    corpus = given.get("corpus")
    if isinstance(corpus, Path) and corpus_digest(corpus) != plan.corpus_digest:
        yield f"--corpus {shown(corpus)} is not the corpus that it was begun with"


def session(plan: Plan) -> Session:
    """A session that begins now, under this host's conditions."""
    return Session(now(), host_conditions(plan.config(), StealMeter()))
