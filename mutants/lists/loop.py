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
        BEGIN.without(
            "notes-fault", "a fault is blamed on the next operation too", "cpu.poke(cpu.log + FAULT_CAUSE, 0)"
        ),
        BEGIN.without(
            "notes-hit",
            "a bad access is blamed on the next operation too",
            "cpu.poke(cpu.log + HIT_ADDRESS, 0)",
        ),
        BEGIN.without(
            "notes-warning", "a warning is blamed on the next operation too", "cpu.poke(cpu.log + WARNING, 0)"
        ),
        FAULTED.without(
            "fault-preemption", "preemption stays off behind a fault", "cpu.poke(cpu.area + PREEMPT_COUNT, 0)"
        ),
        FAULTED.without(
            "fault-interrupts", "interrupts stay off behind a fault", "cpu.poke(cpu.area + IRQS_DISABLED, 0)"
        ),
        FAULTED.always("fault-unexplained", "an error in kernel code is an outcome", "cause != 0"),
        COUNT.mutant("outcome-uncounted", "outcomes are not counted", "cpu.peek(slot) + 1)", "cpu.peek(slot))"),
        FORBIDDEN.mutant(
            "forbidden-ignored", "nothing is a violation", "cpu.peek(FORBIDDEN) >> outcome & 1 != 0", "False"
        ),
        FORBIDDEN.mutant(
            "forbidden-shifted", "the grade of another outcome counts", ">> outcome & 1", ">> outcome + 1 & 1"
        ),
        VIOLATION.mutant("violation-uncounted", "violations are not counted", "+ VIOLATIONS) + 1)", "+ VIOLATIONS))"),
        VIOLATION.always(
            "violation-last",
            "the last violation is reported as the first",
            "cpu.peek(",
        ),
        Part("stress/machine/evidence.py")
        .of("def keep_block_at_rest(")
        .never(
            "report-waits-on",
            "a report waits for a lock that nobody holds any more",
            "cpu.peek(BOUND) == 0",
        ),
        Part("stress/programs/show_trace.py")
        .of("def dawdle(")
        .never("dawdles-on", "a slow handler is slow when the power is off", "cpu.peek("),
        JUDGE.always("unjudged-counted", "what is not judged is counted", "outcome != UNJUDGED"),
        JUDGE.mutant(
            "touch-unjudged",
            "freed memory that an operation with nothing to judge touched is not a finding",
            "found != UNJUDGED and not",
            "found != UNJUDGED and outcome != UNJUDGED and not",
        ),
        JUDGE.mutant(
            "touch-acceptable",
            "freed memory that an operation touched which ended well is not a finding",
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
            "what an operation touched that power-off cut short is not a finding",
            "        outcome = found",
            "        outcome = UNJUDGED if outcome == CAUSE_POWER_OFF else found",
        ),
        TOUCHED.mutant(
            "touch-redzone", "a touch of a redzone is called one of freed memory", "== SHADOW_REDZONE", "== -1"
        ),
        LOOP.of("def one_turn(").without(
            "touch-twice",
            "what an operation touched is counted again when power-off comes at a safepoint",
            "cpu.poke(cpu.log + HIT_ADDRESS, 0)",
        ),
        LOOP.of("def warn(").always("warning-last", "the last warning counts, not the first", "cpu.peek("),
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
            "power-off-judged",
            "an operation that outlives power-off is judged",
            "        if cpu.peek(BOUND) == 0:",
            "        if outcome == CAUSE_POWER_OFF:",
        ),
        PROGRAM.mutant(
            "outcome-too-large", "an outcome that there cannot be is counted", " or outcome >= AFTER_FREE:", ":"
        ),
        LOOP.of("def one_turn(").without(
            "no-safepoint",
            "a CPU never passes a safepoint",
            "safepoint(",
            suite("kernel/test_stop_machine.py", without="native"),
        ),
    ),
)
