"""Stress marks: what a body does, returns or raises must reach the test, its report and what is kept of it."""

from mutants.mutant import Group, Part, suite

MARK_RUN = Part("stress/marks/mark_run.py")
CPU = Part("stress/marks/operations/cpu.py")
POISON = Part("stress/marks/operations/poison.py")
FIXTURE = Part("stress/marks/fixture.py")
BODIES = Part("stress/marks/bodies.py")
PLAYER = Part("stress/marks/operations/player.py")
TALLY = Part("stress/marks/operations/tally.py")
OVERLAPS = Part("stress/marks/operations/overlaps.py")
ROUNDS = Part("stress/marks/operations/rounds.py")
ROUND_PLAYER = Part("stress/marks/operations/round_player.py")
RESULTS = Part("stress/marks/results.py")
FRAMES = Part("stress/host/frames.py")
PLUGIN = Part("stress/pytest_plugin.py")
CLOCKS = Part("stress/host/clocks.py")
GIL = Part("stress/machine/gil.py")
HOST = Part("stress/marks/host.py")
CORES = Part("stress/host/cores.py")
ITEMS = Part("stress/marks/scenario_items.py")
PARTS = (
    "prepared",
    "poison",
    "noise",
    "noise_reach",
    "noise_traced",
    "host",
    "failures",
    "roles",
    "settings",
    "scenario_items",
)
TESTS = suite(*(f"plugin/test_{part}.py" for part in PARTS))
WAITS, SIGNATURES, FROZEN, FAILURES, ROLES, BUSY, IN_ROUNDS, KEPT, ALL_FRAMES = (
    suite(f"plugin/test_{part}.py")
    for part in ("waits", "bodies", "clocks", "failures", "roles", "busy_host", "rounds", "kept_results", "frames")
)

GROUP = Group(
    "Stress marks",
    (TESTS,),
    (
        PLAYER.of("def _burst(").mutant(
            "exceptions-only", "sys.exit on a CPU is lost", "except BaseException", "except Exception"
        ),
        TALLY.of("def keep(").mutant(
            "raises-on", "an exception does not end the run", "        self.judging.stop()\n", ""
        ),
        PLAYER.of("def _acceptable(").never(
            "use-hidden", "a use that the body hides is forgotten", "self._use is not None"
        ),
        PLAYER.of("def _overlap(").mutant(
            "all-overlap", "an operation overlaps without any writer", "elif before != after:", "else:"
        ),
        PLAYER.of("def _is_to_rest(").mutant(
            "never-rests",
            "a slice's end cuts operations short",
            "(self.cpu.signals.ending and",
            "(False and",
            ROLES,
        ),
        CPU.of("def stop_machine(").mutant(
            "stop-unheld", "a stop holds nobody", "        stop_machine(self.machine)\n", ""
        ),
        CPU.of("def stop_machine(").mutant(
            "stop-kept",
            "an exception in a stop holds the others for ever",
            "        finally:\n",
            "        except Oops:\n",
        ),
        MARK_RUN.of("def _slice(").late(
            "rests-in-slice",
            "a CPU that runs counts as at rest, and power-off cuts its operation short",
            "self._signals.begin(",
            TESTS,
        ),
        MARK_RUN.of("def _end(").mutant(
            "stall-unnamed",
            "the report of a stop that never ends does not say what it waits for",
            "self.stall = stall.text",
            "self.stall = None",
            FAILURES,
        ),
        MARK_RUN.of("def _end(").mutant(
            "crowd-stalls", "on a crowded host a stop has stalled", "not self.withheld.is_crowded", "True", ROLES
        ),
        MARK_RUN.of("def _end(").mutant(
            "crowd-excuses",
            "on a crowded host a stop has not stalled though who it waits for waits itself",
            " or monitor.waits(stall.links[-1].cpu)",
            "",
            ROLES,
        ),
        CLOCKS.mutant(
            "sleep-by-name", "freezegun finds the harness's sleep", "partial(time.sleep)", "time.sleep", FROZEN
        ),
        PLUGIN.mutant(
            "clocks-late", "the clocks are bound after tests", "from stress.host import clocks, threads ", "", FROZEN
        ),
        TALLY.of("def keep(").mutant(
            "unprintable",
            "an exception without a text is printed as it is",
            "printable(error)",
            "error",
            SIGNATURES,
        ),
        TALLY.of("def _has_use(").mutant(
            "endless-context",
            "exceptions in a circle are followed for ever",
            "and id(error) not in seen",
            "",
            SIGNATURES,
        ),
        BODIES.of("def fault_of(").mutant(
            "async-taken",
            "a body of which nothing runs is taken",
            "if is_one(_called(function))",
            "if False",
            SIGNATURES,
        ),
        PLUGIN.of("def refusal(").mutant(
            "unittest-silent", "a marked method of unittest runs once", "return UNITTEST if", 'return "" if', SIGNATURES
        ),
        PLUGIN.of("def pytest_runtest_setup(").without(
            "fixture-unmissed",
            "a marked test without the fixture is not named",
            "item.user_properties.append(",
            SIGNATURES,
        ),
        PLUGIN.of("def pytest_pyfunc_call(").without(
            "roleless-unmissed",
            "a marked test without a role is not named",
            "pyfuncitem.user_properties.append(",
            SIGNATURES,
        ),
        PLUGIN.of("def pytest_pyfunc_call(").mutant(
            "async-advice",
            "an async test gets pytest's advice",
            "if stressed and is_async(",
            "if False and is_async(",
            SIGNATURES,
        ),
        MARK_RUN.of("def _play(").mutant(
            "no-gate", "a CPU does not wait for the roles", "            gate.wait()\n", ""
        ),
        MARK_RUN.of("def _play(").mutant(
            "runs-at-end", "a machine that never ran runs as it ends", " and cpu.peek(BOUND) else", " else"
        ),
        GIL.of("def switching(").without(
            "interval-kept", "the switch interval stays short", "sys.setswitchinterval(before)"
        ),
        POISON.of("def _used(").mutant(
            "use-untold", "a use raises and is not noted", "        self._on_use(use)\n", ""
        ),
        POISON.of("def _finalizer(").without("dies-poisoned", "a freed object dies as a use", "object.__setattr__("),
        POISON.of("def poison(").never("freed-twice", "a double free is none", "FREED in cls.__dict__"),
        FIXTURE.of("def __exit__(").without(
            "never-ends", "the threads of a test that never runs stay", "self._mark_run.close("
        ),
        FIXTURE.of("def _judge(").never("skip-hides", "a skip hides a violation", "report.is_bad("),
        CORES.of("def having_cores(").without(
            "impolite",
            "who asks again and again keeps others out",
            "clocks.sleep(",
        ),
        HOST.of("def extend_timeout(").mutant(
            "timeout-kept", "an item's time is not added to its timeout", "float(timeout) + budget_s", "float(timeout)"
        ),
        PLAYER.of("def _count_run(").mutant(
            "run-uncounted", "the last of a run of equal outcomes is lost", "self._since + more", "self._since", ROLES
        ),
        PLAYER.of("def _is_to_rest(").mutant(
            "raises-again", "a CPU that has raised begins another operation", "self._ended_run or ", "", WAITS
        ),
        ROUNDS.of("def rest(").never(
            "rests-in-round", "a CPU rests while the open round waits for it", "self.current.number != done", IN_ROUNDS
        ),
        ROUNDS.of("def _let_go(").mutant(
            "opens-at-end", "a round opens after the slice's end", " and not is_ending()", "", IN_ROUNDS
        ),
        OVERLAPS.of("def enter(").mutant(
            "overlap-unseen",
            "an operation within another one's overlaps nothing",
            "-1 if self._begun > self._ended else self._begun + writes",
            "self._begun + writes",
            IN_ROUNDS,
        ),
        ROUNDS.of("def leave(").mutant(
            "judged-early", "a round is judged before all have ended", "one.ended == self.cpus", "True", IN_ROUNDS
        ),
        ROUND_PLAYER.of("def _end_round(").mutant(
            "spoiled-judged",
            "a round in which a body raised is judged",
            " and not one.spoiled",
            "",
            IN_ROUNDS,
        ),
        MARK_RUN.of("def _left(").mutant(
            "nothing-made-up",
            "a run is not longer for what was withheld",
            "else self.withheld.seconds",
            "else 0.0",
            BUSY,
        ),
        RESULTS.of("def run_json(").mutant(
            "raised-held", "a run that raised is kept as HELD", " + beside.total()", "", KEPT
        ),
        RESULTS.of("def _judged(").mutant(
            "checks-unkept", "a test that failed after its run is kept as HELD", "if end.error:", "if False:", KEPT
        ),
        RESULTS.of("def _judged(").mutant(
            "cut-held", "an interrupted run is kept as HELD", "if run.cut and name != STALLED:", "if False:", KEPT
        ),
        FRAMES.without("collects-within", "taking frames may wait for ever", "        gc.disable()", ALL_FRAMES),
        ITEMS.of("def runtest(").never("any-verdict", "a scenario passes with any verdict", "not result.as_expected"),
    ),
)
