"""Comparisons: equal things are hardly ever called different, slower ones are found, and nothing passes in silence."""

from mutants.mutant import Group, Part, suite

RANKS = Part("stress/results/compare/ranks.py")
DECISION = Part("stress/results/compare/decision.py")
TESTED = Part("stress/results/compare/tested.py")
FISHER = Part("stress/results/compare/fisher.py")
FIGURES = Part("stress/results/compare/figures.py")
PAIRING = Part("stress/results/compare/pairing.py")
FACTS = Part("stress/results/compare/facts.py")
CONDITIONS = Part("stress/results/compare/conditions.py")
COMPARISON = Part("stress/results/compare/comparison.py")
JUNIT = Part("stress/results/compare/junit.py")
OUTPUT = Part("stress/results/terminal/places.py")
PAPER, COMMAND = suite("results/compare", without="round"), suite("frontdoor/test_compare.py")
OUTPUTS = suite("frontdoor/test_outputs.py")

GROUP = Group(
    "Comparisons",
    (PAPER, COMMAND),
    (
        RANKS.of("def orders(").mutant(
            "orders-lost", "some orders of repeats are not counted", "range(1, m + 1)", "range(1, m)"
        ),
        RANKS.of("def chance_of_less(").mutant(
            "ties-help", "a tie counts for the claim", "(ordered, value)", "(ordered, value - 1e-9)"
        ),
        RANKS.of("def tail(").mutant("half-a-step", "beyond 50 repeats p is too small", "- u + 0.5", "- u - 0.5"),
        RANKS.of("def ratio_of(").mutant(
            "narrow-interval", "the interval is that of one side only", "level / 2", "level"
        ),
        DECISION.of("def holm(").mutant(
            "each-for-itself",
            "every test has the level for itself",
            "(len(chances) - at) * chances[one]",
            "chances[one]",
        ),
        DECISION.of("def holm(").mutant(
            "never-gentler", "the later tests pay for those before them", "(len(chances) - at)", "len(chances)"
        ),
        DECISION.of("def decide(").mutant(
            "all-count", "tests that cannot tell weaken the others", "if least <= limit]", "if least <= 1.0]"
        ),
        DECISION.of("def repeats_needed(").mutant(
            "too-few-do", "fewer repeats are said to do than will", "level / max(tests, 1)", "level"
        ),
        TESTED.of("def two_sided(").mutant("one-sided", "p is that of one side", "min(2 * min(", "min(1 * min("),
        TESTED.of("def test_ranks(").mutant("no-tolerance", "the tolerance is forgotten", "1 - tolerance", "1"),
        TESTED.of("def test_ranks(").mutant(
            "one-way-tolerance", "the tolerance favours one side", "[keep * value for value in b]", "b"
        ),
        TESTED.of("def test_ranks(").mutant(
            "worse-is-better", "worse and better are mixed up", "if more_is_better", "if not more_is_better"
        ),
        FISHER.of("def chances(").mutant("not-even-so-few", "the count itself is left out", "k <= b[0]", "k < b[0]"),
        FIGURES.of("def _seen(").mutant(
            "rates-of-held", "figures are made of violations that may not be", "if run.expect == VIOLATED else None", ""
        ),
        FIGURES.of("def figure_of(").mutant(
            "stalls-measured", "a run that stood still has figures", " and entry.run.stall is None", ""
        ),
        PAIRING.of("def pair_up(").mutant(
            "axes-of-b",
            "cells of A that differ on an axis are mixed",
            "[*varying(a.entries), *varying(b",
            "[*varying(b",
        ),
        FACTS.of("def _facts(").mutant("known-ends", "what A has too is a regression", "end not in known", "True"),
        FACTS.of("def bad_end(").mutant("breaks-pass", "a cell may crash", "(BROKEN, UNEXPECTED)", "(UNEXPECTED,)"),
        FACTS.of("def _facts(").mutant(
            "promise-withdrawn",
            "a violation passes where B has stopped to expect HELD",
            "(end := bad_end(entry, expect_a))",
            "(end := bad_end(entry))",
        ),
        CONDITIONS.of("def differing(").mutant(
            "conditions-unsaid", "what differs is not shown", "if condition.a != condition.b", "if False"
        ),
        COMPARISON.of("def answer(").mutant(
            "lost-passes", "a cell that B lacks passes", "self.untold or not any", "not any"
        ),
        COMPARISON.of("def answer(").mutant(
            "gate-open", "a regression is no failure", "return Answer.REGRESSION", "return Answer.NO_REGRESSION"
        ),
        COMPARISON.of("def _testable(").mutant(
            "soaks-counted", "how many repeats would do counts soaks' figures", " if not pair.of_soak", ""
        ),
        COMPARISON.of("def compare(").never("same-twice", "a side may be compared with itself", "os.path.realpath("),
        Part("stress/results/load/gather.py", "def run_directories(").mutant(
            "campaigns-lost", "of campaigns in a folder none is found", "if os.path.lexists(one / MANIFEST)", "if False"
        ),
        JUNIT.of("def _case(").never("lost-skipped", "a cell that B lacks is no error", "cell.missing"),
        OUTPUT.of("def check_unread(").mutant(
            "eats-input", "what is read may be written over", "os.path.realpath(place) in known", "False"
        ),
        OUTPUT.of("def check_kept(").mutant(
            "eats-any-file",
            "a file that kstress has not written is written over",
            "not is_own(flag, Path(place))",
            "False",
            OUTPUTS,
        ),
    ),
)
