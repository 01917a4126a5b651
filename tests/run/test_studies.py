"""Studies: a structure under each protocol: whole ones show nothing, broken ones are caught; names and options."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stress import Config, Protocol, Struct, UserError, find_scenario, run, study
from stress.kernel import Cpu, kernel, new, static
from stress.protocols import BROKEN, EPOCH, NONE, QSBR, RCU, SRCU, WHOLE
from stress.runs.boot_structure import boot_structure
from stress.scenario import Scenario
from stress.scenario_files import find_scenarios, rooms, variants_of
from stress.structure import Structure
from tests.frontdoor.command import CHECKOUT, called, kstress
from tests.run.runs import PLANTED
from tests.support import some_of

Thing = Struct("thing_of_a_fill", key="word")
NEVER = static("never_stored_by_a_fill")
MANY = 30_000
STUDIES = sorted(path.stem for path in (CHECKOUT / "scenarios" / "studies").glob("*.py"))
DEFERRED = (RCU, SRCU, QSBR, EPOCH)
MISUSED = PLANTED / "misused.py"
SHORT = Config(engine="native", duration_s=0.4, seed=1)
CAUGHT = 60.0
"""Seconds within which a broken protocol must be caught, on a busy host too; it takes a hundredth of that."""


def caught(scenario: Scenario, engine: str) -> bool:
    """Whether a scenario is caught in time."""
    config = Config(engine=engine, duration_s=CAUGHT, stop_on_violation=True, seed=1)
    [result] = run([scenario], config)
    return result.verdict.name == "violated"


def assert_whole(name: str) -> None:
    """Run a variant for a short time, without its twin, which is caught elsewhere: it shows nothing, nor stalls."""
    [result] = run([attrs.evolve(find_scenario(name), twin=None)], SHORT)
    assert result.verdict.name == "inconclusive", result.verdict.reason
    assert result.tally.loads > 0
    assert result.tally.unloads > 0


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("protocol", BROKEN, ids=lambda one: one.name)
def test_each_broken_protocol_is_caught(protocol: Protocol) -> None:
    assert caught(find_scenario(f"linked_list:{protocol.name}"), "native")


@pytest.mark.threads
@pytest.mark.parametrize("protocol", some_of(BROKEN), ids=lambda one: one.name)
def test_some_are_caught_by_interpreted_code(protocol: Protocol) -> None:
    assert caught(find_scenario(f"linked_list:{protocol.name}"), "python")


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("protocol", WHOLE, ids=lambda one: one.name)
def test_no_whole_protocol_is_violated(protocol: Protocol) -> None:
    assert_whole(f"linked_list:{protocol.name}")


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("name", STUDIES)
def test_every_structure_is_caught_without_grace_periods_and_not_with_them(name: str) -> None:
    assert caught(find_scenario(f"{name}:rcu_freed_at_once"), "native")
    assert_whole(f"{name}:rcu")


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("protocol", DEFERRED, ids=lambda one: one.name)
def test_an_object_that_is_retired_before_it_is_taken_off_is_caught_and_one_after_is_not(protocol: Protocol) -> None:
    assert caught(find_scenario(f"{MISUSED}:{protocol.name}_first"), "native")
    assert_whole(f"{MISUSED}:{protocol.name}")


@pytest.mark.native
@pytest.mark.parametrize("protocol", DEFERRED, ids=lambda one: one.name)
def test_a_schedule_shows_it_too(protocol: Protocol, tmp_path: Path) -> None:
    until = ("--schedules", "20000", "--strategy", "pct", "--stop-on-violation")
    brief = (*until, "--seed", "1", "--engine", "python", "--results", str(tmp_path))
    done = kstress("explore", f"{MISUSED}:{protocol.name}_first", *brief)
    assert "VIOLATED" in done.stdout, done.stderr


@pytest.mark.parametrize("name", STUDIES)
def test_every_variant_is_kernel_code_and_has_its_twin(name: str) -> None:
    found = {scenario.variant: scenario for scenario in find_scenarios(name)}
    assert all(scenario.origin == f"{name}:{variant}" for variant, scenario in found.items())
    held = [scenario for scenario in found.values() if scenario.expect == "held"]
    assert held
    assert {found[str(scenario.twin_label)].expect for scenario in held} == {"violated"}
    assert name in rooms()["studies"]


@kernel
def nothing(cpu: Cpu, p: Protocol) -> int:
    return 0


def test_a_protocol_that_is_to_hold_needs_a_twin() -> None:
    with pytest.raises(ValueError, match="the protocol none has no twin"):
        study(None, readers=nothing, writer=nothing, held=[NONE])
    [held, twin] = study(None, readers=nothing, writer=nothing, held={RCU: NONE})
    assert (held.twin, twin.name) == (":none", "none")


@kernel
def alone(cpu: Cpu) -> int:
    return 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"held": {RCU: EPOCH}}, "held has the twin epoch of rcu, which protects its readers itself"),
        ({"held": {RCU: "none"}}, "held has the twin 'none' of rcu, which is no protocol"),
        ({"held": ["rcu"]}, r"held has 'rcu', which is no protocol; give a list of protocols, as held=\[RCU\]"),
        ({"held": "rcu"}, "held has 'rcu', which is no protocol"),
        ({"violated": NONE}, r"violated is one protocol; give a list of protocols, as violated=\[RCU\]"),
        ({"readers": [nothing]}, "readers is .*; give one operation, as readers=find, or programs"),
        ({"writer": (nothing,)}, "writer is .*; give one operation, as writer=find, or programs"),
        ({"readers": alone}, r"alone has 1 parameter; give it 2: def alone\(cpu: Cpu, p: Protocol\) -> int"),
    ],
)
def test_what_is_no_study_is_told_with_what_to_write(given: dict[str, Any], said: str) -> None:
    structure = Structure("mine", [Thing], many, outcomes={})
    with pytest.raises(ValueError, match=said):
        study(structure, **{"readers": nothing, "writer": nothing, "violated": [NONE], **given})


@pytest.mark.parametrize("objects", ["256", 0, -5, 1.5, 1 << 30])
def test_what_is_no_number_of_objects_is_told_in_one_line(objects: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^the structure mine has objects=\S+; give a whole number from 1 to 1,048,576$"
    ):
        Structure("mine", [Thing], many, outcomes={}, objects=objects)


def test_a_structure_that_does_not_fit_is_refused() -> None:
    structure = find_scenario("linked_list:rcu").structure
    assert structure is not None
    with pytest.raises(UserError, match="structure linked_list is too large"):
        boot_structure(attrs.evolve(structure, structs=[Struct("large", words=128)], objects=1 << 20), 4, "poisoned")


@kernel
def faulting(cpu: Cpu, p: Protocol) -> None:
    cpu.store(8, 1)


def test_a_boot_function_that_faults_is_told_in_one_line() -> None:
    structure = find_scenario("linked_list:rcu").structure
    assert structure is not None
    broken = Structure("mine", structure.structs, faulting, outcomes=structure.outcomes)
    with pytest.raises(UserError, match="faulting, which fills the structure mine, faulted"):
        boot_structure(broken, 1, "poisoned")


@kernel
def waiting(cpu: Cpu, p: Protocol) -> None:
    while cpu.load(NEVER) == 0:
        cpu.relax(NEVER)


@kernel
def counting(cpu: Cpu, p: Protocol) -> None:
    key = 0
    while key < 8:
        key = 0


@kernel
def taking(cpu: Cpu, p: Protocol) -> None:
    key = 0
    while key < 8:
        new(cpu, Thing)


@kernel
def many(cpu: Cpu, p: Protocol) -> None:
    for _ in range(MANY):
        new(cpu, Thing)


@pytest.mark.threads
@pytest.mark.parametrize("boot", [waiting, counting, taking], ids=lambda boot: boot.__name__)
def test_a_boot_function_that_does_not_end_is_told_with_its_line(
    boot: Callable[[Cpu, Protocol], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stress.runs.boot_structure.FILL_SECONDS", 0.3)
    first = boot.__code__.co_firstlineno
    lines = "|".join(str(first + line) for line in range(6))
    said = rf"the fill of structure mine does not end, after 0.\d s of CPU time; .*{boot.__name__} \(.*\.py:({lines})\)"
    with pytest.raises(UserError, match=said):
        boot_structure(Structure("mine", [Thing], boot, outcomes={}, objects=8), 1, "poisoned")
    assert "fill" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.threads
def test_a_boot_function_that_takes_long_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.runs.boot_structure.FILL_SECONDS", 0.3)
    boot_structure(Structure("mine", [Thing], many, outcomes={}, objects=MANY), 1, "poisoned")


def test_a_boot_function_that_finds_no_memory_is_told() -> None:
    said = "many, which fills the structure mine, found no memory for 2 objects; it has objects=29998: give it more"
    with pytest.raises(UserError, match=said):
        boot_structure(Structure("mine", [Thing], many, outcomes={}, objects=MANY - 2), 1, "poisoned")


def test_variants_are_picked_by_protocol() -> None:
    assert variants_of("linked_list", ["rcu", "none", "rcu"]) == ["linked_list:rcu", "linked_list:none"]
    with pytest.raises(UserError, match="linked_list has no scenario 'rcuu'"):
        variants_of("linked_list", ["rcuu"])
    with pytest.raises(UserError, match="--protocol: 'linked_list:rcu' names one variant already; give linked_list"):
        variants_of("linked_list:rcu", ["epoch"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("run", "--protocol", "rcu"), "--protocol: give a study, like linked_list; `kstress list` shows them"),
        (("run", "stop_machine", "--protocol", "rcu"), "stop_machine has no scenario 'rcu'; it has stop_machine"),
        (("sweep", "stack", "--protocol", "rcu,"), "stack has no scenario ''; it has spinlock, rcu"),
        (("run", "linked_lits:rcu"), "there is no scenario 'linked_lits' (did you mean linked_list?)"),
        (("run", "stack:seqlock"), "stack has no scenario 'seqlock'; it has spinlock, rcu"),
    ],
)
def test_a_wrong_name_is_told_in_one_line(given: tuple[str, ...], said: str) -> None:
    done = called(*given)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.threads
@pytest.mark.native
def test_a_sweep_and_a_soak_take_variants_by_protocol(tmp_path: Path) -> None:
    brief = ("--protocol", "rcu,hazard", "--engine", "native", "--results", str(tmp_path))
    swept = kstress("sweep", "stack", *brief, "--cpus", "3", "--duration", "100ms", "--repeat", "1")
    assert swept.returncode in (0, 1, 3), swept.stderr
    assert "stack:rcu " in swept.stdout
    assert "stack:hazard " in swept.stdout
    soaked = kstress("soak", "stack", *brief, "--duration", "1s", "--interval", "250ms")
    assert soaked.returncode in (0, 3), soaked.stderr
    assert "stack:hazard" in soaked.stdout
