"""What schedules that showed nothing say: held only if the twin would have shown it 30 times; and for what code."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from stress.corpus import bundled
from stress.judge.verdict import Verdict
from stress.machine.control.words import EVENTS
from stress.runs.controlled import digests
from stress.runs.controlled.explored import Explored
from stress.runs.controlled.search import Search
from stress.runs.controlled.small_world import small
from stress.runs.controlled.verdict import judge
from stress.scenario_files import find_scenario
from stress.schedule.choosing import RANDOM


def machine(cpus: int = 2, word: int | None = None) -> Any:
    """A machine with so many CPUs, of whose strategies' words one is 1."""
    ram = SimpleNamespace(map=SimpleNamespace(cpus=cpus))
    return SimpleNamespace(budget=20_000, state=lambda one: int(one == word), ram=ram)


MACHINE, DRAWN, LARGER = machine(), machine(word=EVENTS), machine(cpus=6)
IN_DEPTH = Search(seed=1, strategy="depth-first")
THE_FIND: Any = object()


def explored(count: int, **shown: int) -> Explored:
    """So many schedules, and what they showed."""
    return Explored(MACHINE, Search(seed=1), count=count, shown=Counter(shown))


def in_depth(count: int, is_exhausted: bool = True, machine: Any = MACHINE, **shown: int) -> Explored:
    """So many schedules of a search in depth, and what they showed."""
    return Explored(machine, IN_DEPTH, count=count, is_exhausted=is_exhausted, shown=Counter(shown))


@pytest.mark.parametrize(
    ("mine", "twin", "name", "told"),
    [
        (explored(10_000), explored(1000, wild=100), "held", "would have shown it 30 times"),
        (explored(200), explored(1000, wild=100), "inconclusive", "at the twin's rate it takes"),
        (explored(10_000), explored(1000), "inconclusive", "none either in 1,000: try more operations or CPUs"),
        (explored(10_000), None, "inconclusive", "no twin"),
        (explored(10_000, cut=7), explored(1000, wild=100), "held", "7 of them cut (longer than 20,000 accesses or"),
        (explored(10_000, cut=9_900), explored(1000, wild=100), "inconclusive", "at the twin's rate it takes"),
        (explored(10_000, cut=10_000), explored(1000, wild=100), "inconclusive", "nothing was judged"),
        (in_depth(20), in_depth(20, wild=1), "held", "the twin showed one in 1 of 20 schedules"),
        (in_depth(20), in_depth(20, machine=LARGER, wild=1), "held", "(the twin needs more CPUs: it had 6, and not 2)"),
        (in_depth(20), in_depth(20), "inconclusive", "try more operations, CPUs or preemptions"),
        (in_depth(20, cut=1), in_depth(20, wild=1), "inconclusive", "some schedules with"),
        (in_depth(20, machine=DRAWN), in_depth(20, wild=1), "inconclusive", "some schedules with"),
        (in_depth(10_000, False), in_depth(1000, wild=500), "inconclusive", "no sample of all orders"),
    ],
)
def test_nothing_found_is_held_only_if_the_twins_rate_would_have_shown_it(
    mine: Explored, twin: Explored | None, name: str, told: str
) -> None:
    verdict = judge(mine, twin)
    assert verdict.name == name
    assert told in verdict.reason


@pytest.mark.parametrize(("count", "told"), [(1, "1 wild, in 1 schedule"), (1000, "1 wild, in 1,000 schedules")])
def test_what_was_found_stands_beside_the_number_of_schedules(count: int, told: str) -> None:
    mine = attrs.evolve(explored(count, wild=1), found={("wild",): THE_FIND})
    assert judge(mine, None) == Verdict("violated", told)


def test_a_schedule_is_counted_once_under_all_that_it_showed() -> None:
    shows = iter([("after_free", "wild"), (), ("wild",), ("after_free", "wild")])
    machine: Any = SimpleNamespace(follow=lambda strategy, seed: next(shows), steps=7, fingerprint=1)
    mine = Explored(machine, Search(seed=1), keeps=False)
    for _ in range(4):
        mine.try_one((RANDOM,))
    assert mine.shown == {"after_free and wild": 2, "wild": 1}
    assert mine.caught_count == 3
    mine.found[("wild",)] = SimpleNamespace()  # type: ignore[assignment]
    assert judge(mine, None).reason == "2 after_free and wild, 1 wild, in 4 schedules"


def test_other_kernel_code_or_other_symbols_have_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, corpus = find_scenario("modlist_spinlock"), bundled()
    mine, kernel = digests.digests_of(scenario, small(corpus, 2))
    assert digests.digests_of(scenario, small(corpus, 3)) != (mine, kernel)
    monkeypatch.setattr(digests, "KERNEL", digests.KERNEL[1:])
    assert digests.digests_of(scenario, small(corpus, 2))[0] == mine
    assert digests.digests_of(scenario, small(corpus, 2))[1] != kernel
