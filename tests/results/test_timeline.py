"""Timelines of violations: their width, their length, the racing pair, the switches, the count of what is left out."""

import re
from fractions import Fraction
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import attrs
import pytest

from stress.config import Config
from stress.results.pages.timeline import timeline_svg
from stress.results.terminal.timeline import MOST_LINES, RACING, timeline_lines
from stress.runs.controlled.machine import Controlled, controlled
from stress.runs.runner import world_for
from stress.runs.settled import settle
from stress.runs.timeline import CHOSEN, FORCED, Timeline, timeline
from stress.scenario_files import find_scenario
from stress.schedule.choosing import PCT, POS, RANDOM
from stress.schedule.schedule import Step, as_runs
from tests.run.runs import PLANTED

FIELDS = {
    "linked_list:none": "entry#",
    "linked_list:rcu_freed_at_once": "entry#",
    "latched_tree:spinlock_dropped": "node#",
    "modlist_spinlock": ".list.next",
}
SCHEDULES = 200
CAUSES = ("preempted (chosen)", "has to wait (forced)", "yields (forced)", "has ended (forced)")


def machine(name: str, cpus: int, traced: bool) -> Controlled:
    """A machine whose CPUs have two operations each."""
    config = Config(cpus=cpus, noise=Fraction(0), pace_s=0.0, engine="python", duration_s=1)
    return controlled(find_scenario(name), settle(config), world_for(config), 2, traced)


def shown(name: str, cpus: int = 2) -> Timeline:
    """The timeline of the first violation that is found."""
    return found_first(name, cpus)[0]


@cache
def found_first(name: str, cpus: int = 2) -> tuple[Timeline, list[Step]]:
    """The timeline of the first violation that is found, and the accesses that it tells of."""
    untraced = machine(name, cpus, traced=False)
    for number in range(SCHEDULES):
        if found := untraced.follow((POS, PCT, RANDOM)[number % 3], number, number):
            break
    runs = as_runs(untraced.made())
    untraced.finish()
    traced = machine(name, cpus, traced=True)
    assert traced.replay(runs, number) == found
    told, trace = timeline(traced, found), traced.trace()
    traced.finish()
    return told, trace


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("name", FIELDS)
def test_it_fits(name: str, width: int) -> None:
    lines = timeline_lines(shown(name), width)
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() and line == line.rstrip() for line in lines)


@pytest.mark.parametrize("name", FIELDS)
def test_the_racing_pair_is_marked_and_fields_have_names(name: str) -> None:
    lines = timeline_lines(shown(name), 80)
    head = next(number for number, line in enumerate(lines) if line.startswith("---"))
    foot = len(lines) - 1 - lines[::-1].index("-" * 80)
    marked = [line for line in lines[head:foot] if line.startswith(RACING)]
    assert len(marked) == 2
    assert any(FIELDS[name] in line for line in lines[head:foot])
    assert {event.cpu for event in shown(name).events if event.racing} == {0, 1}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("most", [3, 10, 30, 1000])
def test_each_change_of_the_cpu_is_chosen_or_forced(name: str, most: int) -> None:
    rows = shown(name).rows(most)
    assert rows[0].switch is None
    for before, row in pairwise(rows):
        changes = before.event.cpu != row.event.cpu
        assert (row.switch in (CHOSEN, FORCED)) == changes
        assert row.stopped is None or f"{row.stopped[1]} ({row.switch})" in CAUSES


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("most", [3, 10, 30, 1000])
def test_the_counts_add_up(name: str, most: int) -> None:
    told = shown(name)
    rows = told.rows(most)
    told_of = sum(row.event.steps for row in rows)
    between = sum(sum(row.left_out.values()) for row in rows)
    assert told_of + between == sum(told.steps.values()) == len(told.cpus)
    assert told.left_out(rows) == between


@pytest.mark.parametrize("name", FIELDS)
def test_the_drawing_is_xml_and_has_the_same_events(name: str) -> None:
    drawing = ElementTree.fromstring(timeline_svg(shown(name)))
    tags = [element.tag.rpartition("}")[2] for element in drawing]
    assert tags[:2] == ["title", "desc"]
    assert set(tags) == {"title", "desc", "text", "path"}
    assert any(FIELDS[name] in (element.text or "") for element in drawing)


def test_text_of_others_cannot_act() -> None:
    told = shown("linked_list:none")
    [head, *more] = told.heads
    bad = attrs.evolve(told, heads=(attrs.evolve(head, program="<script>\x1b[2J"), *more))
    assert all(line.isprintable() for line in timeline_lines(bad, 80))
    assert "<script>" not in timeline_svg(bad)
    assert "\x1b" not in timeline_svg(bad)


@pytest.mark.parametrize("cpus", [3, 4, 6])
@pytest.mark.parametrize("width", [80, 120])
def test_more_cpus_than_there_is_room_for(cpus: int, width: int) -> None:
    told = shown("linked_list:none", cpus)
    lines = timeline_lines(told, width)
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= width
    assert sum(line.startswith(f"{RACING} ") and line.count("|") > 0 for line in lines) == 2
    head = next(line for line in lines if line.startswith("  step"))
    assert all(f"CPU {cpu}: " in head for cpu in told.racing_cpus)
    assert ("others" in head) == (head.count("CPU") < cpus)


def test_a_stall_says_what_each_cpu_waits_for() -> None:
    told = shown("a04_oops_under_lock:broken")
    assert "CPU 1 waits for modlist_lock, which CPU 1 has." in told.story
    assert timeline_lines(told, 80)[-1]
    assert sum(row.event.steps for row in told.rows(30)) < sum(told.steps.values())


def test_pointers_and_freed_memory_have_names() -> None:
    text = "\n".join(timeline_lines(shown("linked_list:rcu_freed_at_once"), 120))
    assert "kfree(entry#" in text
    assert "lock update_lock" in text
    assert "(freed)" in text or "(now entry#" in text
    assert "list_head = entry#" in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"{PLANTED / 'misused.py'}:rcu_twice", "Oops: double-retire: thing#"),
        (f"{PLANTED / 'misused.py'}:spinlock_twice", "Oops: invalid-free: thing#"),
        (str(PLANTED / "foreign_unlock.py"), "Oops: bad-argument: &modlist_lock"),
    ],
)
def test_a_call_that_is_refused_is_told_with_what_is_wrong_with_it(name: str, told: str) -> None:
    assert told in "\n".join(timeline_lines(shown(name), 120))


@pytest.mark.parametrize("name", ["linked_list:none", "linked_list:hazard_published_late"])
def test_a_pointer_is_said_to_come_from_where_its_cpu_read_it_and_not_from_where_it_stored_it(name: str) -> None:
    told, trace = found_first(name)
    said = r"^CPU (\d+) .* It had read its pointer to .* at step (\d+)\."
    [(cpu, number)] = re.findall(said, told.story[0])
    step = trace[int(number) - 1]
    assert step.cpu == int(cpu)
    assert step.access > 0
    assert step.old != 0


def test_what_a_handler_does_says_so() -> None:
    told, trace = found_first("preempted_reader")
    events = [event for event in told.events if not event.ends]
    inside = [any(frame.function == "take_interrupt" for frame in trace[event.first].stack) for event in events]
    assert any(inside)
    assert [event.text.startswith("interrupt: ") for event in events] == inside
