"""Drives: a slice may last for a number of operations, and whoever writes another drive touches nothing else."""

import attrs
import pytest

from stress import Config, Program, Scenario
from stress.kernel.module import UNLOADS
from stress.kernel.stop_machine import cond_resched
from stress.machine.language.errors import KernelCodeError
from stress.machine.loop import resting, run_program
from stress.machine.machine import Machine
from stress.machine.ram import Ram
from stress.machine.seam import BrokenKernelCodeError, Cpu, kernel
from stress.machine.waits import Stall
from stress.machine.watchdog import Watchdog
from stress.machine.words import LAST_OPERATION, OPERATIONS, RANDOM, STARTED, VIOLATIONS
from stress.programs.read_symbol import kallsyms_reader
from stress.runs.drive import Drive, ForOperations, Safepoint, Watch, look
from stress.runs.runner import world_for
from stress.runs.settled import settle
from stress.runs.track import Track, prepare
from stress.scenario_files import find_scenario
from tests.run.runs import no_safepoint
from tests.support import blank_ram, each_engine, python_cpu

OPERATIONS_EACH = 200


def never(ram: Ram, seconds: float) -> bool:
    """Run to the end."""
    return False


@attrs.define
class Kept:
    """A drive that keeps the RAM of the machine which another one drives."""

    drive: Drive
    ram: Ram = attrs.field(init=False)

    def safepoint(self, safepoint: Safepoint) -> Safepoint:
        """As the other one."""
        return self.drive.safepoint(safepoint)

    def prepare(self, ram: Ram) -> None:
        """Keep it."""
        self.ram = ram
        self.drive.prepare(ram)

    def wait(self, machine: Machine, watchdog: Watchdog, watch: Watch) -> Stall | None:
        """As the other one."""
        return self.drive.wait(machine, watchdog, watch)


class UntilAnUnload:
    """A drive of a test's own."""

    def safepoint(self, safepoint: Safepoint) -> Safepoint:
        """The protocol's own."""
        return safepoint

    def prepare(self, ram: Ram) -> None:
        """Nothing."""

    def wait(self, machine: Machine, watchdog: Watchdog, watch: Watch) -> Stall | None:
        """Until any CPU has unloaded a module."""
        while not any(count for [count] in machine.ram.log_words(UNLOADS)):
            assert look(machine, watchdog, watch, 0.001) is None
        return None


def track_of(scenario: Scenario, engine: str, **more: object) -> Track:
    """A scenario, ready to be driven."""
    config = Config(engine=engine, **{"cpus": 3, "seed": 1, "duration_s": 60.0, **more})  # type: ignore[arg-type]
    return prepare(scenario, settle(config), world_for(config))


@each_engine
def test_each_cpu_runs_as_many_operations_as_were_asked_for_and_stops_are_joined_by_those_that_are_done(
    engine: str,
) -> None:
    track, drive = track_of(find_scenario("stop_machine"), engine), Kept(ForOperations(OPERATIONS_EACH, never))
    track.run_drive(drive)
    assert drive.ram.log_words(OPERATIONS) == [[OPERATIONS_EACH]] * 3
    assert track.tally.lookups == 2 * OPERATIONS_EACH
    assert track.tally.stops >= 2 * track.tally.unloads > OPERATIONS_EACH
    assert (track.tally.violations, track.stall, track.slices) == (0, None, 1)


@each_engine
def test_what_one_cpu_draws_and_finds_in_a_number_of_operations_is_the_same_each_time(engine: str) -> None:
    alone = Scenario("alone", "c", "s", (Program("kallsyms", kallsyms_reader),), "held")
    seen = []
    for slices in (0, 0, 1):
        track, drive = track_of(alone, engine, cpus=1), Kept(ForOperations(OPERATIONS_EACH, never))
        track.slices = slices
        track.run_drive(drive)
        seen.append((drive.ram.log_words(RANDOM), track.tally.outcomes))
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_a_number_of_operations_ends_early_when_the_caller_says_so() -> None:
    track = track_of(find_scenario("modlist_spinlock"), "python")
    track.run_drive(ForOperations(1 << 40, lambda ram, _: any(count for [count] in ram.log_words(VIOLATIONS))))
    assert track.tally.violations > 0


@each_engine
def test_a_stall_is_told_in_a_number_of_operations_too(engine: str) -> None:
    stopped = find_scenario("stop_machine")
    deaf = attrs.evolve(stopped, protocol=stopped.protocol.but("deaf", safepoint=no_safepoint))
    track = track_of(deaf, engine, stall_after_s=0.5)
    track.run_drive(ForOperations(OPERATIONS_EACH, never))
    assert track.stall
    assert "stopmachine_ack of CPU" in track.stall.text


def test_another_drive_needs_no_other_image_and_no_other_harvest() -> None:
    track = track_of(find_scenario("stop_machine"), "python")
    track.run_drive(UntilAnUnload())
    assert track.tally.unloads > 0
    assert track.tally.seconds > 0


@kernel
def nothing(cpu: Cpu) -> int:
    """An operation that has nothing to judge."""
    return 0


def machine_that_rests_after(limit: int) -> tuple[Ram, Cpu]:
    """A machine of one CPU that rests after so many operations, started."""
    ram = blank_ram(1)
    ram.poke(LAST_OPERATION, limit)
    ram.poke(STARTED, 1)
    return ram, python_cpu(ram)


def test_a_cpu_that_rests_passes_safepoints_until_power_off() -> None:
    (ram, cpu), passed = machine_that_rests_after(3), []

    def safepoint(cpu: Cpu) -> None:
        cond_resched(cpu)
        passed.append(cpu.peek(cpu.log + OPERATIONS))
        if len(passed) == 9:
            ram.power_off()
            cpu.load(ram.map.data)

    run_program(cpu, nothing, resting(safepoint))
    assert passed == [0, 1, 2, 3, 3, 3, 3, 3, 3]


def test_a_cpu_whose_power_ends_at_rest_begins_no_operation_more() -> None:
    (ram, cpu), begun = machine_that_rests_after(1), []

    def operation(cpu: Cpu) -> int:
        begun.append(cpu.peek(cpu.log + OPERATIONS))
        return 0

    def safepoint(cpu: Cpu) -> None:
        if begun:
            ram.power_off()

    run_program(cpu, operation, resting(safepoint))
    assert begun == [0]


def test_an_error_in_a_safepoint_at_rest_is_no_outcome() -> None:
    ram, cpu = machine_that_rests_after(1)

    def safepoint(cpu: Cpu) -> None:
        if cpu.peek(cpu.log + OPERATIONS) == 1:
            raise BrokenKernelCodeError

    with pytest.raises(KernelCodeError, match=r"test_drives\.py:\d+: BrokenKernelCodeError"):
        run_program(cpu, nothing, resting(safepoint))
    assert ram.log_words(VIOLATIONS) == [[0]]
