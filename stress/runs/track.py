"""One scenario's side of a run: fresh RAM, a drive and a harvest for each of its slices."""

import time
from collections.abc import Callable, Sequence

import attrs

from stress.errors import HarnessError
from stress.machine import words
from stress.machine.engines import load_engine
from stress.machine.machine import Machine, Play
from stress.machine.ram import Ram
from stress.machine.watchdog import Watchdog
from stress.runs.boot import World
from stress.runs.drive import Drive, ForSeconds, Over, Safepoint, seconds_run
from stress.runs.harvest import Harvest
from stress.runs.hooks import NO_HOOKS, Hooks
from stress.runs.image import Image, boot_image
from stress.runs.settled import Settled
from stress.runs.variation import vary
from stress.scenario import Scenario

SHORTEST_SLICE = 0.001


@attrs.define(kw_only=True)
class Track(Harvest):
    """The image that a scenario's machines start from, its compiled programs, and the results.

    `plays` are the programs by the safepoint they are compiled with, one for each CPU.

    `tally` and `slices`, how many machines were booted, may start where an earlier run has left off: each slice has
    seeds of its own.
    """

    image: Image
    plays: dict[Safepoint, Sequence[Play]]
    hooks: Hooks
    slices: int = 0

    @property
    def scenario(self) -> Scenario:
        """The scenario, varied as the config wants it."""
        return self.image.scenario

    @property
    def settings(self) -> Settled:
        """What its machines are made with."""
        return self.image.settings

    def plays_for(self, drive: Drive) -> Sequence[Play]:
        """What each CPU plays under `drive`; compiled if no slice needed it before."""
        safepoint = drive.safepoint(self.scenario.protocol.safepoint)
        if safepoint not in self.plays:
            self.plays[safepoint] = compile_programs(self.scenario, self.settings, safepoint)
        return self.plays[safepoint]

    def run_drive(self, drive: Drive) -> None:
        """Boot a machine, let `drive` run it, and count what it did.

        Raises:
            MachineError: when a CPU died of something that is not an outcome.
            KernelCodeError: when an operation returned what is no outcome of the scenario.
            HostError: when the host has not enough memory, or no core in time.
        """
        ram = self.image.fresh_ram(self.slices)
        self.slices += 1
        drive.prepare(ram)
        programs, stall_after = self.image.programs, self.settings.stall_after_s
        machine = Machine(ram, self.plays_for(drive), self.hooks.before_exit, programs)
        watchdog = Watchdog(ram, programs, stall_after, machine.is_alive, cpu_seconds=machine.cpu_seconds)
        try:
            machine.boot()
            stall = drive.wait(machine, watchdog, self.hooks.watch)
        finally:
            ran = seconds_run(machine) if machine.started_ns else 0.0
            machine.power_off()
        machine.check()
        self.image.check_outcomes(ram)
        self.add(self.image.slice_of(ram, machine.started_ns, self.tally.seconds), ran, stall)

    def check(self) -> None:
        """Raise HarnessError where poison was copied that neither the shadow nor a writer explains."""
        if count := self.tally.disagreements:
            raise HarnessError(f"{self.scenario.name}: poison without a shadow hit or a writer, {count} times")

    def run_slice(self, seconds: float, over: Over) -> None:
        """Run one machine for `seconds`, unless it stalls or `over` says so.

        `over` is given the machine's RAM and how many seconds of the scenario's own time have passed.
        """
        before = self.tally.seconds
        self.run_drive(ForSeconds(seconds, lambda ram, passed: over(ram, before + passed)))

    def run_up_to_catches(self, seconds: float, interrupted: Callable[[], bool]) -> None:
        """Run machines for `seconds` in all, each until it is caught: what its damage does then says nothing more.

        A twin runs like this: the more machines are caught, the surer is its rate. It stops for good at a stall.
        """
        end = time.monotonic() + seconds
        while not self.stall and not interrupted() and (left := end - time.monotonic()) > SHORTEST_SLICE:
            self.run_slice(left, lambda ram, _: interrupted() or has_violation(ram))


def has_violation(ram: Ram) -> bool:
    """Whether any CPU has counted a violation."""
    return any(count for [count] in ram.log_words(words.VIOLATIONS))


def compile_programs(scenario: Scenario, settings: Settled, safepoint: Safepoint) -> list[Play]:
    """What each CPU plays: every program of the scenario is compiled once, whatever number of CPUs run it."""
    engine, features = load_engine(settings.engine), settings.features(scenario)
    dealt = scenario.deal(settings.config.cpus)
    operations = {program.name: program.under(scenario.protocol) for program in dealt}
    plays = dict(zip(operations, engine.programs(list(operations.values()), safepoint, features), strict=True))
    return [plays[program.name] for program in dealt]


def prepare(scenario: Scenario, settings: Settled, world: World, hooks: Hooks = NO_HOOKS) -> Track:
    """Boot a scenario's kernel once, for its machines to start from, and compile its programs.

    Raises:
        UserError: for a variation that this scenario does not have.
    """
    scenario = vary(scenario, settings.config)
    image = boot_image(scenario, settings, world)
    safepoint = scenario.protocol.safepoint
    return Track(image=image, plays={safepoint: compile_programs(scenario, settings, safepoint)}, hooks=hooks)
