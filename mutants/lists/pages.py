"""Pages and pictures: what is drawn is what was measured, bounds are not rates, and nothing grows without a limit."""

from mutants.mutant import Group, Part, suite

BARS = Part("stress/results/report/bars.py")
CURVES = Part("stress/results/report/curves.py")
GRADES = Part("stress/results/report/grades.py")
STATISTICS = Part("stress/results/report/statistics.py")
TRIAL_KINDS = Part("stress/results/report/trial_kinds.py")
INTERVALS = Part("stress/results/compare/intervals.py")
DOWNLOADS = Part("stress/results/pages/downloads.py")
TIMELINES = Part("stress/results/report/timelines.py")
COMPARED = Part("stress/results/compare/page.py")
REPORT = suite("results/report/test_bars.py", "results/report/test_page.py")
KINDS = suite("results/report/test_trial_kinds.py")
EXPLORED = suite("results/report/test_explorations.py")
COMPARE = suite("results/compare/test_compare_page.py")

GROUP = Group(
    "Pages",
    (REPORT,),
    (
        BARS.of("def _rate(").mutant("bound-as-rate", "a bound is drawn as a rate", ", AT_MOST)", ", EXACT)"),
        BARS.of("def _outcomes(").mutant(
            "bars-unordered", "forbidden outcomes stand below harmless ones", "ORDER.index(bar.meaning)", "bar.label"
        ),
        BARS.of("def bars_of(").mutant(
            "bars-of-all",
            "a source without curves has bars of all scenarios",
            "if row.values.scenario in scenarios and ",
            "if ",
        ),
        GRADES.of("def grade_of(").mutant(
            "own-grades-unread", "all scenarios have one table of grades", "run.forbidden is not None", "False"
        ),
        STATISTICS.of("def _rows(").mutant(
            "trials-with-windows",
            "trials and race windows are added up",
            "kind_of(entry.run) if entry.run else first",
            "first",
            KINDS,
        ),
        TRIAL_KINDS.of("def kind_of(").mutant(
            "bodies-bounded", "a test without rounds has a bound", "if run.of_a_test:", "if False:", KINDS
        ),
        CURVES.of("def middle(").mutant(
            "half-a-bound",
            "a line goes through half of a bound",
            "if all(mark.kind",
            "if any(mark.kind",
            suite("results/report/test_curves.py"),
        ),
        DOWNLOADS.never("page-of-any-size", "data of any size is put into a page", "LARGEST_BYTES"),
        TIMELINES.never("stranger-runs", "a page runs any file that a token names", "digest_of(source)", EXPLORED),
        TIMELINES.never(
            "other-drawn", "another outcome is drawn as the find", "replayed.shows != find.shows", EXPLORED
        ),
        TIMELINES.mutant("every-find", "any number of finds is replayed", "number < MOST_DRAWN", "True", EXPLORED),
        INTERVALS.of("def factors_of(").mutant(
            "best-first",
            "the worst factor is drawn last",
            "for standing in LOOKS for",
            "for standing in reversed(LOOKS) for",
            COMPARE,
        ),
        INTERVALS.of("def factors_of(").mutant(
            "zero-not-drawn",
            "a figure that fell to 0 is not drawn",
            "one.tested.ratio is not None",
            "one.tested.ratio",
            COMPARE,
        ),
        INTERVALS.of("def pictures_of(").mutant(
            "all-drawn", "any number of factors is drawn", "min(len(factors), MOST_FACTORS)", "len(factors)", COMPARE
        ),
        COMPARED.of("def _contents(").mutant(
            "row-cut-unsaid", "rows that are left out are not counted", "len(rows) - MOST_ROWS", "0", COMPARE
        ),
        COMPARED.of("def _contents(").mutant(
            "worse-last",
            "the table begins with what is better",
            "for standing in ROW_TONES for",
            "for standing in reversed(ROW_TONES) for",
            COMPARE,
        ),
    ),
)
