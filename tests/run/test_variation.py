"""Variations: the scenario and its twin are varied alike, and what a scenario does not have is refused by name."""

import json

import attrs
import pytest

from stress.config import Config
from stress.errors import UserError
from stress.machine.gil import gil_enabled
from stress.runs.runner import run_scenario, world_for
from stress.runs.settled import settle
from stress.runs.track import prepare
from stress.runs.variation import least_cpus, vary
from stress.scenario_files import catalogue, find_scenario, twin_of
from tests.frontdoor.command import called, kstress
from tests.frontdoor.soaking import assert_fails

pytestmark = pytest.mark.threads


def config(**more: object) -> Config:
    """A short run on the python engine."""
    values: dict[str, object] = {"engine": "python", "cpus": 6, "duration_s": 0.2, **more}
    return Config(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cpus", "ratio", "writers"), [(2, 1, 1), (6, 1, 3), (6, 2, 2), (6, 4, 1), (64, 3, 16)])
def test_there_is_a_writer_for_each_so_many_readers(cpus: int, ratio: int, writers: int) -> None:
    wanted = config(cpus=cpus, readers_per_writer=ratio)
    varied = vary(find_scenario("modlist_spinlock"), wanted)
    dealt = varied.deal(cpus)
    assert [program.writes for program in dealt] == [True] * writers + [False] * (cpus - writers)


def test_what_varies_is_the_twins_too() -> None:
    scenario, wanted = find_scenario("stop_machine"), config(fate="unmapped", readers_per_writer=2)
    twin = twin_of(scenario)
    assert twin is not None
    for one in (scenario, twin):
        track = prepare(one, settle(wanted), world_for(wanted))
        assert track.scenario.fate == "unmapped"
        assert sum(program.writes for program in track.scenario.deal(6)) == 2


def test_gaps_have_the_length_that_is_wanted_where_there_are_gaps() -> None:
    wanted = config(gap_s=0.001)
    for scenario in catalogue():
        if scenario.hardware.gap:
            assert vary(scenario, wanted).hardware.gap_s == 0.001
            assert vary(scenario, wanted).hardware.gap == scenario.hardware.gap
        else:
            with pytest.raises(UserError, match=f"^--gap: {scenario.name} has no hypervisor"):
                vary(scenario, wanted)


def test_a_scenario_that_deals_its_cpus_out_itself_is_not_dealt_anew() -> None:
    scenario = find_scenario("modlist_spinlock")
    fixed = tuple(attrs.evolve(program, cpus=1) for program in scenario.programs)
    for programs in (fixed, tuple(attrs.evolve(program, writes=True) for program in scenario.programs)):
        with pytest.raises(UserError, match=r"^--readers-per-writer: modlist_spinlock fixes"):
            vary(attrs.evolve(scenario, programs=programs), config(readers_per_writer=1))


def test_too_few_cpus_for_the_ratio_are_inconclusive() -> None:
    scenario, wanted = find_scenario("modlist_spinlock"), config(cpus=4, readers_per_writer=7)
    assert least_cpus(scenario, wanted) == 8
    result = run_scenario(scenario, world_for(wanted), wanted)
    assert (result.verdict.name, result.verdict.reason) == ("inconclusive", "needs at least 8 CPUs, not 4")


def test_the_command_says_how_it_was_varied_and_how_to_do_it_again() -> None:
    interval = ("--switch-interval", "1ms") if gil_enabled() else ()
    varied = ("--readers-per-writer", "2", "--fate", "unmapped", *interval)
    done = kstress(
        "run", "modlist_spinlock", "--engine", "python", "--cpus", "6", "--duration", "500ms", *varied, "--json", "-"
    )
    assert done.returncode in (0, 3), done.stderr
    [run] = json.loads(done.stdout)["runs"]
    conditions = run["conditions"]
    assert (conditions["readers_per_writer"], conditions["fate"], conditions["gap_s"]) == (2, "unmapped", None)
    assert conditions["switch_interval_s"] == (0.001 if gil_enabled() else None)
    for report in run["reports"]:
        assert "--readers-per-writer 2 --fate unmapped" in report["again"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fate", "eaten"], "--fate: must be one of poisoned, reused, unmapped (got 'eaten')"),
        (["--gap", "1ms"], "--gap: stop_machine has no hypervisor"),
        (["--gap", "2s"], "--gap: must be greater than 0 s, at most 0.9 s (got 2 s)"),
        (["--readers-per-writer", "0"], "--readers-per-writer: must be from 1 to 1023 (got 0)"),
        (["--switch-interval", "0s"], "--switch-interval: must be greater than 0 s, at most 1 s (got 0 s)"),
    ],
)
def test_a_wrong_variation_is_one_line(arguments: list[str], told: str) -> None:
    assert_fails(called("soak", "stop_machine", "--engine", "python", "--duration", "1s", *arguments), told)
