"""Events at accesses: interrupts where they are allowed, NMIs and gaps always, notes of what they interrupt kept."""

from fractions import Fraction

import pytest

from stress.kernel.preempt import local_irq_disable, local_irq_enable, preempt_disable, preempt_enable
from stress.machine.events import Events, place_events
from stress.machine.features import Features
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, Operation, kernel
from stress.machine.words import (
    AREAS,
    CAUSE_WILD,
    COUNTERS,
    EVENT_RANDOM,
    FAULT_CAUSE,
    HIT_ADDRESS,
    INTERRUPTS,
    IRQS_DISABLED,
    NMIS,
    OPERATIONS,
    OUTCOMES,
    PREEMPT_COUNT,
)
from tests.support import blank_ram, each_engine, program_of, run_machine

pytestmark = pytest.mark.threads

WORD = AREAS + 0x800
POINTER = AREAS + 0x900
ACCESSES = 100
HANDLED, MASKED, DURING = COUNTERS, COUNTERS + 8, COUNTERS + 16
FOUND = 10
ALWAYS = Fraction(1)


@kernel
def count_handled(cpu: Cpu) -> None:
    """Count one run of a handler, and one that came though something was masked."""
    cpu.poke(cpu.log + HANDLED, cpu.peek(cpu.log + HANDLED) + 1)
    if cpu.peek(cpu.area + PREEMPT_COUNT) + cpu.peek(cpu.area + IRQS_DISABLED) != 0:
        cpu.poke(cpu.log + MASKED, cpu.peek(cpu.log + MASKED) + 1)


@kernel
def interrupt(cpu: Cpu) -> None:
    """An interrupt handler, with accesses of its own."""
    count_handled(cpu)
    cpu.load(WORD)


@kernel
def nmi(cpu: Cpu) -> int:
    """An NMI handler that finds what it looks for, unless the pointer that it follows is NULL."""
    count_handled(cpu)
    cpu.load(cpu.peek(POINTER))
    return FOUND


HANDLERS = Features(delays=True, handled=True, interrupt=interrupt, nmi=nmi)
DELAYS = Features(delays=True, nmi=nmi)
"""Few sets of features: each takes seconds to compile."""


@kernel
def access(cpu: Cpu) -> int:
    """ACCESSES accesses of one word, once, and how many handlers ran during them; nothing to judge."""
    if cpu.peek(cpu.log + OPERATIONS) == 0:
        before = cpu.peek(cpu.log + HANDLED)
        for _ in range(ACCESSES):
            cpu.load(WORD)
        cpu.poke(cpu.log + DURING, cpu.peek(cpu.log + HANDLED) - before)
    return 0


@kernel
def access_undisturbed(cpu: Cpu) -> int:
    """The same with preemption off."""
    preempt_disable(cpu)
    access(cpu)
    preempt_enable(cpu)
    return 0


@kernel
def access_with_irqs_off(cpu: Cpu) -> int:
    """The same with interrupts off."""
    local_irq_disable(cpu)
    access(cpu)
    local_irq_enable(cpu)
    return 0


@kernel
def access_with_notes(cpu: Cpu) -> int:
    """Accesses of an operation that has noted a hit, with preemption and interrupts off; tells whether all is kept."""
    if cpu.peek(cpu.log + OPERATIONS) != 0:
        return 0
    preempt_disable(cpu)
    local_irq_disable(cpu)
    cpu.poke(cpu.log + HIT_ADDRESS, WORD)
    access(cpu)
    kept = cpu.peek(cpu.log + HIT_ADDRESS) == WORD and cpu.peek(cpu.log + FAULT_CAUSE) == 0
    masked = cpu.peek(cpu.area + PREEMPT_COUNT) == 1 and cpu.peek(cpu.area + IRQS_DISABLED) == 1
    preempt_enable(cpu)
    local_irq_enable(cpu)
    cpu.poke(cpu.log + HIT_ADDRESS, 0)
    return FOUND if kept and masked else CAUSE_WILD


def run(engine: str, operation: Operation, events: Events, features: Features = HANDLERS, pointer: int = WORD) -> Ram:
    """Run one CPU until its first operation, the only one with accesses, is over; its RAM."""
    ram = blank_ram()
    ram.poke(POINTER, pointer)
    place_events(ram, events)
    ram.poke(ram.map.log(0) + EVENT_RANDOM, 1)
    run_machine(ram, [program_of(engine, operation, features)], lambda: ram.log_words(OPERATIONS)[0][0] > 0)
    return ram


def counted(ram: Ram, offset: int) -> int:
    """A word of CPU 0's log."""
    return ram.log_words(offset)[0][0]


@each_engine
def test_an_interrupt_comes_at_every_access_if_it_is_to(engine: str) -> None:
    ram = run(engine, access, Events(interrupt=ALWAYS))
    assert counted(ram, INTERRUPTS) == counted(ram, HANDLED)
    assert counted(ram, DURING) >= ACCESSES // 2
    assert counted(ram, MASKED) == 0


@each_engine
@pytest.mark.parametrize("operation", [access_undisturbed, access_with_irqs_off], ids=lambda one: one.__name__)
def test_no_interrupt_comes_with_preemption_or_interrupts_off(operation: Operation, engine: str) -> None:
    ram = run(engine, operation, Events(interrupt=ALWAYS))
    assert counted(ram, HANDLED) > 0
    assert counted(ram, DURING) == counted(ram, MASKED) == 0


@each_engine
def test_an_nmi_comes_whatever_is_masked_and_is_judged_on_its_own(engine: str) -> None:
    ram = run(engine, access_with_notes, Events(nmi=ALWAYS))
    assert counted(ram, NMIS) == counted(ram, HANDLED)
    assert counted(ram, MASKED) >= counted(ram, DURING) >= ACCESSES // 2
    assert counted(ram, OUTCOMES + FOUND * 8) >= counted(ram, NMIS)
    assert counted(ram, OUTCOMES + CAUSE_WILD * 8) == 0


@each_engine
def test_an_nmi_that_oopses_ends_alone_and_leaves_the_notes_of_what_it_interrupted(engine: str) -> None:
    ram = run(engine, access_with_notes, Events(nmi=ALWAYS), pointer=0)
    cut_short_by_power_off = counted(ram, NMIS) - counted(ram, OUTCOMES + CAUSE_WILD * 8)
    assert cut_short_by_power_off in (0, 1)
    assert counted(ram, NMIS) >= ACCESSES // 2
    assert counted(ram, OUTCOMES + FOUND * 8) == 1


@each_engine
def test_where_handlers_are_not_built_in_only_delays_come(engine: str) -> None:
    ram = run(engine, access, Events(nmi=ALWAYS), DELAYS)
    assert counted(ram, NMIS) == counted(ram, HANDLED) == 0


@each_engine
def test_a_gap_takes_its_time(engine: str) -> None:
    gap_s = 0.001
    ram = run(engine, time_of_accesses, Events(gap=ALWAYS, gap_s=gap_s), DELAYS)
    assert counted(ram, HANDLED) >= ACCESSES // 2 * gap_s * 1e9


@kernel
def time_of_accesses(cpu: Cpu) -> int:
    """Note how long the accesses took, in nanoseconds."""
    if cpu.peek(cpu.log + OPERATIONS) == 0:
        began = cpu.clock()
        access(cpu)
        cpu.poke(cpu.log + HANDLED, cpu.clock() - began)
    return 0
