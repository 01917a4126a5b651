"""The grader: grades, counts over slices, verdicts and their statistics, exit codes."""

from mutants.mutant import Group, Part, suite

VERDICT = Part("stress/judge/verdict.py")
JUDGE = VERDICT.of("def judge(")
CLEAN = VERDICT.of("def _judge_clean(")
NEEDED = VERDICT.of("def trials_needed(")
TRIALS = Part("stress/judge/trials.py")
SHOWS_STALL = VERDICT.of("def shows_stall(")
OF_SLICE = TRIALS.of("def trials_of_slice(")
OUTCOMES = Part("stress/judge/outcomes.py")
MASK = OUTCOMES.of("def forbidden_mask(")
TALLY = Part("stress/judge/tally.py", "def add(")
RUN = Part("stress/runs/runner.py")
EXITS = Part("stress/exits.py")
COPIED_POISON = ', FORBIDDEN, "copied poison: the memory was freed"\n'

GRADES = suite("judge/test_lookups.py")
COUNTS = suite("judge/test_tally.py")
PAIR = suite("run/test_run.py::test_the_patch_holds_and_its_twin_does_not", without="native")

GROUP = Group(
    "The grader: grades, counts, verdicts, exit codes",
    (suite("frontdoor/test_verdict.py"),),
    (
        MASK.mutant("all-acceptable", "every grade is acceptable", "outcome.grade == ACCEPTABLE", "True", GRADES),
        MASK.mutant(
            "unknown-acceptable",
            "an outcome without a grade is acceptable",
            "((1 << MOST_OUTCOMES) - 2)",
            "((1 << 17) - 2)",
            GRADES,
        ),
        MASK.mutant(
            "unjudged-forbidden",
            "what is not judged is forbidden",
            "((1 << MOST_OUTCOMES) - 2)",
            "((1 << MOST_OUTCOMES) - 1)",
            GRADES,
        ),
        OUTCOMES.mutant(
            "freed-acceptable",
            "reading freed memory is acceptable",
            "FREED = 6, FORBIDDEN,",
            "FREED = 6, ACCEPTABLE,",
            GRADES,
        ),
        OUTCOMES.mutant(
            "missed-acceptable",
            "missing a module is acceptable",
            "MISSED = 7, FORBIDDEN,",
            "MISSED = 7, ACCEPTABLE,",
            GRADES,
        ),
        OUTCOMES.mutant(
            "torn-before-poisoned",
            "torn is taken before poisoned",
            f"POISONED = 3{COPIED_POISON}    TORN = 4",
            f"POISONED = 4{COPIED_POISON}    TORN = 3",
            GRADES,
        ),
        OUTCOMES.mutant(
            "going-acceptable",
            "finding a module that goes is acceptable",
            "GOING = 14, FORBIDDEN,",
            "GOING = 14, ACCEPTABLE,",
            GRADES,
        ),
        JUDGE.never("violated-never", "violations change no verdict", "tally.violations"),
        JUDGE.mutant(
            "stalled-first", "a stall hides violations", "if tally.violations:", "if tally.violations and not stall:"
        ),
        JUDGE.never("stalled-never", "a stall changes no verdict", "stall is not None"),
        JUDGE.mutant(
            "twin-stall-ignored", "a twin that is to stall proves nothing by it", "twin.shows_stall:", "False:"
        ),
        SHOWS_STALL.mutant("any-twin-stall", "a stall of any twin counts", "and self.expect == STALLED and", "and"),
        SHOWS_STALL.mutant(
            "violated-twin-stall", "a stall counts beside violations", " and not self.tally.violations", ""
        ),
        VERDICT.of("def _judge_progress(").never(
            "held-without-windows",
            "one lucky moment is enough against a stalling twin",
            "tally.caught.trials < CATCHES_FOR_HELD",
        ),
        CLEAN.never(
            "no-twin",
            "a scenario without a twin is said to have one that caught nothing",
            "twin is None",
        ),
        CLEAN.never("held-too-soon", "HELD however few windows there were", "tally.caught.trials < needed"),
        CLEAN.mutant(
            "held-off-by-one",
            "HELD takes one window more than it says",
            "tally.caught.trials < needed",
            "tally.caught.trials <= needed",
        ),
        VERDICT.mutant(
            "held-three-catches",
            "HELD after 3 catches of the twin, not 30",
            "CATCHES_FOR_HELD = 30",
            "CATCHES_FOR_HELD = 3",
        ),
        TRIALS.mutant("bound-one-sigma", "bounds of 84 %, not 95 %", "ONE_SIDED_95 = 1.645", "ONE_SIDED_95 = 1.0"),
        TRIALS.mutant("bound-too-low", "an upper bound may be too low", "SHORTFALL = 0.016", "SHORTFALL = 0.0"),
        TRIALS.mutant("rule-of-two", "no event is bounded too tightly", "RULE_OF_THREE = 3.0", "RULE_OF_THREE = 2.0"),
        TRIALS.of("def upper_95(").mutant(
            "rate-lower",
            "the upper bound is the lower one",
            "upper_bound(self.catches)",
            "lower_bound(self.catches)",
        ),
        NEEDED.mutant(
            "twin-point-rate",
            "the twin's rate is taken as if it were exact",
            "twin.caught.lower_95",
            "twin.caught.rate",
        ),
        NEEDED.mutant(
            "twin-caught-nothing", "HELD though the twin caught nothing", "if rate else None", "if rate else 0"
        ),
        OF_SLICE.mutant(
            "window-is-trial", "every window is a trial", "Trials(min(overlapped, windows), 0)", "Trials(windows, 0)"
        ),
        OF_SLICE.mutant(
            "writers-add-up",
            "several writers count one window",
            "Trials(min(overlapped, windows)",
            "Trials((overlapped)",
        ),
        OF_SLICE.mutant(
            "damage-in-trial", "trials go on behind a violation", "min(*first_trials, windows)", "overlapped"
        ),
        OF_SLICE.mutant("catch-each-cpu", "each CPU that sees it is a catch", ", 1)\n", ", len(first_trials))\n"),
        TALLY.mutant("tally-trials", "trials of the last slice only", "self.caught += ", "self.caught = ", COUNTS),
        TALLY.mutant(
            "tally-windows", "windows of the last slice only", "self.race_windows += ", "self.race_windows = ", COUNTS
        ),
        TALLY.mutant(
            "tally-violations", "violations of the last slice only", "self.violations += ", "self.violations = ", COUNTS
        ),
        TALLY.mutant(
            "tally-disagreements",
            "contradictions of the last slice only",
            "self.disagreements += ",
            "self.disagreements = ",
            COUNTS,
        ),
        TALLY.mutant(
            "tally-first",
            "the first violation is that of the last slice",
            " and self.first_violation_s is None",
            "",
            COUNTS,
        ),
        TALLY.mutant(
            "tally-first-cpu", "the first violation is that of the last CPU", "min(firsts)", "firsts[-1]", COUNTS
        ),
        TALLY.mutant(
            "tally-slice-time",
            "the time after a catch counts as time in trial",
            "seconds if first is None else min(first, seconds)",
            "seconds",
            COUNTS,
        ),
        Part("stress/judge/tally.py", "def _total(").mutant(
            "tally-one-cpu",
            "only CPU 0 counts",
            "for [count] in ram.log_words(offset))",
            "for [count] in ram.log_words(offset)[:1])",
            COUNTS,
        ),
        RUN.of("def run_scenario(").without(
            "disagreement-ignored",
            "a contradiction between detectors goes unsaid",
            "track.check()",
            suite("run/test_disagreement.py", without="native"),
        ),
        RUN.of("def run_scenario(").mutant(
            "twin-counted",
            "the scenario's own counts stand for the twin's",
            "_side(twin_track)",
            "_side(track)",
            PAIR,
        ),
        RUN.of("def _alternate(").never(
            "twin-not-run",
            "the twin never runs",
            "twin and twin.stall is None and not interrupted()",
            PAIR,
        ),
        Part("stress/runs/track.py", "def compile_programs(").mutant(
            "twin-protected",
            "the twin runs what the scenario runs",
            "program.under(scenario",
            "dealt[-1].under(scenario",
            PAIR,
        ),
        Part("stress/runs/result.py").mutant(
            "always-expected",
            "every verdict is the expected one",
            "self.verdict.name == self.scenario.expect",
            "True",
            suite("frontdoor/test_cli.py::test_exit_codes_follow_their_order"),
        ),
        EXITS.of("def verdicts_code(").mutant(
            "exit-zero",
            "another verdict than expected exits 0",
            "return EXIT_OTHER_VERDICT",
            "return 0",
            suite("frontdoor/test_cli.py::test_exit_codes_follow_their_order"),
        ),
        EXITS.of("def verdicts_code(").mutant(
            "exit-inconclusive",
            "inconclusive exits 0",
            "return EXIT_INCONCLUSIVE if verdicts else 0",
            "return 0",
            suite("frontdoor/test_cli.py::test_exit_codes_follow_their_order"),
        ),
        EXITS.of("def verdicts_code(").mutant(
            "exit-signal-first",
            "an interrupt hides another verdict",
            'if verdicts - {"inconclusive"}:',
            'if verdicts - {"inconclusive"} and not signal_number:',
            suite("frontdoor/test_cli.py::test_exit_codes_follow_their_order"),
        ),
        Part("stress/cli.py", "def call(").mutant(
            "exit-harness",
            "a fault of the harness exits like bad usage",
            '{error}", EXIT_HARNESS_FAILED)',
            '{error}", EXIT_USAGE)',
            suite("run/test_disagreement.py::test_a_fault_of_the_harness_exits_4_and_says_that_the_run_says_nothing"),
        ),
    ),
)
