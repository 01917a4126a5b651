"""Spinlocks, semaphores, preemption; and the checks that nobody runs, or holds a lock, while the machine is stopped."""

from mutants.mutant import Group, Part, suite

SPIN = Part("stress/kernel/spinlock.py")
LOCK = SPIN.of("def spin_lock(")
UNLOCK = SPIN.of("def spin_unlock(")
STOP = Part("stress/kernel/stop_machine.py")
DOWN = STOP.of("def down(")
UP = STOP.of("def up(")
PREEMPT = Part("stress/kernel/preempt.py")
HELD = Part("stress/kernel/held.py")
IS_HELD = HELD.of("def is_held(")

TAKE, NOT_TAKEN = "0, cpu.number + 1) != 0:", "0, cpu.number + 1) == -1:"
WARNINGS = suite("kernel/test_warnings.py", without="native")

GROUP = Group(
    "Locks, preemption, and the checks around a stop",
    (suite("kernel/test_locks.py", "machine/test_order.py", without="native"),),
    (
        LOCK.mutant("spin-not-taken", "a spinlock is taken by all at once", TAKE, NOT_TAKEN),
        LOCK.mutant("spin-holder", "a spinlock names the wrong holder", "cpu.number + 1)", "1)"),
        LOCK.without("spin-preemptible", "the holder of a spinlock can be preempted", "preempt_disable("),
        LOCK.never(
            "spin-unwarned",
            "a lock taken while the machine is stopped goes unsaid",
            "is_stopped(",
            WARNINGS,
        ),
        UNLOCK.mutant("unspin-store", "a spinlock is never given back", "1, 0)", "1, cpu.number + 1)"),
        UNLOCK.without("unspin-preemption", "preemption stays off behind a spinlock", "preempt_enable("),
        UNLOCK.mutant(
            "unspin-barrier",
            "what a spinlock guards leaks out of it",
            "if cpu.cmpxchg(lock, cpu.number + 1, 0) != cpu.number + 1:",
            "cpu.store(lock, 0)\n    if False:",
        ),
        UNLOCK.mutant(
            "unspin-foreign", "who does not hold a spinlock may give it back", "0) != cpu.number + 1:", "0) < 0:"
        ),
        SPIN.of("def warn_if_owned(").never("owner-unwarned", "the owner of a lock goes unsaid", "cpu.load(", WARNINGS),
        DOWN.mutant("down-not-taken", "a semaphore is taken by all at once", TAKE, NOT_TAKEN),
        DOWN.without("down-no-safepoint", "waiting for a semaphore is no safepoint", "cond_resched("),
        UP.without("up-store", "a semaphore is never given back", "cpu.store("),
        UP.without("up-barrier", "what a semaphore guards leaks out of it", "cpu.barrier("),
        PREEMPT.of("def preempt_disable(").mutant(
            "preempt-no-nesting", "preempt_disable does not nest", "cpu.peek(cpu.area + PREEMPT_COUNT) + 1)", "1)"
        ),
        PREEMPT.of("def preempt_enable(").mutant(
            "preempt-all-at-once", "one preempt_enable undoes all", "cpu.peek(cpu.area + PREEMPT_COUNT) - 1)", "0)"
        ),
        PREEMPT.of("def local_irq_disable(").mutant(
            "irq-disable", "interrupts cannot be turned off", "IRQS_DISABLED, 1)", "IRQS_DISABLED, 0)"
        ),
        PREEMPT.of("def local_irq_enable(").mutant(
            "irq-enable", "interrupts cannot be turned on", "IRQS_DISABLED, 0)", "IRQS_DISABLED, 1)"
        ),
        IS_HELD.without("held-state", "a CPU counts as held before the last step", "return False", WARNINGS),
        IS_HELD.mutant(
            "held-ack",
            "a CPU counts as held before it has acknowledged",
            "cpu.load(area + ACK) == state and ",
            "",
            WARNINGS,
        ),
        IS_HELD.mutant(
            "held-interrupts",
            "a CPU counts as held with its interrupts on",
            " and cpu.load(area + IRQS_DISABLED) == 1",
            "",
            WARNINGS,
        ),
        HELD.of("def warn_if_running(").mutant(
            "held-some",
            "only CPUs 0 and 1 are looked at",
            "range(cpu.peek(CPUS))",
            "range(min(cpu.peek(CPUS), 2))",
            WARNINGS,
        ),
        HELD.of("def warn_if_running(").never(
            "held-unwarned", "a CPU that runs goes unsaid", "not is_held(cpu, other)", WARNINGS
        ),
    ),
)
