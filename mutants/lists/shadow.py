"""The slab: poison, the shadow and their order, the records, slab_lock."""

from mutants.mutant import Group, Part, suite

SLAB = Part("stress/machine/slab.py")
BLOCKS = Part("stress/machine/blocks.py")
LOOP = Part("stress/machine/loop.py")
DRESS = SLAB.of("def dress_block(")
UNDRESS = SLAB.of("def undress_block(")
LOCK = SLAB.of("def lock_slab(")
UNLOCK = SLAB.of("def unlock_slab(")

RETIRE = SLAB.of("def sign_retirement(")

TOUCH = suite("machine/test_last_touch.py", without="native")
RETIREMENTS = suite("machine/test_retirements.py", "machine/test_order.py")
INSPECTION = Part("stress/machine/inspection.py")
RAM = Part("stress/machine/ram.py")

GROUP = Group(
    "The slab: poison, the shadow and their order",
    (suite("machine/test_slab.py", "machine/test_bad_memory.py", "machine/test_fates.py", "machine/test_order.py"),),
    (
        UNDRESS.mutant("free-no-mark", "freed memory looks allocated", "else SHADOW_FREED", "else SHADOW_ALLOCATED"),
        RAM.of("def _lay_out(").without(
            "statics-unguarded", "what lies behind static words may be touched", "self._shade(LOW"
        ),
        UNDRESS.never("free-no-poison", "freed memory keeps what it had", "fate == POISONED"),
        UNDRESS.mutant(
            "free-poison-first",
            "free poisons before it marks the shadow",
            "    if fate != TYPE_STABLE:",
            "    if fate == POISONED:\n        poison_block(cpu, block)\n    if fate != TYPE_STABLE:",
        ),
        UNDRESS.mutant(
            "free-no-barrier",
            "mark and poison may be seen in any order",
            "    cpu.barrier()\n    if fate",
            "    if fate",
        ),
        UNDRESS.mutant(
            "free-not-unmapped",
            "freed memory stays mapped where it should not",
            "if fate == UNMAPPED else",
            "if False else",
        ),
        UNDRESS.mutant(
            "free-reused-poisoned", "memory that is to be reused is poisoned", "== POISONED:", "!= UNMAPPED:"
        ),
        UNDRESS.mutant(
            "free-no-generation", "a freed block still counts as live", "+ GENERATION) + 1)", "+ GENERATION))"
        ),
        UNDRESS.without("free-unsigned", "nobody is known to have freed a block", "sign_record("),
        SLAB.of("def poison_block(").without("poison-no-end", "poison has no last byte", "cpu.poke("),
        SLAB.of("def poison_block(").mutant(
            "poison-first-half",
            "only half of a block is poisoned",
            "cpu.fill_unchecked(block, size - 8,",
            "cpu.fill_unchecked(block, size // 2,",
        ),
        DRESS.mutant(
            "alloc-no-fill", "a new block shows what was there", "if cpu.peek(FATE) == POISONED or", "if False and"
        ),
        DRESS.mutant(
            "alloc-clear-first",
            "alloc clears the shadow before it fills",
            "if cpu.peek(FATE)",
            "cpu.fill_shadow(block, size + 7 & -8, SHADOW_ALLOCATED)\n    if cpu.peek(FATE)",
        ),
        DRESS.mutant(
            "alloc-no-barrier",
            "fill and clear may be seen in any order",
            "    cpu.barrier()\n    rounded",
            "    rounded",
        ),
        DRESS.mutant("alloc-no-clear", "a new block looks free", "SHADOW_ALLOCATED)", "SHADOW_FREED)"),
        DRESS.mutant("alloc-no-redzone", "a block has no redzone", "SHADOW_REDZONE)", "SHADOW_ALLOCATED)"),
        DRESS.without(
            "alloc-unsigned",
            "nobody is known to have allocated a block",
            "sign_record(",
        ),
        SLAB.of("def take_block(").always("alloc-no-reuse", "freed blocks are never used again", "block == 0"),
        BLOCKS.of("def is_live(").mutant(
            "free-twice", "a block can be freed twice", "+ GENERATION) & 1 == 1", "+ GENERATION) > 0"
        ),
        BLOCKS.of("def is_live(").mutant(
            "free-inside", "the middle of a block can be freed", " or offset & MIN_BLOCK - 1 != 0", ""
        ),
        LOCK.mutant(
            "slab-lock-not-taken",
            "slab_lock is taken by all at once",
            "while cpu.cmpxchg(SLAB_LOCK, 0, cpu.number + 1) != 0:",
            "while cpu.cmpxchg(SLAB_LOCK, 0, cpu.number + 1) == -1:",
        ),
        LOCK.mutant(
            "slab-lock-preemptible",
            "a stop can come to the holder of slab_lock",
            "+ PREEMPT_COUNT) + 1)",
            "+ PREEMPT_COUNT))",
        ),
        LOCK.mutant("slab-lock-holder", "slab_lock names the wrong holder", "cpu.number + 1)", "1)"),
        UNLOCK.without("slab-unlock-lost", "slab_lock is never given back", "cpu.store("),
        UNLOCK.mutant(
            "slab-unlock-preemption",
            "preemption stays off behind slab_lock",
            "+ PREEMPT_COUNT) - 1)",
            "+ PREEMPT_COUNT))",
        ),
        UNLOCK.without("slab-unlock-barrier", "what slab_lock guards leaks out of it", "cpu.barrier("),
        UNDRESS.always(
            "free-type-stable",
            "type-stable memory is marked when it is freed",
            "fate != TYPE_STABLE",
            suite("machine/test_accesses.py", without="native"),
        ),
        SLAB.of("def kmalloc(").without(
            "poison-unchecked",
            "nobody looks at the poison of a block that is handed out",
            "check_poison(",
            TOUCH,
        ),
        SLAB.of("def check_poison(").mutant(
            "poison-any-fate",
            "memory that is not poisoned is taken for broken poison",
            "cpu.peek(FATE) == POISONED and ",
            "",
            TOUCH,
        ),
        SLAB.of("def check_poison(").mutant(
            "poison-new-block",
            "a block that was never used is taken for broken poison",
            "cpu.peek(record_of(cpu, block) + GENERATION) != 0",
            "True",
            TOUCH,
        ),
        SLAB.of("def first_overwritten(").never(
            "poison-last-word",
            "the last word of the poison is not looked at",
            "found == 0 and cpu.peek(last) != POISON_LAST_WORD",
            TOUCH,
        ),
        RETIRE.never("retire-twice", "a block can be retired twice", "== generation", RETIREMENTS),
        RETIRE.mutant(
            "retire-argument",
            "a second retirement is called a bad argument",
            "DOUBLE_RETIRE",
            "1 << 32",
            RETIREMENTS,
        ),
        RETIRE.without("retire-unsigned", "nobody is known to have retired a block", "sign_record(", RETIREMENTS),
        RETIRE.mutant(
            "retire-half",
            "half of a retirement's signature is told",
            "    cpu.poke(record + RETIRED_IN, 0)\n",
            "",
            RETIREMENTS,
        ),
        RETIRE.mutant(
            "retire-no-barrier",
            "a retirement's signature may be seen in any order",
            "    cpu.wmb()\n    cpu.poke",
            "    cpu.poke",
            RETIREMENTS,
        ),
        Part("stress/machine/evidence.py").mutant(
            "retire-at-rest",
            "a block that is being retired counts as one at rest",
            " and cpu.peek(record + RETIRED_IN) == retired",
            "",
            RETIREMENTS,
        ),
        Part("stress/judge/harvest.py").mutant(
            "retire-other-life",
            "who retired a block long ago is said to have retired it",
            " or retired_in not in (generation, former)",
            "",
            RETIREMENTS,
        ),
        Part("stress/kernel/protocol.py").mutant(
            "retire-untold",
            "protocols do not say who retires",
            "if retire_it is kfree else sign_retirement",
            "",
            suite("run/test_misuse.py"),
        ),
        LOOP.of("def count_overwritten(").without(
            "overwritten-uncounted", "broken poison is no violation", "count_violation(", TOUCH
        ),
        LOOP.of("def count_overwritten(").without(
            "overwritten-untold", "broken poison has no report", "capture_overwritten(", TOUCH
        ),
        INSPECTION.of("def inspect_free_blocks(").without(
            "power-off-unchecked",
            "what is free at power-off is not looked at",
            "check_poison(",
            TOUCH,
        ),
        INSPECTION.of("def inspect_free_blocks(").without(
            "power-off-charged",
            "what is found at power-off is charged to a program",
            "ram.poke(",
            TOUCH,
        ),
        INSPECTION.of("def free_blocks(").mutant(
            "power-off-first",
            "only the block of each size that was freed last is looked at",
            "+ NEXT_FREE)",
            "+ NEXT_FREE) * 0",
            TOUCH,
        ),
        Part("stress/runs/harvest.py").mutant(
            "power-off-uninspected",
            "runs do not look at what is free when their machine is off",
            "        inspect_free_blocks(of.ram)\n",
            "",
            suite("run/test_shadow.py", without="native"),
        ),
        Part("stress/judge/lookups.py").mutant(
            "lookup-redzone",
            "a lookup that read a redzone is said to have read freed memory",
            " and cpu.peek(cpu.log + HIT_SHADOW) != SHADOW_REDZONE",
            "",
            suite("judge/test_lookups.py", without="native"),
        ),
    ),
)
