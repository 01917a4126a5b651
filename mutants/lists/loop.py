"""The loop of a CPU: notes, faults, outcomes, warnings, the end."""

from mutants.mutant import Group, Part, suite

LOOP = Part("stress/machine/loop.py")
BEGIN = LOOP.of("def begin_operation(")
FAULTED = LOOP.of("def faulted(")
COUNT = LOOP.of("def count_one(")
FORBIDDEN = LOOP.of("def is_forbidden(")
JUDGE = LOOP.of("def judge_operation(")
TOUCHED = LOOP.of("def touched(")
VIOLATION = LOOP.of("def count_violation(")
PROGRAM = LOOP.of("def run_program(")

GROUP = Group(
    "The loop of a CPU: notes, faults, outcomes",
    (suite("machine/test_loop.py", "machine/test_wild.py", "machine/test_power_off.py", without="native"),),
    (
        BEGIN.mutant(
            "notes-fault", "a fault is blamed on the next operation too", "cpu.poke(cpu.log + FAULT_CAUSE, 0)", "pass"
        ),
        BEGIN.mutant(
            "notes-hit",
            "a bad access is blamed on the next operation too",
            "cpu.poke(cpu.log + HIT_ADDRESS, 0)",
            "pass",
        ),
        BEGIN.mutant(
            "notes-warning", "a warning is blamed on the next operation too", "cpu.poke(cpu.log + WARNING, 0)", "pass"
        ),
        FAULTED.mutant(
            "fault-preemption", "preemption stays off behind a fault", "cpu.poke(cpu.area + PREEMPT_COUNT, 0)", "pass"
        ),
        FAULTED.mutant(
            "fault-interrupts", "interrupts stay off behind a fault", "cpu.poke(cpu.area + IRQS_DISABLED, 0)", "pass"
        ),
        FAULTED.mutant("fault-unexplained", "an error in kernel code is an outcome", "if cause != 0:", "if True:"),
        COUNT.mutant("outcome-uncounted", "outcomes are not counted", "cpu.peek(slot) + 1)", "cpu.peek(slot))"),
        FORBIDDEN.mutant(
            "forbidden-ignored", "nothing is a violation", "cpu.peek(FORBIDDEN) >> outcome & 1 != 0", "False"
        ),
        FORBIDDEN.mutant(
            "forbidden-shifted", "the grade of another outcome counts", ">> outcome & 1", ">> outcome + 1 & 1"
        ),
        VIOLATION.mutant("violation-uncounted", "violations are not counted", "+ VIOLATIONS) + 1)", "+ VIOLATIONS))"),
        VIOLATION.mutant(
            "violation-last",
            "the first violation is told as the last",
            "if cpu.peek(cpu.log + VIOLATIONS) == 0:",
            "if True:",
        ),
        Part("stress/machine/evidence.py")
        .of("def keep_block_at_rest(")
        .mutant(
            "report-waits-on",
            "a report waits for a lock that nobody holds any more",
            "if cpu.peek(BOUND) == 0:",
            "if False:",
        ),
        Part("stress/programs/show_trace.py")
        .of("def dawdle(")
        .mutant("dawdles-on", "a slow handler is slow when the power is off", "if cpu.peek(BOUND) == 0:", "if False:"),
        JUDGE.mutant("unjudged-counted", "what is not judged is counted", "if outcome != UNJUDGED:", "if True:"),
        JUDGE.mutant(
            "touch-unjudged",
            "freed memory that an operation with nothing to judge touched is no finding",
            "found != UNJUDGED and not",
            "found != UNJUDGED and outcome != UNJUDGED and not",
        ),
        JUDGE.mutant(
            "touch-acceptable",
            "freed memory that an operation touched which ended well is no finding",
            "found != UNJUDGED and not",
            "found != UNJUDGED and outcome == UNJUDGED and not",
        ),
        JUDGE.mutant(
            "touch-first",
            "what an operation touched hides the forbidden outcome that it ended in",
            " and not is_forbidden(cpu, outcome)",
            "",
        ),
        JUDGE.mutant(
            "touch-power-off",
            "what an operation touched that power-off cut short is no finding",
            "        outcome = found",
            "        outcome = UNJUDGED if outcome == CAUSE_POWER_OFF else found",
        ),
        TOUCHED.mutant(
            "touch-redzone", "a touch of a redzone is called one of freed memory", "== SHADOW_REDZONE", "== -1"
        ),
        LOOP.of("def one_turn(").mutant(
            "touch-twice",
            "what an operation touched is counted again when power-off comes at a safepoint",
            "cpu.poke(cpu.log + HIT_ADDRESS, 0)",
            "pass",
        ),
        LOOP.of("def warn(").mutant(
            "warning-last", "the last warning counts, not the first", "if cpu.peek(cpu.log + WARNING) == 0:", "if True:"
        ),
        LOOP.of("def noted(").mutant(
            "warning-ignored",
            "warnings change no outcome",
            "return outcome if warning == 0 else warning",
            "return outcome",
        ),
        LOOP.of("def wait_for_start(").mutant(
            "start-for-ever", "CPUs wait for a start that was given up", " and cpu.peek(BOUND) != 0", ""
        ),
        PROGRAM.mutant(
            "power-off-judged", "an operation that outlives power-off is judged", " or cpu.peek(BOUND) == 0:", ":"
        ),
        PROGRAM.mutant(
            "outcome-too-large", "an outcome that there cannot be is counted", " or outcome >= MOST_OUTCOMES:", ":"
        ),
        LOOP.of("def one_turn(").mutant(
            "no-safepoint",
            "a CPU never passes a safepoint",
            "safepoint(cpu)",
            "pass",
            suite("kernel/test_stop_machine.py", without="native"),
        ),
    ),
)
