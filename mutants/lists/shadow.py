"""The slab: poison, the shadow and their order, the records, slab_lock."""

from mutants.mutant import Group, Part, suite

SLAB = Part("stress/machine/slab.py")
DRESS = SLAB.of("def dress_block(")
UNDRESS = SLAB.of("def undress_block(")
LOCK = SLAB.of("def lock_slab(")
UNLOCK = SLAB.of("def unlock_slab(")

GROUP = Group(
    "The slab: poison, the shadow and their order",
    (suite("machine/test_slab.py", "machine/test_bad_memory.py", "machine/test_fates.py", "machine/test_order.py"),),
    (
        UNDRESS.mutant("free-no-mark", "freed memory looks allocated", "else SHADOW_FREED", "else SHADOW_ALLOCATED"),
        UNDRESS.mutant("free-no-poison", "freed memory keeps what it had", "if fate == POISONED:", "if False:"),
        UNDRESS.mutant(
            "free-poison-first",
            "free poisons before it marks the shadow",
            "mark = SHADOW_UNMAPPED",
            "if fate == POISONED:\n        poison_block(cpu, block)\n    mark = SHADOW_UNMAPPED",
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
        UNDRESS.mutant(
            "free-unsigned", "nobody is known to have freed a block", "sign_record(cpu, record + FREED_BY)", "pass"
        ),
        SLAB.of("def poison_block(").mutant(
            "poison-no-end", "poison has no last byte", "cpu.poke(block + size - 8, POISON_LAST_WORD)", "pass"
        ),
        SLAB.of("def poison_block(").mutant(
            "poison-first-half",
            "only half of a block is poisoned",
            "cpu.fill(block, size - 8,",
            "cpu.fill(block, size // 2,",
        ),
        DRESS.mutant("alloc-no-fill", "a new block shows what was there", "!= REUSED:", "== REUSED:"),
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
        DRESS.mutant(
            "alloc-unsigned",
            "nobody is known to have allocated a block",
            "sign_record(cpu, record + ALLOCATED_BY)",
            "pass",
        ),
        SLAB.of("def take_block(").mutant(
            "alloc-no-reuse", "freed blocks are never used again", "if block == 0:", "if True:"
        ),
        SLAB.of("def is_live(").mutant(
            "free-twice", "a block can be freed twice", "+ GENERATION) & 1 == 1", "+ GENERATION) > 0"
        ),
        SLAB.of("def is_live(").mutant(
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
        UNLOCK.mutant("slab-unlock-lost", "slab_lock is never given back", "cpu.store(SLAB_LOCK, 0)", "pass"),
        UNLOCK.mutant(
            "slab-unlock-preemption",
            "preemption stays off behind slab_lock",
            "+ PREEMPT_COUNT) - 1)",
            "+ PREEMPT_COUNT))",
        ),
        UNLOCK.mutant("slab-unlock-barrier", "what slab_lock guards leaks out of it", "cpu.barrier()", "pass"),
    ),
)
