"""A slow, paused or full host: nobody is held to hang for it, and what is lost for it is reported and counted."""

from mutants.mutant import Group, Part, suite

PATIENCE = Part("stress/machine/patience.py")
MACHINE = Part("stress/machine/machine.py")
ERRORS = Part("stress/errors.py")
DOG = Part("stress/machine/watchdog.py")
LOCAL = Part("stress/campaign/soak/local.py")
RECORDS = Part("stress/campaign/soak/records.py")
CELL = Part("stress/campaign/sweep/cell.py")
NURSERY = Part("stress/campaign/nursery.py")
PAPER_DOG = suite("machine/test_watchdog.py")
LOSSES = suite("frontdoor/test_soak_losses.py")
HATCHING = suite("campaign/sweep/test_nursery.py")

GROUP = Group(
    "A slow, paused or full host",
    (suite("machine/test_patience.py"),),
    (
        PATIENCE.of("def _why(").always("starved-hangs", "a thread without a core hangs", "most >= self.limit"),
        PATIENCE.of("def _why(").mutant(
            "used-before", "CPU time of before counts", "used - self._first.setdefault(thread, used)", "used"
        ),
        PATIENCE.of("def _why(").mutant(
            "for-ever", "what gets no core is waited for for ever", "self.waited >= self.longest", "False"
        ),
        PATIENCE.of("def _take(").mutant(
            "sleep-unseen", "a process that sleeps is waited for", "self._slept + elapsed if idle else 0.0", "0.0"
        ),
        PATIENCE.of("def _take(").mutant(
            "waking-sleeps", "a process that wakes now and then sleeps", " and seen.total == self._total", ""
        ),
        PATIENCE.of("def spent(").mutant(
            "pause-counts", "a pause of the host counts in full", "min(now - self._looked, LONGEST_LOOK_SECONDS)", "now"
        ),
        PATIENCE.of("def spent(").mutant(
            "stopped-counts", "a process that was stopped hangs", "if seen.stopped and ", "if False and "
        ),
        PATIENCE.of("def look_at(").without(
            "self-watched", "who looks counts as awake", "seen.pop("
        ),
        MACHINE.of("def _start(").mutant(
            "no-thread", "a thread that cannot be had is a fault", "(RuntimeError, MemoryError)", "KeyError"
        ),
        MACHINE.of("def check(").mutant(
            "memory-fault", "a want of memory is a fault of the harness", "is_for_memory(self.cause)", "False"
        ),
        ERRORS.of("def is_for_memory(").mutant(
            "cause-unseen", "only the last error of a chain counts", "error.__cause__ or error.__context__", "None",
            suite("run/test_memory.py"),
        ),
        DOG.of("def sample(self) ").always(
            "no-chance", "a holder without a core is a stall", "self._had_chances(", PAPER_DOG
        ),
        DOG.of("def sample(self, seen").mutant(
            "hands-unseen",
            "a lock that changes hands is a stall",
            " or changed_hands(last.wait, seen.wait)",
            "",
            PAPER_DOG,
        ),
        DOG.of("def suspects(").mutant(
            "doubt-for-ever", "a stall is doubted for ever", "self._doubted < LONGEST_DOUBT_SECONDS and ", "", PAPER_DOG
        ),
        DOG.of("def _waited_for(").mutant(
            "one-of-all", "of all that may end a wait one is asked", "range(len(self._watches))", "range(2)", PAPER_DOG
        ),
        DOG.of("def _had_chances(").mutant(
            "look-before",
            "who waits need not look again once the holder has had a core",
            "self._watches[number].since_spin",
            "0.0",
            PAPER_DOG,
        ),
        DOG.of("def sample(self, seen").mutant(
            "late-comer",
            "who has just come to wait has waited for long",
            "if still and self.confirmed",
            "if True",
            PAPER_DOG,
        ),
        LOCAL.of("def _lose_turn(").without(
            "losses-for-ever", "lost turns never end a soak", "self._losses[scenario] += 1", LOSSES
        ),
        LOCAL.of("def _take(").without("loss-unheard", "a lost turn is a crash", "self._lost = message", LOSSES),
        RECORDS.of("def with_loss(").mutant(
            "loss-uncounted", "lost turns are not counted", "self.lost_turns + 1", "self.lost_turns", LOSSES
        ),
        RECORDS.of("def revived(").always(
            "failed-for-good", "a soak that failed stays failed", "reason == HARNESS_FAILED", LOSSES
        ),
        CELL.of("def _take(").without(
            "beats-unheard", "a cell that goes on hangs", "self._patience.start_again(",
            suite("campaign/sweep/test_cell.py"),
        ),
        NURSERY.of("def hatch(self, tell: Callable[[str], None] = lambda text: None) -> Hatched:").mutant(
            "nursery-lost", "a killed nursery ends the sweep", "range(MOST_DEATHS)", "range(1)", HATCHING
        ),
        Part("stress/host/descriptors.py").mutant(
            "low-numbers", "a socket may be standard input", "<= 2", "<= -1", suite("frontdoor/test_descriptors.py")
        ),
    ),
)  # fmt: skip
