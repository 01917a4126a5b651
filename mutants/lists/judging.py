"""Judging one operation: what was copied, what was missed, whether the detectors agree."""

from mutants.mutant import Group, Part, suite

LOOKUPS = Part("stress/judge/lookups.py")
NAMES = Part("stress/judge/names.py")
ABSENCE = LOOKUPS.of("def judge_absence(")
CHECK = LOOKUPS.of("def cross_check(")
POISON = NAMES.of("def has_poison(")
WRONG = NAMES.of("def judge_wrong_name(")

FREED = "return FREED if read_freed(cpu) else FOUND"
ALWAYS_FOUND = "return FOUND"

GROUP = Group(
    "The judge: poison, torn and foreign names, what was missed, who disagrees",
    (suite("judge"),),
    (
        POISON.mutant("poison-end-unseen", "the last byte of poison is not poison", "byte == POISON_END or ", ""),
        POISON.mutant("poison-run-unseen", "a run of poison is not poison", " or run >= cpu.peek(POISON_RUN)", ""),
        POISON.mutant("poison-run-short", "one k is poison", ">= cpu.peek(POISON_RUN)", ">= 1"),
        POISON.mutant("poison-run-broken", "any k counts towards a run", "else 0\n", "else run\n"),
        WRONG.never("poison-unjudged", "no name is ever poisoned", "has_poison("),
        WRONG.never("alien-unjudged", "no name is ever alien", "is_whole_name("),
        WRONG.never("torn-unjudged", "no name is ever torn", "beginning > 0 and beginning + end >= length"),
        WRONG.mutant("torn-end-only", "the end of a name alone is torn", "beginning > 0 and ", ""),
        WRONG.mutant("torn-gap", "a mix with something in between is torn", "beginning + end >= length", "end > 0"),
        NAMES.of("def is_whole_name(").mutant(
            "alien-beginning", "the beginning of a name is alien", "entry >> LENGTH_SHIFT == length and ", ""
        ),
        NAMES.of("def same_name(").mutant(
            "found-first-word",
            "a name whose first 8 bytes are right is found",
            "range(0, NAME_BYTES, 8)",
            "range(0, 8, 8)",
        ),
        NAMES.of("def same_text(").mutant(
            "found-beginning",
            "the beginning of a module's name is found",
            "if byte != cpu.peek8(text + offset):",
            "if byte != 0 and byte != cpu.peek8(text + offset):",
        ),
        LOOKUPS.of("def judge_name(").mutant(
            "freed-name", "a name read from freed memory is found", FREED, ALWAYS_FOUND
        ),
        LOOKUPS.of("def judge_text(").mutant(
            "freed-text", "a module's name read from freed memory is found", FREED, ALWAYS_FOUND
        ),
        LOOKUPS.of("def judge_address(").mutant(
            "freed-address", "an address read from freed memory is found", FREED, ALWAYS_FOUND
        ),
        LOOKUPS.of("def judge_address(").mutant(
            "garbled-address",
            "any address is right",
            "if address != cpu.peek(target + TARGET_ADDRESS):",
            "if address == 0:",
        ),
        ABSENCE.never(
            "freed-absence",
            "absent after a walk through freed memory is fine",
            "read_freed(",
        ),
        ABSENCE.mutant("missed-never", "nothing is ever missed", "listed_before & 1 == 1 and", "False and"),
        ABSENCE.mutant("missed-before", "missed, though it was not listed before", "listed_before & 1 == 1 and ", ""),
        ABSENCE.mutant(
            "missed-churned",
            "missed, though it came and went meanwhile",
            " and listed(cpu, target) == listed_before",
            "",
        ),
        CHECK.mutant(
            "disagree-never", "poison that the shadow did not see is no contradiction", "outcome == POISONED", "False"
        ),
        CHECK.mutant("disagree-any", "any outcome without a hit is a contradiction", "outcome == POISONED and ", ""),
        CHECK.mutant(
            "disagree-no-kasan", "no hit is a contradiction, even with the shadow off", "cpu.peek(KASAN) != 0 and ", ""
        ),
        CHECK.mutant("disagree-hit", "a hit is a contradiction", "cpu.peek(cpu.log + HIT_ADDRESS) == 0 and ", ""),
        CHECK.mutant("disagree-window", "reuse between two looks is a contradiction", " and not is_window(cpu)", ""),
        Part("stress/machine/loop.py", "def disagree(").mutant(
            "disagree-uncounted", "contradictions are not counted", "+ DISAGREEMENTS) + 1)", "+ DISAGREEMENTS))"
        ),
        Part("stress/kernel/kallsyms.py", "def next_module(").never(
            "endless",
            "a ring of freed links is walked for ever",
            "walked > LONGEST_WALK",
            suite("kernel/test_kallsyms.py"),
        ),
    ),
)
