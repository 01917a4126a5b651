"""stop_machine: each state, each acknowledgement, each wait; interrupts and preemption; the number of the stop."""

from mutants.mutant import Group, Part, suite, verdict

STOP = Part("stress/kernel/stop_machine.py")
ACKNOWLEDGE = STOP.of("def acknowledge(")
NEXT = STOP.of("def next_state(")
STOPPER = STOP.of("def stopmachine(")
RESCHED = STOP.of("def cond_resched(")
PUBLISH = STOP.of("def publish_state(")
SET = STOP.of("def stopmachine_set_state(")
BEGIN = STOP.of("def stop_machine(")
END = STOP.of("def restart_machine(")
STOPPED = STOP.of("def is_stopped(")

DISABLED = "local_irq_disable(cpu)"
REAL_THREADS = "nobody_else and not coordinators and not caught_so and not every_stop"
WARNINGS = suite("kernel/test_warnings.py", without="native")

GROUP = Group(
    "stop_machine: each step",
    (
        suite("kernel/test_stop_machine.py", "machine/test_order.py", without=f"native and not {REAL_THREADS}"),
        suite("kernel/test_stop_machine.py", without="native"),
    ),
    (
        BEGIN.without("stop-mutex", "two CPUs can stop the machine at once", "down(cpu, STOPMACHINE_MUTEX)"),
        BEGIN.without("stop-begun", "a stop is timed from the one before", "cpu.poke("),
        BEGIN.without("stop-preemption", "the stopping CPU can be preempted", "preempt_disable("),
        BEGIN.without("stop-interrupts", "the stopping CPU takes interrupts", "local_irq_disable("),
        BEGIN.without("stop-prepare", "PREPARE is left out", "stopmachine_set_state(cpu, STOPMACHINE_PREPARE)"),
        BEGIN.without("stop-disable", "DISABLE_IRQ is left out", "stopmachine_set_state(cpu, STOPMACHINE_DISABLE_IRQ)"),
        PUBLISH.without("stop-unpublished", "a state is not published", "cpu.store(STOPMACHINE_STATE, word)"),
        PUBLISH.without("stop-own-ack", "the stopping CPU waits for itself", "cpu.store(cpu.area + ACK, word)"),
        PUBLISH.without("stop-number", "every stop has the number of the one before", "number += 1"),
        PUBLISH.always("stop-number-each", "each state has a number of its own", "state == STOPMACHINE_PREPARE"),
        PUBLISH.without("stop-publish-barrier", "a state is seen before what came before it", "cpu.barrier("),
        SET.never("stop-no-wait", "acknowledgements are not waited for", "cpu.load("),
        SET.mutant(
            "stop-wait-two",
            "only CPUs 0 and 1 are waited for",
            "range(cpu.peek(CPUS))",
            "range(min(cpu.peek(CPUS), 2))",
        ),
        SET.mutant("stop-wait-any", "the acknowledgement of any other state will do", "!= word:", "< word - 1:"),
        SET.mutant(
            "stop-wait-barrier", "the change is made before the others are seen to wait", "    cpu.barrier()\n", ""
        ),
        END.without("restart-exit", "nobody is let go", "stopmachine_set_state("),
        END.without("restart-interrupts", "interrupts stay off behind a stop", "local_irq_enable("),
        END.without("restart-preemption", "preemption stays off behind a stop", "preempt_enable("),
        END.mutant("restart-uncounted", "stops are not counted", "cpu.peek(STOPS) + 1)", "cpu.peek(STOPS))"),
        END.mutant("restart-untimed", "stops are not timed", "record_latency(cpu,", "max(cpu.number,"),
        END.without("restart-mutex", "the mutex is never given back", "up(cpu, STOPMACHINE_MUTEX)"),
        STOPPER.without("stopper-preemption", "a stopped CPU can be preempted", "preempt_disable("),
        STOPPER.without("stopper-interrupts", "a stopped CPU takes interrupts", "local_irq_disable("),
        STOPPER.mutant(
            "stopper-ack",
            "a stopped CPU acknowledges nothing before the end",
            "acknowledge(cpu, state)\n        state",
            "state",
        ),
        STOPPER.mutant(
            "stopper-ack-exit",
            "a CPU goes on without acknowledging the end",
            "acknowledge(cpu, state)\n    local",
            "local",
        ),
        STOPPER.mutant(
            "stopper-ack-early",
            "a CPU acknowledges DISABLE_IRQ before its interrupts are off",
            f"{DISABLED}\n        acknowledge(cpu, state)",
            f"acknowledge(cpu, state)\n            {DISABLED}\n        acknowledge(cpu, state)",
        ),
        STOPPER.mutant(
            "stopper-exit-late",
            "interrupts are on before the end is acknowledged",
            "    acknowledge(cpu, state)\n    local_irq_enable(cpu)",
            "    local_irq_enable(cpu)\n    acknowledge(cpu, state)",
        ),
        STOPPER.without("stopper-interrupts-on", "interrupts stay off when a CPU is let go", "local_irq_enable("),
        STOPPER.without("stopper-preemption-on", "preemption stays off when a CPU is let go", "preempt_enable("),
        STOPPER.mutant(
            "stopper-leaves", "a CPU leaves at DISABLE_IRQ", "!= STOPMACHINE_EXIT:", "!= STOPMACHINE_DISABLE_IRQ:"
        ),
        ACKNOWLEDGE.without("ack-barrier", "an acknowledgement is seen before what came before it", "cpu.barrier("),
        ACKNOWLEDGE.without("ack-store", "no acknowledgement is stored", "cpu.store("),
        NEXT.never(
            "next-no-wait",
            "a stopped CPU does not wait for the next state",
            "following == state",
        ),
        RESCHED.without("safepoint-ignored", "a safepoint joins no stop", "stopmachine("),
        RESCHED.mutant(
            "safepoint-number",
            "the acknowledgement of an old stop is taken for this one's",
            "!= cpu.load(cpu.area + ACK)",
            "& 3 != cpu.load(cpu.area + ACK) & 3",
        ),
        STOP.of("def preempt_schedule(").without(
            "preempt-joins",
            "preemption joins no stop",
            "cond_resched(",
            suite("machine/test_handlers.py", without="native"),
            verdict("preempted_reader", "python"),
        ),
        STOPPED.mutant(
            "stopped-state",
            "a CPU counts as stopped before the last step",
            "state & STATE_MASK == STOPMACHINE_DISABLE_IRQ and ",
            "",
            WARNINGS,
        ),
        STOPPED.mutant(
            "stopped-ack",
            "a CPU counts as stopped before it has acknowledged",
            " and cpu.peek(cpu.area + ACK) == state",
            "",
            WARNINGS,
        ),
    ),
)
