"""Under one seed events come after the same accesses on both engines: every access under test counts down one count."""

from fractions import Fraction

import pytest

from stress.machine.events import Events, place_events
from stress.machine.features import Features
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREAS, COUNTERS, EVENT_RANDOM, OPERATIONS
from tests.support import blank_ram, program_of, run_machine

pytestmark = pytest.mark.threads

WORD = AREAS + 0x800
SEEN = AREAS + 0x900
STEP, TAKEN = COUNTERS, COUNTERS + 8
ACCESSES = 150
MOST_SEEN = 64


@kernel
def access_in_turn(cpu: Cpu, step: int) -> None:
    """One access, each kind in its turn; every other compare-exchange fails."""
    kind = step % 5
    if kind == 0:
        cpu.load(WORD)
    elif kind == 1:
        cpu.store(WORD, 0)
    elif kind == 2:
        cpu.load8(WORD)
    elif kind == 3:
        cpu.store8(WORD, 0)
    else:
        cpu.cmpxchg(WORD, step & 1, 0)


@kernel
def accesses(cpu: Cpu) -> int:
    """ACCESSES accesses, numbered from 1, in the first operation alone."""
    if cpu.peek(cpu.log + OPERATIONS) == 0:
        for step in range(ACCESSES):
            cpu.poke(cpu.log + STEP, step + 1)
            access_in_turn(cpu, step)
        cpu.poke(cpu.log + STEP, 0)
    return 0


@kernel
def note_time(cpu: Cpu) -> None:
    """An interrupt handler that notes after which access it came, and has some of its own, now and then."""
    step, taken = cpu.peek(cpu.log + STEP), cpu.peek(cpu.log + TAKEN)
    if step != 0 and taken < MOST_SEEN:
        cpu.poke(SEEN + taken * 8, step)
        cpu.poke(cpu.log + TAKEN, taken + 1)
    for _ in range(step % 3):
        cpu.load(WORD)


def times(engine: str, seed: int) -> list[int]:
    """After which accesses interrupts came."""
    ram: Ram = blank_ram()
    place_events(ram, Events(interrupt=Fraction(1, 8), noise=Fraction(1, 16)))
    ram.poke(ram.map.log(0) + EVENT_RANDOM, seed)
    play = program_of(engine, accesses, Features(delays=True, handled=True, interrupt=note_time))
    run_machine(ram, [play], lambda: ram.log_words(OPERATIONS)[0][0] > 0)
    return [ram.peek(SEEN + at * 8) for at in range(ram.log_words(TAKEN)[0][0])]


@pytest.mark.native
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_events_come_after_the_same_accesses_on_both_engines(seed: int) -> None:
    native = times("native", seed)
    assert native == times("python", seed)
    assert 5 < len(native) < MOST_SEEN


def test_events_come_after_accesses_of_every_kind() -> None:
    assert {step % 5 for seed in (1, 2, 3) for step in times("python", seed)} == set(range(5))


def test_another_seed_gives_other_times_and_the_same_seed_the_same() -> None:
    assert times("python", 1) == times("python", 1) != times("python", 2)
