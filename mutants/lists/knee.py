"""Searches for a knee: an answer is as sure as it says, whoever runs the cells; what cannot be sought is refused."""

from mutants.mutant import Group, Part, suite

SHARES = Part("stress/campaign/sweep/shares.py")
KNEE = Part("stress/campaign/sweep/knee.py")
FIND = Part("stress/campaign/sweep/find.py")
FINDING = Part("stress/campaign/sweep/finding.py")
MATRIX = Part("stress/campaign/sweep/matrix.py")
PLAN = Part("stress/campaign/sweep/plan.py")
SWEEP = Part("stress/campaign/sweep/sweep.py")
ENTRIES = Part("stress/results/load/entries.py")
BETS = suite("campaign/sweep/test_shares.py", "campaign/sweep/test_knee.py")
AGENDA = suite("campaign/sweep/test_finding.py")
READ = suite("campaign/sweep/test_find.py")
COMMAND = suite("frontdoor/test_sweep_find.py")
READ = suite("results/report/test_gather.py", without="damaged")

GROUP = Group(
    "Searches for a knee",
    (BETS,),
    (
        SHARES.of("def _mixture(").mutant(
            "bet-gains", "a bet gains on average though it is wrong", "1 / (against + 1)", "1 / max(against, 1)"
        ),
        SHARES.of("def bet_above(").mutant(
            "stake-twice",
            "both halves of a bet have the whole stake",
            "(1 - share) / share)) / 2",
            "(1 - share) / share))",
        ),
        SHARES.of("def bounds(").mutant(
            "bounds-narrow", "each bound has the whole error", "worth = 2 /", "worth = 1 /"
        ),
        KNEE.of("def _error(").mutant(
            "error-to-all", "every candidate may err as often as the whole search", "/ usual / 2 **", "* 1 **"
        ),
        KNEE.of("def tell(").mutant(
            "error-anew", "a candidate's part of the error changes while it is tried", "one.worth or 1 /", "1 /"
        ),
        KNEE.of("def take(").mutant(
            "decided-again", "runs count after a decision", "self.decided is None and self.worth", "self.worth", AGENDA
        ),
        KNEE.of("def low(").mutant("least-below", "of those below, the smallest counts", "max(", "min("),
        KNEE.of("def contradicted(").mutant(
            "never-contradicted", "a race that gets rarer is not reported", "self.low > self.high", "False"
        ),
        KNEE.of("def given_up(").mutant(
            "never-given-up", "a search without outcomes goes on", ">= MOST_LOST", "> 10**6"
        ),
        KNEE.of("def found(").mutant(
            "open-end-found", "a knee is found where nothing is above it", "self.high < self.candidates and", ""
        ),
        KNEE.of('def wanted(self) -> int | None:\n        """Which').mutant(
            "greatest-last", "the greatest candidate is not tried first", "if self._open(last) and", "if False and"
        ),
        KNEE.of("def _open(").mutant("no-most", "a candidate is run without end", "< self.most", "< 10 * self.most"),
        KNEE.of("def tell_all(").mutant(
            "durations-whole-error", "both errors of a duration are the whole one", "2 / (1", "1 / (1", AGENDA
        ),
        FIND.of("def _list(").never("twice-sought", "a candidate may be there twice", "not rises(candidates)", READ),
        FIND.of("def _range(").mutant("no-ends", "the ends of a range are no candidates", "ends | {", "{", READ),
        MATRIX.of("def _check_sought(").never(
            "sought-beside",
            "what is sought has other values too",
            "sought and sought.field in (*axes, *settings)",
            READ,
        ),
        PLAN.of("def _stops(").mutant(
            "runs-on", "a run of a search goes on after a violation", "is not None", "is None", READ
        ),
        FINDING.of("def shows(").mutant(
            "late-shows", "a violation after its time counts", "first <= seconds", "True", AGENDA
        ),
        FINDING.of('def end(self, ended: CellResult) -> None:\n        """A cell has').mutant(
            "told-early",
            "runs are reported in the order of their ends",
            "while (cell := next(self._coming(), None)) in self.ended:\n            self._tell(self.ended[cell])",
            "self._tell(ended)",
            AGENDA,
        ),
        FINDING.of("def next(").mutant(
            "begun-twice", "a cell is run twice at once", " and cell not in self.under_way", "", AGENDA
        ),
        FINDING.of("def _tell(").mutant(
            "lost-misses",
            "a run that crashed is one that missed",
            "self.search.lose(at)",
            "self.search.tell(at, False)",
            AGENDA,
        ),
        SWEEP.of("def others(").mutant(
            "knee-unfound", "a search that found nothing ends well", "else {INCONCLUSIVE}", "else set()", COMMAND
        ),
        ENTRIES.of("def _standing(").mutant(
            "miss-fails", "a run that misses is inconclusive in a report", "self.sought and", "False and", READ
        ),
    ),
)
