"""What the words of a report mean, for somebody who was not there: verdicts in their place, and a glossary."""

from stress.campaign.sweep.records import CRASHED, FAILED, HUNG, NO_MEMORY, NOT_APPLICABLE
from stress.judge.verdict import HELD, INCONCLUSIVE, STALLED, VIOLATED

INTRODUCTION = (
    "kstress runs readers that take no lock, on real threads, against writers that free memory, and judges every "
    "answer of a reader. A scenario is a claim about such code, and the code that should keep it. Some code is known "
    "to break its claim: it must be VIOLATED or STALLED, and when it is, that is good news, because it shows that the "
    "harness sees the bug where there is one. All other code must be HELD."
)

SENSES = {
    (HELD, HELD): "claim kept",
    (VIOLATED, VIOLATED): "known bug was caught",
    (STALLED, STALLED): "known stall was seen",
    (INCONCLUSIVE, INCONCLUSIVE): "nothing to see, as it should be",
    (HELD, VIOLATED): "claim broken: this is a bug",
    (HELD, STALLED): "stalled: this is a bug",
    (HELD, INCONCLUSIVE): "too little seen to say",
    (VIOLATED, INCONCLUSIVE): "known bug was not seen",
    (VIOLATED, HELD): "known bug was not seen",
    (VIOLATED, STALLED): "stalled instead: known bug was not seen",
    (STALLED, VIOLATED): "violated instead of stalled",
    (STALLED, INCONCLUSIVE): "known stall was not seen",
    (STALLED, HELD): "known stall was not seen",
}
"""The meaning of the second verdict for a scenario that expects the first."""
ENDS = {
    CRASHED: "its process crashed: no result",
    HUNG: "its process hung: no result",
    NO_MEMORY: "out of memory: no result",
    FAILED: "the harness failed: no result",
    NOT_APPLICABLE: "too few CPUs for it",
}

EXPECTATIONS = {
    HELD: "must be HELD: the code is known to keep the claim. A violation would be a bug.",
    VIOLATED: "must be VIOLATED: the code is known to break the claim. A violation is good news here: it shows that "
    "the harness sees this bug.",
    STALLED: "must be STALLED: the code is known to wait for ever. A stall is good news here: it shows that the "
    "harness sees it.",
    INCONCLUSIVE: "must be INCONCLUSIVE: there is nothing in it that could go wrong or be measured.",
}
"""What each expectation says of its scenario."""

GLOSSARY = (
    ("HELD", "No violation in so many trials that the twin, which lacks only the protection, would have been caught 30 "
     "times. It means not reproduced, never safe."),
    ("VIOLATED", "A reader got an answer that it must never get, or freed memory was touched. One is enough."),
    ("STALLED", "CPUs waited for each other and nobody could go on."),
    ("INCONCLUSIVE", "Too little was seen to call it HELD; the reason says what is missing."),
    ("as expected", "The verdict is the one that the facts about this code support: HELD where it keeps its claim, "
     "VIOLATED or STALLED where it is known to break it."),
    ("scenario", "A claim about some code, the programs that the CPUs run, and the verdict that is expected."),
    ("twin", "The same scenario without the protection under test. It runs in the same call, and shows whether the run "
     "could have seen a violation."),
    ("CPU", "One OS thread that plays a CPU of the simulated machine. There may be more CPUs than cores."),
    ("engine", "What runs the code of the CPUs: python (interpreted) or native (compiled, truly in parallel)."),
    ("lookup", "One operation of a reader: it asks for a symbol and its answer is judged."),
    ("change", "One operation of a writer: a module is linked in, or unlinked and freed."),
    ("race window", "A lookup that overlapped a change. Only in race windows can anything go wrong. Of a test's own "
     "bodies it is an operation that overlapped others."),
    ("trial", "A change that lookups overlapped, on a machine that has had no violation yet. Of a test's own bodies it "
     "is a round; without rounds there are no trials, and nothing bounds the rate."),
    ("catch, caught", "The first violation of a machine. Violations after it may follow from the same damage, so they "
     "are not counted. Caught is the share of trials that end in a catch; runs by earlier versions have no trials, and "
     "theirs is violations per race window."),
    ("at most (95 %)", "An upper bound on that share: 3 divided by the trials where nothing was caught."),
    ("stop", "stop_machine holds every other CPU while the list changes. The length of a stop is what readers pay."),
    ("outcome", "The result of a reader's operation: forbidden, like poisoned or torn, or acceptable, like found."),
    ("noise, pace, gap", "How often memory accesses are delayed; how long a writer waits between changes; how long a "
     "hypervisor takes a core away."),
    ("seed", "It fixes the workload and the noise, not the order in which threads run."),
)  # fmt: skip

EXPLORED = (
    ("exploration", "Many schedules of one scenario in a small world, one CPU at a time. Its verdict is for that "
     "world, as far as it was tried."),
    ("schedule", "Which CPU makes the next memory access, from the first to the last. A token writes one down."),
    ("preemption", "A CPU had to stop that could have gone on. A shrunk schedule has as few as still show the same."),
    ("strategy", "How the order of the CPUs was chosen."),
    ("timeline", "A shrunk schedule, replayed and drawn: a column for each CPU, a row for each access that matters. "
     "The racing pair and the outcome are marked."),
)  # fmt: skip
"""Further words of a report that has explorations."""


def sense(expect: str | None, verdict: str) -> str:
    """What a verdict means for a scenario that expects another or the same one, in a few words; none if unknown."""
    return ENDS.get(verdict) or SENSES.get((expect or "", verdict), "")
