"""Code that counts on what nothing promises: that a yield, a sleep or a wait lasts for as long as others need.

`sleeps` and `yields` free what a reader may hold, `gives_up` goes on without a lock after three looks at it, and
`aborts` ends its wait at a word that it does not relax on. `turns`, `deadline` and `counted` are waits that end by
themselves.
"""

from fractions import Fraction
from typing import Any

from stress import Hardware, Outcome, Program, Protocol, Scenario, Struct, Structure
from stress.kernel import Cpu, kernel, new, static
from stress.protocols import NONE

ITEM = Struct("item", value="word")
SHARED = static("impatience_shared")
WORD_COUNT = 6
WORDS = static("impatience_words", WORD_COUNT)
LOCK, FIRST, SECOND, FLAG, ABORT, TICKS = range(WORDS, WORDS + 8 * WORD_COUNT, 8)
OUTCOMES = Outcome.table(
    whole=("acceptable", "both words, or the item, are of one change"),
    nothing=("acceptable", "there is no item"),
    half=("forbidden", "one word is of another change"),
)
LOOKS, TURNS, LATER_NS = 3, 60, 100_000


@kernel
def fill(cpu: Cpu, protocol: Protocol) -> None:
    item = new(cpu, ITEM)
    if item != 0:
        cpu.store(item + ITEM.value, 7)
    cpu.store(SHARED, item)
    for word in range(WORDS, WORDS + 8 * WORD_COUNT, 8):
        cpu.store(word, 0)


@kernel
def unpublish_and_sleep(cpu: Cpu, protocol: Protocol) -> int:
    item = cpu.xchg(SHARED, 0)
    if item != 0:
        cpu.sleep(1_000_000)
        protocol.retire(cpu, item)
    return 0


@kernel
def unpublish_and_yield(cpu: Cpu, protocol: Protocol) -> int:
    item = cpu.xchg(SHARED, 0)
    if item != 0:
        cpu.yield_core()
        protocol.retire(cpu, item)
    return 0


@kernel
def unpublish(cpu: Cpu, protocol: Protocol) -> int:
    item = cpu.xchg(SHARED, 0)
    if item != 0:
        protocol.retire(cpu, item)
    return 0


@kernel
def follow(cpu: Cpu, protocol: Protocol) -> int:
    item = cpu.load(SHARED)
    if item == 0:
        return OUTCOMES.nothing
    return OUTCOMES.whole if cpu.load(item + ITEM.value) == 7 else OUTCOMES.half


@kernel
def take(cpu: Cpu) -> None:
    while cpu.cmpxchg(LOCK, 0, 1) != 0:
        cpu.relax(LOCK)


@kernel
def take_or_give_up(cpu: Cpu) -> int:
    for _ in range(LOOKS):
        if cpu.cmpxchg(LOCK, 0, 1) == 0:
            return 1
        cpu.relax(LOCK)
    return 0


@kernel
def change_both(cpu: Cpu, protocol: Protocol) -> int:
    take(cpu)
    changes = cpu.load(FIRST) + 1
    cpu.store(FLAG, 0)
    cpu.store(ABORT, 0)
    cpu.store(FIRST, changes)
    cpu.store(ABORT, 1)
    cpu.store(SECOND, changes)
    cpu.store(FLAG, 1)
    cpu.store_release(LOCK, 0)
    return 0


@kernel
def look_at_both(cpu: Cpu) -> int:
    first = cpu.load(FIRST)
    return OUTCOMES.whole if cpu.load(SECOND) == first else OUTCOMES.half


@kernel
def look_with_lock(cpu: Cpu, protocol: Protocol) -> int:
    take(cpu)
    found = look_at_both(cpu)
    cpu.store_release(LOCK, 0)
    return found


@kernel
def look_or_give_up(cpu: Cpu, protocol: Protocol) -> int:
    took = take_or_give_up(cpu)
    found = look_at_both(cpu)
    if took != 0:
        cpu.store_release(LOCK, 0)
    return found


@kernel
def look_after_abort(cpu: Cpu, protocol: Protocol) -> int:
    """The wait is for FLAG, and ends at ABORT too, when the words are not alike."""
    while cpu.load(FLAG) == 0 and cpu.load(ABORT) == 0:
        cpu.relax(FLAG)
    if cpu.load(FLAG) == 0 and cpu.load(ABORT) != 0:
        return look_at_both(cpu)
    return OUTCOMES.whole


@kernel
def wait_for_turns(cpu: Cpu, protocol: Protocol) -> int:
    for _ in range(TURNS):
        if cpu.load(FLAG) != 0:
            return OUTCOMES.whole
        cpu.relax(FLAG)
    return OUTCOMES.nothing


@kernel
def wait_until_later(cpu: Cpu, protocol: Protocol) -> int:
    until = cpu.clock() + LATER_NS
    while cpu.load(FLAG) == 0 and cpu.clock() < until:
        cpu.relax(FLAG)
    return OUTCOMES.nothing


@kernel
def wait_for_a_tick(cpu: Cpu, protocol: Protocol) -> int:
    seen = cpu.load(TICKS)
    while cpu.load(TICKS) == seen:
        cpu.relax(TICKS)
    return OUTCOMES.nothing


@kernel
def tick(cpu: Cpu) -> int:
    cpu.fetch_add(TICKS, 1)
    return OUTCOMES.nothing


STRUCTURE = Structure("impatience", [ITEM], fill, outcomes=OUTCOMES)


def of(name: str, writer: Any, reader: Any, expect: str = "held", twin: Any = None, **more: Any) -> Scenario:
    """A scenario of one CPU that writes and one or more that read, without a protocol."""
    programs = (Program("change", writer, cpus=1, writes=True), Program("look", reader))
    claim = "nobody sees half a change, or what is freed"
    return Scenario(name, claim, "made for tests", programs, expect, twin, structure=STRUCTURE, protocol=NONE, **more)


BARE = of("bare", unpublish, follow, "violated")
SCENARIOS = [
    BARE,
    of("sleeps", unpublish_and_sleep, follow, twin=BARE),
    of("yields", unpublish_and_yield, follow, twin=BARE),
    of("locked", change_both, look_with_lock),
    of("gives_up", change_both, look_or_give_up),
    of("aborts", change_both, look_after_abort),
    of("turns", wait_for_turns, wait_for_turns),
    of("deadline", wait_until_later, wait_until_later),
    of("counted", wait_for_a_tick, wait_for_a_tick, hardware=Hardware(nmi=Fraction(1, 10), nmi_handler=tick)),
]
