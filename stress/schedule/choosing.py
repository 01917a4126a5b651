"""The strategies by number and by name: which one a schedule follows is a word, so that all are compiled once."""

from stress.machine.control.spins import grant
from stress.machine.control.turns import conduct, end_wait, may_end_wait
from stress.machine.control.words import EVENT, EVENTS, MAIN, SKIPPED, STEPS, YIELDS, state
from stress.machine.random import MODULUS
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS
from stress.schedule.strategies import depth_first, given, pct, pos, random_walk, surw
from stress.schedule.strategies.draws import GENERATOR, LENGTH, STRATEGY, chance, chance_of

EVENT_ODDS = 16
"""One run in so many begins with an interrupt or an NMI, if there are any."""
LONGEST_ASIDE = 64
"""The most accesses of a run that the strategy has not chosen: of one that begins with an interrupt to any CPU, or of a
CPU that waited."""
IMPATIENT_ODDS = 4
"""In one schedule of so many, CPUs that wait may go on though their word has not changed."""
MOST_WAKE_POWER = 3
"""In those, one run in so many lets a CPU go on so, if the one that is drawn waits: a power of two, up to 2 to this."""
YIELD_ODDS = 4
"""One yield in so many lets the CPU that yields go on itself: to yield is no promise of anything."""
WAKE_ODDS, IMPATIENCE = 4, 5
"""Among the words that strategies keep: the odds of the schedule under way, 0 for one in which whoever waits waits; and
a generator of its own, so that what strategies draw is the same where nobody waits or yields."""
GENERATORS_APART = 7919
"""A prime: the two generators differ by this factor, so neither is ever 0."""
GIVEN, RANDOM, PCT, POS, SURW, DEPTH_FIRST = range(6)
STRATEGIES = {"random": RANDOM, "pct": PCT, "pos": POS, "surw": SURW, "depth-first": DEPTH_FIRST}


@kernel
def is_drawn(strategy: int) -> bool:
    """Whether a strategy draws what it does, and tries not one order after the other."""
    return strategy != GIVEN and strategy != DEPTH_FIRST


@kernel
def begin(cpu: Cpu) -> None:
    """Draw what a schedule has of its own."""
    strategy = cpu.peek(state(cpu, STRATEGY))
    cpu.poke(state(cpu, IMPATIENCE), cpu.peek(state(cpu, GENERATOR)) * GENERATORS_APART % MODULUS)
    cpu.poke(state(cpu, WAKE_ODDS), 0)
    if is_drawn(strategy) and chance_of(cpu, IMPATIENCE, IMPATIENT_ODDS) == 0:
        cpu.poke(state(cpu, WAKE_ODDS), 1 << chance_of(cpu, IMPATIENCE, MOST_WAKE_POWER + 1))
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
def draw_yield(cpu: Cpu, why: int) -> None:
    """Let a CPU that has yielded be one of those that may be next, now and then."""
    if why == YIELDS and is_drawn(cpu.peek(state(cpu, STRATEGY))) and chance_of(cpu, IMPATIENCE, YIELD_ODDS) == 0:
        cpu.poke(SKIPPED, MAIN)


@kernel
def draw_impatient(cpu: Cpu) -> int:
    """A CPU that waits and goes on all the same: code may wait only for so long. MAIN for none."""
    odds = cpu.peek(state(cpu, WAKE_ODDS))
    if odds == 0 or chance_of(cpu, IMPATIENCE, odds) != 0:
        return MAIN
    number = chance_of(cpu, IMPATIENCE, cpu.peek(CPUS))
    return number if may_end_wait(cpu, number) else MAIN


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """Who is next, and what comes before that."""
    cpu.poke(EVENT, 0)
    draw_yield(cpu, why)
    draw_event(cpu)
    # An interrupt comes to a CPU that waits, too: then it is the handler that runs.
    if cpu.peek(EVENT) != 0 and chance(cpu, 2) == 0:
        grant(cpu, 1 + chance(cpu, LONGEST_ASIDE))
        return chance(cpu, cpu.peek(CPUS))
    number = draw_impatient(cpu)
    if number == MAIN:
        return chosen(cpu, why)
    end_wait(cpu, number)
    grant(cpu, 1 + chance_of(cpu, IMPATIENCE, LONGEST_ASIDE))
    return number


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
