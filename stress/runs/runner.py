"""Run a scenario and judge what it counted. Its twin runs in the same call, slice by slice.

Each slice is a machine that starts from a fresh image (`image`), is run by a drive (`drive`) and harvested (`harvest`);
`track` puts the three together.
"""

from collections.abc import Iterable
from pathlib import Path

import attrs

from stress.config import Config
from stress.corpus import Corpus, bundled, load
from stress.errors import HarnessError, telling_of_memory
from stress.judge.explain import explain
from stress.judge.tally import Tally
from stress.judge.verdict import INCONCLUSIVE, TwinSide, Verdict, judge
from stress.machine.gil import switching
from stress.machine.language.errors import KernelCodeError
from stress.machine.machine import MachineError
from stress.machine.ram import Ram
from stress.runs.boot import World, build_world
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.hooks import NO_HOOKS, Hooks
from stress.runs.result import Result
from stress.runs.settled import Settled, settle
from stress.runs.track import SHORTEST_SLICE, Track, has_violation, prepare
from stress.runs.variation import check_variation, too_few_cpus
from stress.scenario import Scenario
from stress.scenario_files import checked, find_scenarios, twin_of

SLICE_SECONDS = 0.25


def corpus_of(config: Config) -> Corpus:
    """The config's corpus, or the bundled one. UserError if it cannot be used."""
    return load(config.corpus, "--corpus") if config.corpus else bundled()


def world_for(config: Config) -> World:
    """What readers look up: what the corpus of a config has. UserError if it cannot be used."""
    return build_world(corpus_of(config))


@telling_of_memory()
def run_scenario(
    scenario: Scenario,
    world: World,
    config: Config,
    hooks: Hooks = NO_HOOKS,
) -> Result:
    """Run one scenario and, in alternating slices, its twin; the result.

    Ends early when it stalls, when `hooks.interrupted` says so, or at a violation if the config asks for that.

    Raises:
        UserError: for input that cannot be used.
        HarnessError: when the harness itself failed.
        HostError: when the host has not enough memory, or no core in time.
    """
    settings = settle(config)
    steal = StealMeter()
    too_few = too_few_cpus(scenario, config)
    if too_few is not None:
        result = _result(scenario, settings, Tally(), None, Verdict(INCONCLUSIVE, too_few), steal, False)
        return attrs.evolve(result, applicable=False)
    twin = twin_of(scenario)
    track = prepare(scenario, settings, world, hooks)
    twin_track = prepare(twin, settings, world, hooks) if twin else None
    try:
        with switching(config.switch_interval_s):
            _alternate(track, twin_track)
    except KernelCodeError as error:
        raise KernelCodeError(f"{error} (scenario {scenario.name})") from error
    except MachineError as error:
        raise HarnessError(f"{scenario.name}: an error in kernel code, or in kstress itself\n{error}") from error
    track.check()
    twin_tally = twin_track.tally if twin_track else None
    verdict = judge(track.tally, _side(twin_track), _stall_line(track), scenario.has_writer)
    result = _result(scenario, settings, track.tally, twin_tally, verdict, steal, hooks.interrupted())
    return attrs.evolve(result, stall=track.stall, reports=explain(track.reports, world.corpus, world.names))


def _stall_line(track: Track | None) -> str | None:
    """The stall that ended a track, in one line; None if none did."""
    return track.stall.text if track and track.stall else None


def _side(twin: Track | None) -> TwinSide | None:
    """The twin's side of a run, None for a scenario without one."""
    return TwinSide(twin.tally, twin.scenario.expect, _stall_line(twin)) if twin else None


def _alternate(track: Track, twin: Track | None) -> None:
    """Run a slice of the scenario and one of the twin in turn until the scenario's time is up, or it ends early.

    A scenario without a twin runs in slices too: what a violation has damaged ends with its machine, and the next slice
    has another one.
    """
    config, interrupted = track.settings.config, track.hooks.interrupted

    def over(ram: Ram, seconds: float) -> bool:
        track.hooks.progress(track.scenario, track.tally, min(seconds, config.duration_s))
        return interrupted() or (config.stop_on_violation and has_violation(ram))

    while not interrupted() and not track.stall:
        left = config.duration_s - track.tally.seconds
        if left <= SHORTEST_SLICE or (config.stop_on_violation and track.tally.violations):
            break
        length = min(left, SLICE_SECONDS)
        track.run_slice(length, over)
        if twin and twin.stall is None and not interrupted():
            twin.run_up_to_catches(length, interrupted)


def _result(
    scenario: Scenario,
    settings: Settled,
    tally: Tally,
    twin: Tally | None,
    verdict: Verdict,
    steal: StealMeter,
    interrupted: bool,
) -> Result:
    """Put a result together."""
    config = settings.config
    conditions = host_conditions(settings.as_config, steal)
    early = "interrupted" if interrupted else None
    return Result(scenario, settings.engine, config, tally, verdict, conditions, twin, early)


def run(scenarios: Iterable[str | Path | Scenario], config: Config | None = None) -> list[Result]:
    """Run scenarios, given by name, path or as they are, one after the other; their results.

    Raises:
        UserError: for input that cannot be used.
        HarnessError: when the harness itself failed.
    """
    chosen: list[Scenario] = []
    for one in scenarios:
        chosen += [checked(one)] if isinstance(one, Scenario) else find_scenarios(str(one))
    config = config or Config()
    for one in chosen:
        check_variation(one, config)
    world = world_for(config)
    return [run_scenario(scenario, world, config) for scenario in chosen]
