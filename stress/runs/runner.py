"""Run a scenario: boot a machine, let it run, judge what it counted. Its twin runs in the same call, slice by slice."""

import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from stress.config import Config
from stress.corpus import bundled, load
from stress.errors import HarnessError, UserError, telling_of_memory
from stress.host.cores import make_progress
from stress.judge import lookups
from stress.judge.explain import explain
from stress.judge.harvest import Slice, harvest
from stress.judge.outcomes import fault_of, forbidden_mask
from stress.judge.tally import Tally
from stress.judge.verdict import INCONCLUSIVE, TwinSide, Verdict, judge
from stress.judge.violation import Violation
from stress.machine import words
from stress.machine.engines import DEFAULTS, choose_engine, cores_for, load_engine, yield_mask
from stress.machine.events import Events, place_events
from stress.machine.features import Features
from stress.machine.inspection import inspect_free_blocks
from stress.machine.machine import Machine, MachineError, Play
from stress.machine.python_engine import switching
from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.machine.stacks import shown
from stress.machine.waits import Stall
from stress.machine.watchdog import Watchdog
from stress.runs.boot import World, boot_ram, build_world
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.result import Result
from stress.runs.variation import too_few_cpus, vary
from stress.scenario import Hardware, Scenario
from stress.scenario_files import find_scenario, twin_of

SLICE_SECONDS = 0.25
POLL_SECONDS = 0.02
SHORTEST_SLICE = 0.001
LONGEST_STALL_AFTER = 5.0

Progress = Callable[[Scenario, Tally, float], None]
"""Called often with the scenario, its counts up to the last slice, and how many of its seconds have passed."""


@attrs.frozen
class Hooks:
    """What the caller takes part in: progress, an early end, and a last chance before the process must exit.

    `before_exit` is told why it must.
    `watch` is called with the machine and its watchdog after each look at its CPUs, some fifty times a second.
    """

    progress: Progress = lambda scenario, tally, seconds: None
    interrupted: Callable[[], bool] = lambda: False
    before_exit: Callable[[str], None] = lambda why: None
    watch: Callable[[Machine, Watchdog], None] = lambda machine, watchdog: None


@attrs.frozen
class Settings:
    """A config with the engine's defaults filled in; `engine` is its name."""

    config: Config
    engine: str
    noise: Fraction
    pace_s: float
    stall_after_s: float

    def events(self, hardware: Hardware) -> Events:
        """What comes to the CPUs of a scenario, and how often."""
        return Events(self.noise, hardware.gap, hardware.interrupt, hardware.nmi, hardware.gap_s)

    def features(self, scenario: Scenario) -> Features:
        """What the CPUs of a scenario can do at an access."""
        events = self.events(scenario.hardware)
        return Features(
            kasan=self.config.kasan,
            unmapped=scenario.fate == "unmapped",
            delays=events.total > 0,
            handled=events.interrupt + events.nmi > 0,
            interrupt=scenario.protocol.interrupt,
            nmi=scenario.hardware.nmi_handler,
        )


def settle(config: Config) -> Settings:
    """Choose the engine and fill in what `config` leaves open."""
    engine = choose_engine(config.engine)
    defaults = DEFAULTS[engine]
    crowd = max(config.cpus / cores_for(engine), 1.0)
    stall_after = config.stall_after_s or min(LONGEST_STALL_AFTER, config.duration_s / 2) * crowd
    noise = defaults.noise if config.noise is None else config.noise
    pace = defaults.pace_s if config.pace_s is None else config.pace_s
    return Settings(config, engine, Fraction(noise), pace, stall_after)


NO_HOOKS = Hooks()


@attrs.define
class Track:
    """One scenario's side of a run: its compiled programs, the image its machines start from, its counts.

    `tally` and `slices`, how many machines were booted, may start where an earlier run has left off: each slice has
    seeds of its own.
    """

    scenario: Scenario
    settings: Settings
    ram_map: RamMap
    image: bytes
    plays: Sequence[Play]
    hooks: Hooks
    tally: Tally = attrs.field(factory=Tally)
    slices: int = 0
    stall: Stall | None = attrs.field(init=False, default=None)
    reports: tuple[Violation, ...] = attrs.field(init=False, default=())

    def _fresh_ram(self) -> Ram:
        """RAM of a machine that has just booted, with this run's settings and the seeds of this slice."""
        ram = Ram(self.ram_map, self.image)
        config, cpus = self.settings.config, self.settings.config.cpus
        noise = self.settings.noise
        ram.poke(words.PACE, round(self.settings.pace_s * 1e9))
        ram.poke(words.YIELD_MASK, yield_mask(self.settings.engine, cpus, float(noise)))
        place_events(ram, self.settings.events(self.scenario.hardware))
        ram.poke(words.WRITERS, sum(program.writes for program in self.scenario.deal(cpus)))
        ram.poke(words.FORBIDDEN, forbidden_mask(self.scenario.outcomes))
        ram.poke(lookups.KASAN, int(config.kasan))
        for number in range(cpus):
            ram.poke(ram.map.log(number) + words.RANDOM, seed_of(config.seed, self.slices, number))
            ram.poke(ram.map.log(number) + words.EVENT_RANDOM, seed_of(config.seed, ~self.slices, number))
        self.slices += 1
        return ram

    def run_slice(self, seconds: float, over: Callable[[Ram, float], bool]) -> None:
        """Boot a machine, let it run for `seconds` unless it stalls or `over` says so, and count what it did."""
        ram = self._fresh_ram()
        machine = Machine(ram, self.plays, self.hooks.before_exit)
        names = [program.name for program in self.scenario.deal(self.settings.config.cpus)]
        watchdog = Watchdog(ram, names, self.settings.stall_after_s, machine.is_alive, cpu_seconds=machine.cpu_seconds)
        try:
            machine.boot()
            self._wait(machine, watchdog, seconds, over)
        finally:
            ran = (time.monotonic_ns() - machine.started_ns) / 1e9 if machine.started_ns else 0.0
            machine.power_off()
        machine.check()
        inspect_free_blocks(ram)
        traces = [shown(ram.traces.get(log, ())) for log in map(ram.map.log, range(ram.map.cpus))]
        self.stall = self.stall and self.stall.with_stacks(traces)
        of = Slice(ram, names, self.scenario.outcomes, machine.started_ns, self.tally.seconds)
        self.reports = harvest(of, self.reports)
        self.tally.add(ram, self.scenario.outcomes, machine.started_ns, ran)

    def run_up_to_catches(self, seconds: float, interrupted: Callable[[], bool]) -> None:
        """Run machines for `seconds` in all, each until it is caught: what its damage does then says nothing more.

        A twin runs like this: the more machines are caught, the surer is its rate. It stops for good at a stall.
        """
        end = time.monotonic() + seconds
        while not self.stall and not interrupted() and (left := end - time.monotonic()) > SHORTEST_SLICE:
            self.run_slice(left, lambda ram, _: interrupted() or has_violation(ram))

    def _wait(self, machine: Machine, watchdog: Watchdog, seconds: float, over: Callable[[Ram, float], bool]) -> None:
        """Wait on the main thread, which runs no CPU, so that signals are taken at once.

        A slice in which a CPU has spun half the time goes on until it moves or has stalled: no slice is too
        short to find a stall.
        """
        deadline = machine.started_ns / 1e9 + seconds
        while not machine.errors and not self.stall:
            left = deadline - time.monotonic()
            if left <= 0 and not watchdog.suspects(seconds / 2):
                return
            if over(machine.ram, self.tally.seconds + seconds - left):
                return
            time.sleep(min(max(left, 0.0), POLL_SECONDS) or POLL_SECONDS)
            make_progress()
            self.stall = watchdog.sample()
            self.hooks.watch(machine, watchdog)


def prepare(scenario: Scenario, settings: Settings, world: World, hooks: Hooks = NO_HOOKS) -> Track:
    """Boot a scenario's kernel once, for its machines to start from, and compile its programs, each once.

    Raises:
        UserError: for a variation that this scenario does not have, or outcomes that collide.
    """
    if fault := fault_of(scenario.outcomes):
        raise UserError(f"scenario {scenario.name}: {fault}")
    scenario = vary(scenario, settings.config)
    booted = boot_ram(world, settings.config.cpus, scenario.fate)
    plays: dict[str, Play] = {}
    features = settings.features(scenario)
    dealt = scenario.deal(settings.config.cpus)
    engine = load_engine(settings.engine)
    for program in dealt:
        if program.name not in plays:
            operation = program.under(scenario.protocol)
            plays[program.name] = engine.program(operation, scenario.protocol.safepoint, features)
    ordered = [plays[program.name] for program in dealt]
    return Track(scenario, settings, booted.map, booted.image(), ordered, hooks)


def has_violation(ram: Ram) -> bool:
    """Whether any CPU has counted a violation."""
    return any(count for [count] in ram.log_words(words.VIOLATIONS))


def world_for(config: Config) -> World:
    """What readers look up: the config's corpus, or the bundled one. UserError if it cannot be used."""
    return build_world(load(config.corpus) if config.corpus else bundled())


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
    except MachineError as error:
        raise HarnessError(f"{scenario.name}: an error in kernel code, or in kstress itself\n{error}") from error
    if track.tally.disagreements:
        raise HarnessError(
            f"{scenario.name}: poison without a shadow hit or a writer, {track.tally.disagreements} times"
        )
    twin_tally = twin_track.tally if twin_track else None
    verdict = judge(track.tally, _side(twin_track), _told(track))
    result = _result(scenario, settings, track.tally, twin_tally, verdict, steal, hooks.interrupted())
    return attrs.evolve(result, stall=track.stall, reports=explain(track.reports, world.corpus, world.names))


def _told(track: Track | None) -> str | None:
    """The stall that ended a track, in one line; None if none did."""
    return track.stall.text if track and track.stall else None


def _side(twin: Track | None) -> TwinSide | None:
    """The twin's side of a run, None for a scenario without one."""
    return TwinSide(twin.tally, twin.scenario.expect, _told(twin)) if twin else None


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
    settings: Settings,
    tally: Tally,
    twin: Tally | None,
    verdict: Verdict,
    steal: StealMeter,
    interrupted: bool,
) -> Result:
    """Put a result together."""
    config = settings.config
    conditions = host_conditions(config, float(settings.noise), settings.pace_s, settings.stall_after_s, steal)
    early = "interrupted" if interrupted else None
    return Result(scenario, settings.engine, config, tally, verdict, conditions, twin, early)


def run(scenarios: Iterable[str | Path | Scenario], config: Config | None = None) -> list[Result]:
    """Run scenarios, given by name, path or as they are, one after the other; their results.

    Raises:
        UserError: for input that cannot be used.
        HarnessError: when the harness itself failed.
    """
    chosen = [one if isinstance(one, Scenario) else find_scenario(str(one)) for one in scenarios]
    config = config or Config()
    world = world_for(config)
    return [run_scenario(scenario, world, config) for scenario in chosen]
