"""Interrupts and NMIs: what masks them, and what they leave of the operation that they came into."""

from mutants.mutant import Group, Part, suite, verdict

EVENTS = Part("stress/machine/events.py")
INTERRUPT = EVENTS.of("def take_interrupt(")
EXCEPTION = EVENTS.of("def take_exception(")
EVENT = EVENTS.of("def take_event(")

TIMES = suite("machine/test_event_times.py")

GROUP = Group(
    "Interrupts and NMIs",
    (suite("machine/test_handlers.py", without="native"),),
    (
        INTERRUPT.mutant(
            "interrupt-preemption",
            "interrupts preempt code that forbids it",
            "cpu.peek(cpu.area + PREEMPT_COUNT) == 0 and ",
            "",
        ),
        INTERRUPT.mutant(
            "interrupt-masked", "interrupts come while they are off", " and cpu.peek(cpu.area + IRQS_DISABLED) == 0", ""
        ),
        INTERRUPT.without("interrupt-unhandled", "interrupts do nothing", "handler("),
        INTERRUPT.mutant("interrupt-uncounted", "interrupts are not counted", "+ INTERRUPTS) + 1)", "+ INTERRUPTS))"),
        EXCEPTION.without(
            "nmi-notes-kept",
            "an NMI does not keep the notes of what it interrupts",
            "move_notes(cpu, NOTES_KEPT, NOTES)",
        ),
        EXCEPTION.without(
            "nmi-notes-restored",
            "an NMI leaves its own notes behind",
            "move_notes(cpu, NOTES, NOTES_KEPT)",
        ),
        EXCEPTION.without(
            "nmi-preemption",
            "a fault of an NMI allows preemption",
            "cpu.poke(cpu.area + PREEMPT_COUNT, preempt_count)",
        ),
        EXCEPTION.without(
            "nmi-interrupts",
            "a fault of an NMI turns interrupts on",
            "cpu.poke(cpu.area + IRQS_DISABLED, irqs_disabled)",
        ),
        EXCEPTION.without("nmi-unjudged", "what NMIs end in is not counted", "judge_operation("),
        EXCEPTION.mutant(
            "nmi-touch",
            "what an NMI touched is found only if its handler has something to judge",
            "judge_operation(cpu, outcome)",
            "if outcome != 0:\n        judge_operation(cpu, outcome)",
        ),
        EXCEPTION.mutant(
            "nmi-too-large",
            "an NMI's outcome that there cannot be is counted",
            "outcome >= AFTER_FREE and",
            "False and",
        ),
        EXCEPTION.mutant("nmi-broken", "an error in an NMI handler goes unsaid", "if outcome < 0", "if outcome < -9"),
        Part("stress/machine/words.py").mutant(
            "nmi-notes-some",
            "an NMI keeps only some of the notes",
            "NOTES_BYTES = VALUES + 2 * NOTED_VALUES * 8 - NOTES",
            "NOTES_BYTES = WALK - NOTES",
        ),
        EVENT.never(
            "nmi-never",
            "no NMI ever comes",
            "drawn < cpu.peek(NMI_BELOW)",
            suite("run/test_nmis.py", without="native"),
        ),
        EVENT.never(
            "interrupt-never",
            "no interrupt ever comes",
            "drawn < cpu.peek(INTERRUPT_BELOW)",
            verdict("preempted_reader", "python"),
        ),
        Part("stress/machine/python_engine.py").mutant(
            "event-handler-count",
            "handlers count down to events on their own",
            "features.inside(), left)",
            "features.inside())",
            TIMES,
        ),
        Part("stress/machine/python_engine.py")
        .of("def store8(")
        .mutant("event-uncounted", "stores of a byte do not count down to an event", "left[0] - 1", "left[0]", TIMES),
        EVENTS.of("def place_events(").without(
            "event-shares", "every kind has the share of NMIs alone", "below += share"
        ),
        EVENTS.of("def place_events(").mutant(
            "event-period", "events come too seldom", "round(1 / events.total)", "round(9 / events.total)"
        ),
    ),
)
