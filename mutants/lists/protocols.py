"""Protocols, structures of one's own, and what lies beside a scenario: each step that keeps a promise of theirs."""

from mutants.mutant import Group, Part, suite

GRACE = Part("stress/kernel/grace.py")
RCU = Part("stress/kernel/protocols/rcu.py")
SRCU = Part("stress/kernel/protocols/srcu.py")
QSBR = Part("stress/kernel/protocols/qsbr.py")
EPOCH = Part("stress/kernel/protocols/epoch.py")
HAZARD = Part("stress/kernel/protocols/hazard.py")
REFCOUNT = Part("stress/kernel/protocols/refcount.py")
PERCPU_REF = Part("stress/kernel/protocols/percpu_ref.py")
STRUCT = Part("stress/kernel/struct.py")
NOTES = Part("stress/machine/notes.py")
BESIDE = Part("stress/beside.py")
UPDATES = Part("stress/kernel/updates.py")
ENDED = Part("stress/kernel/protocol.py").of("def must_be_ended(")
SECTIONS = suite("kernel/test_protocol.py")
STAYS = suite("run/test_misuse.py", without="native")

NOTED = "cpu.poke(cpu.log + NOTED, noted + 1)"
SAID = "cpu.store(cpu.area + QUIESCENT, cpu.load(QSBR_PHASE))"

GROUP = Group(
    "Protocols, and structures of one's own",
    (
        suite("kernel/test_grace.py"),
        suite("kernel/test_struct.py"),
        suite("kernel/test_updates.py"),
        suite("run/test_scenario_files.py"),
    ),
    (
        ENDED.mutant(
            "section-unseen", "an operation may end in a read section", "word != 0 and ", "word < 0 and ", SECTIONS
        ),
        ENDED.mutant(
            "section-handler",
            "a handler is charged with the read section of what it interrupts",
            " and cpu.peek(cpu.log + IN_HANDLER) == 0",
            "",
            SECTIONS,
        ),
        Part("stress/scenario.py").mutant(
            "section-unasked",
            "nobody asks whether a reader has ended its read section",
            "            must_be_ended(cpu, section(cpu))\n            return outcome",
            "            return outcome",
            STAYS,
        ),
        GRACE.mutant("one-phase", "a grace period ends after one phase", "    ends: int = 2", "    ends: int = 1"),
        GRACE.of("def defer(").mutant(
            "grace-joined",
            "what is retired joins a wait that is under way",
            "new = callbacks + NEW",
            "new = callbacks + (NEW if cpu.peek(callbacks + WAITING) == 0 else WAITING)",
        ),
        GRACE.of("def defer(").mutant(
            "grace-later",
            "a grace period begins only when the operation that retires has ended",
            "cpu.peek(callbacks + WAITING) == 0",
            "False",
        ),
        GRACE.mutant(
            "grace-looked-before",
            "a look at the readers counts that was taken before the retirement",
            "cpu.load(grace.phase) + ending",
            "cpu.load(grace.phase)",
        ),
        QSBR.mutant(
            "qsbr-within",
            "a CPU ends a phase within an operation, in which it may hold something",
            "defer(cpu, WITHIN_OPERATION, block)",
            "defer(cpu, QSBR_PERIODS, block)",
        ),
        RCU.mutant(
            "rcu-unseen", "readers of an earlier phase are not seen", "(reader // PARITY & 1) != phase & 1", "False"
        ),
        SRCU.mutant(
            "srcu-exit-present",
            "an exit counts for the present phase",
            "count_exit(cpu, index)",
            "count_exit(cpu, cpu.load(SRCU_PHASE) & 1)",
        ),
        QSBR.without("qsbr-silent", "no CPU says that it holds nothing", SAID),
        EPOCH.mutant(
            "epoch-any", "a reader may work in any epoch", "announced >> 1 != epoch", "announced >> 1 > epoch"
        ),
        HAZARD.of("def is_in_use(").mutant(
            "hazard-first-slot", "only the first slot is looked at", "range(SLOTS)", "range(1)"
        ),
        HAZARD.of("def protect(").mutant(
            "hazard-mark-followed", "a marked link is followed", "while pointer & REMOVED == 0:", "while True:"
        ),
        REFCOUNT.mutant("get-from-zero", "a reference is taken of what goes", "while count != 0:", "while True:"),
        REFCOUNT.of("def put(").mutant("put-never-last", "the last put frees nothing", "-1) == 1", "-1) == 0"),
        PERCPU_REF.mutant(
            "percpu-undrained", "references that are left are not waited for", "sum_refs(cpu) != 0", "False"
        ),
        STRUCT.mutant("fields-overlap", "two fields share a word", "words * WORD_BYTES", "(words - 1) * WORD_BYTES"),
        STRUCT.mutant("unaimed", "readers never aim", "cpu.log + AIM, value + 1", "cpu.log + AIM, 0"),
        NOTES.mutant(
            "notes-first", "one noted value takes the place of the last", NOTED, NOTED.replace("noted + 1", "1")
        ),
        BESIDE.mutant(
            "beside-leaks",
            "a scenario's modules stay for the next",
            "sys.modules.pop(name, None)",
            "sys.modules.get(name)",
        ),
        UPDATES.mutant("waiting-uncounted", "what waits is not counted", "WAITING_SUM, waiting", "WAITING_SUM, 0"),
    ),
)
