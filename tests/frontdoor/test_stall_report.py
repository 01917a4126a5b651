"""The report on a stall: what a terminal shows, and the keys of its JSON."""

import io

import attrs
from rich.console import Console

from stress.config import Config
from stress.kernel.stop_machine import STOPMACHINE_MUTEX, STOPMACHINE_STATE
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.waits import Link, Stall, Wait
from stress.results.terminal.table import show
from stress.runs.codec import stall_json
from stress.runs.result import Result
from stress.runs.stall_text import stall_lines
from tests.frontdoor.command import CHECKOUT
from tests.frontdoor.results import made_result

IN_STOP = Link(1, "kallsyms", 7, "spins", stack=("next_state (stop.py:1)",))
STOPPED = IN_STOP.spinning(1.25, Wait(STOPMACHINE_STATE, 3, STOPMACHINE_MUTEX, 0))
LOCKING = Link(0, "modprobe", 41, "spins", stack=("spin_lock (lock.py:2)",))
STOPPER = LOCKING.spinning(1.5, Wait(MODLIST_LOCK, 3, MODLIST_LOCK, 1))
KEEPER = Link(1, "keeper", 9, "goes on")
RING = Stall((STOPPER, STOPPED), (2,))
OPEN = Stall((attrs.evolve(STOPPER, stack=()), KEEPER))


def result_with(stall: Stall) -> Result:
    """A result that stalled."""
    return attrs.evolve(made_result("held", "stalled", Config(engine="python", cpus=3)), stall=stall)


def test_a_cycle_is_told_with_each_cpu_and_its_stack() -> None:
    assert stall_lines(RING) == [
        "stall: a cycle: CPU 0 -> CPU 1 -> CPU 0",
        "  CPU 0 (modprobe, operation 41) has spun for 1.5 s on modlist_lock, held by CPU 1",
        "    spin_lock (lock.py:2)",
        "  CPU 1 (kallsyms, operation 7) has spun for 1.2 s on stopmachine_state, "
        "stored only by the holder of stopmachine_mutex: CPU 0",
        "    next_state (stop.py:1)",
        "  also spinning: CPU 2",
    ]


def test_without_a_cycle_the_headline_names_who_is_to_blame() -> None:
    first, *_, last = stall_lines(OPEN)
    assert first == "stall: no cycle: CPU 1 goes on with other operations and ends no wait"
    assert last == "  no call traces here: --engine python has them"


def test_a_cpu_that_waits_for_itself_or_for_nobody_has_a_headline_of_its_own() -> None:
    own = LOCKING.spinning(1.5, Wait(MODLIST_LOCK, 3, MODLIST_LOCK, 0))
    free = LOCKING.spinning(1.5, Wait(MODLIST_LOCK, 3, MODLIST_LOCK, None))
    assert stall_lines(Stall((own,)))[0] == "stall: CPU 0 waits for itself"
    assert stall_lines(Stall((free,)))[0] == "stall: no cycle: CPU 0 waits for nobody"


def test_the_terminal_shows_it_unwrapped_between_facts_and_verdict() -> None:
    out = io.StringIO()
    show(result_with(RING), Console(file=out, width=60))
    shown = out.getvalue().splitlines()
    start = shown.index(stall_lines(RING)[0])
    assert shown[start : start + 6] == stall_lines(RING)
    assert any(line.startswith("stops") for line in shown[:start])
    assert any(line.startswith("STALLED") for line in shown[start:])


def test_the_json_has_the_chain() -> None:
    assert stall_json(RING) == {
        "seconds": 1.5,
        "cycle": True,
        "cpus": [
            {
                "cpu": 0,
                "program": "modprobe",
                "operation": 41,
                "activity": "spins",
                "seconds": 1.5,
                "spins_on": "modlist_lock",
                "address": hex(MODLIST_LOCK),
                "lock": "modlist_lock",
                "held_by": 1,
                "waits_for": 1,
                "stack": ["spin_lock (lock.py:2)"],
            },
            {
                "cpu": 1,
                "program": "kallsyms",
                "operation": 7,
                "activity": "spins",
                "seconds": 1.25,
                "spins_on": "stopmachine_state",
                "address": hex(STOPMACHINE_STATE),
                "lock": "stopmachine_mutex",
                "held_by": 0,
                "waits_for": 0,
                "stack": ["next_state (stop.py:1)"],
            },
        ],
        "others": [2],
    }
    assert not stall_json(OPEN)["cycle"]


def test_results_readme_documents_every_key_of_a_stall() -> None:
    text = (CHECKOUT / "results" / "README.md").read_text()
    written = result_with(OPEN).as_json()["stall"]
    keys = {*written, *(key for link in written["cpus"] for key in link)}
    assert [key for key in keys if f"`{key}`" not in text] == []
