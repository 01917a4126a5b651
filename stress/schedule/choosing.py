"""The strategies by number and by name: which one a schedule follows is a word, so that all are compiled once."""

from stress.machine.control.spins import grant
from stress.machine.control.turns import conduct
from stress.machine.control.words import EVENT, STEPS, state
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS
from stress.schedule.strategies import depth_first, given, pct, pos, random_walk, surw
from stress.schedule.strategies.draws import EVENTS, LENGTH, STRATEGY, chance

EVENT_ODDS = 16
"""One run in so many begins with an interrupt or an NMI, if there are any."""
LONGEST_IN_HANDLER = 64
"""The most accesses of a run that begins with an interrupt to any CPU."""
GIVEN, RANDOM, PCT, POS, SURW, DEPTH_FIRST = range(6)
STRATEGIES = {"random": RANDOM, "pct": PCT, "pos": POS, "surw": SURW, "depth-first": DEPTH_FIRST}


@kernel
def begin(cpu: Cpu) -> None:
    """Draw what a schedule has of its own."""
    strategy = cpu.peek(state(cpu, STRATEGY))
    if strategy == GIVEN:
        given.begin(cpu)
    elif strategy == RANDOM:
        random_walk.begin(cpu)
    elif strategy == PCT:
        pct.begin(cpu)
    elif strategy == POS:
        pos.begin(cpu)
    elif strategy == SURW:
        surw.begin(cpu)
    else:
        depth_first.begin(cpu)


@kernel
def draw_event(cpu: Cpu) -> None:
    """Let an interrupt or an NMI come before some of the runs, where the scenario has them."""
    events = cpu.peek(state(cpu, EVENTS))
    if events != 0 and cpu.peek(state(cpu, STRATEGY)) != GIVEN and chance(cpu, EVENT_ODDS) == 0:
        event = 1 + chance(cpu, 2)
        cpu.poke(EVENT, event if events >> event & 1 != 0 else 0)


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """Who is next, and what comes before that."""
    cpu.poke(EVENT, 0)
    draw_event(cpu)
    # An interrupt comes to a CPU that waits, too: then it is the handler that runs.
    if cpu.peek(EVENT) != 0 and chance(cpu, 2) == 0:
        grant(cpu, 1 + chance(cpu, LONGEST_IN_HANDLER))
        return chance(cpu, cpu.peek(CPUS))
    return chosen(cpu, why)


@kernel
def chosen(cpu: Cpu, why: int) -> int:
    """Who is next."""
    strategy = cpu.peek(state(cpu, STRATEGY))
    if strategy == GIVEN:
        return given.choose(cpu, why)
    if strategy == RANDOM:
        return random_walk.choose(cpu, why)
    if strategy == PCT:
        return pct.choose(cpu, why)
    if strategy == POS:
        return pos.choose(cpu, why)
    if strategy == SURW:
        return surw.choose(cpu, why)
    return depth_first.choose(cpu, why)


@kernel
def end(cpu: Cpu) -> None:
    """Keep what later schedules need."""
    if cpu.peek(STEPS) > cpu.peek(state(cpu, LENGTH)):
        cpu.poke(state(cpu, LENGTH), cpu.peek(STEPS))
    if cpu.peek(state(cpu, STRATEGY)) == DEPTH_FIRST:
        depth_first.end(cpu)


@kernel
def conductor(cpu: Cpu) -> int:
    """Run one schedule."""
    return conduct(cpu, begin, choose, end)
