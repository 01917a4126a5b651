"""Stress marks: what happens on a thread must reach the test, and noise and poison must reach the code under test."""

from mutants.mutant import Group, Part, suite

MARK_RUN = Part("stress/marks/mark_run.py")
CREW = Part("stress/marks/crews/crew.py")
TASK_CREW = Part("stress/marks/crews/task_crew.py")
TASK_PLAYER = Part("stress/marks/crews/task_player.py")
STEPS = Part("stress/marks/crews/task_steps.py")
TAKERS = Part("stress/marks/noise/takers.py")
EXPRESSIONS = Part("stress/marks/noise/expressions.py")
BLOCKED = Part("stress/marks/crews/blocked.py")
CPU = Part("stress/marks/operations/cpu.py")
NOISE = Part("stress/marks/noise/noise.py")
CODE = Part("stress/marks/noise/code_under_test.py")
IMPORTS = Part("stress/marks/noise/imports.py")
SUMMARY = Part("stress/marks/noise/noise_summary.py")
POISON = Part("stress/marks/operations/poison.py")
FIXTURE = Part("stress/marks/fixture.py")
RUN_END = Part("stress/marks/crews/run_end.py")
MONITOR = Part("stress/marks/crews/monitor.py")
END_THREADS = Part("stress/marks/crews/end_threads.py")
BODIES = Part("stress/marks/bodies.py")
PLAYER = Part("stress/marks/operations/player.py")
TALLY = Part("stress/marks/operations/tally.py")
OVERLAPS = Part("stress/marks/operations/overlaps.py")
ROUNDS = Part("stress/marks/operations/rounds.py")
ROUND_PLAYER = Part("stress/marks/operations/round_player.py")
SWITCHES = Part("stress/marks/noise/switches.py")
SLICES = Part("stress/marks/noise/slices.py")
WITHHELD = Part("stress/marks/crews/withheld.py")
FINALIZERS = Part("stress/marks/crews/finalizers.py")
TASK_TURNS = Part("stress/marks/noise/turns.py")
OTHERS = Part("stress/marks/noise/other_threads.py")
HOOK = Part("stress/marks/noise/thread_hook.py")
RESULTS = Part("stress/marks/results.py")
LOOPS = Part("stress/marks/crews/async_bodies.py")
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
REACHED = suite(*(f"plugin/test_noise{part}.py" for part in ("", "_reach", "_traced")))
WAITS, SIGNATURES, FROZEN, FAILURES, ROLES, NOISES = (
    suite(f"plugin/test_{part}.py") for part in ("waits", "bodies", "clocks", "failures", "roles", "noise")
)
POOLS, BUSY, FOREIGN = (suite(f"plugin/test_{part}.py") for part in ("other_work", "busy_host", "foreign_locks"))

IN_ROUNDS, NEW_THREADS, TURNS, KEPT, ASYNC, TASKS, ALL_FRAMES = (
    suite(f"plugin/test_{part}.py")
    for part in ("rounds", "other_threads", "slices", "kept_results", "async_bodies", "tasks", "frames")
)
AHEAD, DROPPED = (suite(f"plugin/test_{part}.py") for part in ("turns", "finalizers"))

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
        RUN_END.of("def goes_on(").mutant(
            "no-grace",
            "an operation that ends a little late is left",
            "is_late = self._seconds >= GRACE_SECONDS",
            "is_late = True",
            WAITS,
        ),
        RUN_END.of("def state_of(").mutant(
            "stuck-unseen",
            "a deadlock is not reported",
            "EndState.STALLED if stands or doing",
            "EndState.STALLED if doing",
            WAITS,
        ),
        RUN_END.of("def state_of(").never("cycle-waits", "a circle of locks is a note", "in_a_cycle", WAITS),
        RUN_END.of("def state_of(").never(
            "over-stalls", "who waits for one that raised has stalled", "self.over.is_set(", WAITS
        ),
        RUN_END.of("def goes_on(").without(
            "nobody-helps", "CPUs that rest do not go on for those that wait", "self._helpers.help(", WAITS
        ),
        RUN_END.of("def help(").without(
            "helps-in-circles",
            "one that waits when let go on again is let go on again",
            "self._once.add(",
            WAITS,
        ),
        MONITOR.of("def sample(self, calm").mutant(
            "suspended-waits",
            "a process that was suspended has waited",
            "min(now - self._sampled, LONGEST_SAMPLE_SECONDS)",
            "now - self._sampled",
            WAITS,
        ),
        MONITOR.of("def has_stalled(").mutant(
            "starved-stalls", "who gets no core has stalled", "and not self.starves", "", WAITS
        ),
        MONITOR.of("def doing(self, cpus").mutant(
            "runs-unseen", "an endless loop waits", "return Activity.RUNS", "return Activity.WAITS", WAITS
        ),
        END_THREADS.of("def end_threads(").without(
            "waiter-asleep", "who waits for a condition takes from it later", "waiter.release(", WAITS
        ),
        END_THREADS.of("def withdraw(").always(
            "pends-for-all",
            "who is left in a deadlock stalls what comes later",
            "not PENDS_FOR_ALL",
            WAITS,
        ),
        END_THREADS.of("def end_threads(").mutant(
            "runs-for-ever", "an endless loop goes on after its test", "        _raise_in(thread)\n", "", WAITS
        ),
        MARK_RUN.of("def _slice(").late(
            "rests-in-slice",
            "a CPU that runs counts as at rest, and power-off cuts its operation short",
            "self._signals.begin(",
            TESTS,
        ),
        CREW.of("def leave(").without(
            "counts-later",
            "a thread that is left counts what it does later",
            "self.players[number] = self.players[number].left_behind()",
            WAITS,
        ),
        MARK_RUN.of("def _end(").mutant(
            "stall-unnamed",
            "the report of a stop that never ends does not say what it waits for",
            "self.stall = stall.text",
            "self.stall = None",
            FAILURES,
        ),
        MARK_RUN.of("def _end(").mutant(
            "crowd-stalls", "on a crowded host a stop has stalled", "and not withheld.is_crowded", "", ROLES
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
        CREW.of("def operation(").mutant(
            "no-player", "a CPU does not know its player", "self.here.player = player =", "player ="
        ),
        CREW.of("def operation(").mutant(
            "no-context",
            "a body does not run in its test's context",
            "player.context.run(player.operation, cpu)",
            "player.operation(cpu)",
        ),
        SWITCHES.of("def event(").mutant(
            "no-yield", "noise yields nowhere", "                self.core.give()\n", "                pass\n"
        ),
        NOISE.of("def called(").mutant(
            "coverage-unheard",
            "a coverage measurement does not see calls",
            "            measured = measures(frame, event, arg)\n",
            "            measured = None\n",
            REACHED,
        ),
        NOISE.of("def called(").without(
            "coverage-takes-over",
            "a coverage measurement takes the thread from the noise",
            "sys.settrace(",
            REACHED,
        ),
        NOISE.of("def local(").mutant(
            "lines-unmeasured",
            "a coverage measurement does not see lines",
            "if measures and",
            "if False and",
            REACHED,
        ),
        NOISE.of("def local(").never(
            "noise-outlasts", "an operation has noise after its slice", "countdown.is_over", NOISES
        ),
        RUN_END.of("def _is_slowed(").mutant(
            "slowed-stalls",
            "a CPU that noise slows has stalled",
            "return self",
            "return False and self",
            WAITS,
        ),
        NOISE.of("def _traced(").mutant(
            "debugger-robbed",
            "noise takes a thread from a debugger",
            "module_of(before) != COVERAGE",
            "False",
            REACHED,
        ),
        NOISE.of("def _traced(").always(
            "debugger-ended",
            "noise ends a debugger that a body called",
            "is trace or",
            REACHED,
        ),
        CODE.mutant("installed-too", "installed code takes noise", "and not where_of(file) ", "", REACHED),
        CODE.of("def is_within(").mutant(
            "prefix-of-name",
            "a folder takes in those whose names begin with its own",
            ".rstrip(os.sep) + os.sep)",
            ")",
            REACHED,
        ),
        CODE.of("def named(").mutant(
            "facade-empty",
            "a module that shows what a private one has takes no noise there",
            "(*part.places, *files_behind(sys.modules.get(text)))",
            "part.places",
            REACHED,
        ),
        IMPORTS.of("def names_in(").mutant(
            "imports-unseen",
            "packages that a test imports take no noise",
            "nodes = ast.walk(ast.parse(file.read()))",
            "nodes = iter(())",
            REACHED,
        ),
        IMPORTS.of("def globals_of(").mutant(
            "import-or-skip",
            "what `importorskip` imports takes no noise",
            "if issubclass(type(one), ModuleType)",
            "if False",
            REACHED,
        ),
        IMPORTS.of("def is_aside(").mutant(
            "standard-too", "the standard library takes noise", "top in sys.stdlib_module_names or ", "", REACHED
        ),
        SUMMARY.of("def nothing_reached(").mutant(
            "miss-untold",
            "a run that reached nothing but bodies does not warn",
            "if not bodies_only or",
            "if True or",
            REACHED,
        ),
        SUMMARY.of("def refusal(").mutant(
            "refused-passes", "an item without noise passes", "if noise.counts.switches else", "if True else", REACHED
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
        RUN_END.of("def state_of(").mutant(
            "round-waits",
            "a CPU that waits in a round in which all others have ended is a note",
            "self.in_rounds or ",
            "",
            IN_ROUNDS,
        ),
        MONITOR.of("def starves(").mutant(
            "rests-starving",
            "a CPU that has done its round, and gets no core, hides a stall",
            "if not player.has_done",
            "if True",
            WAITS,
        ),
        RUN_END.of("def state_of(").never(
            "pool-stalls", "who waits for a thread that works has stalled", "stands and self.monitor.is_helped", POOLS
        ),
        RUN_END.of("def goes_on(").mutant(
            "pool-unwaited", "the end does not wait for threads that work", "self.monitor.is_helped", "False", POOLS
        ),
        MONITOR.of("def _works(").mutant(
            "work-for-ever",
            "a thread that runs on for ever hides a stall",
            "and watch.may_end(served)",
            "",
            POOLS,
        ),
        MONITOR.of("def other_threads(").mutant(
            "own-work", "a CPU counts as a thread that helps it", ", *cpus}", "}", POOLS
        ),
        HOOK.of("def _ended(").mutant(
            "thread-unheard", "an exception that ends a thread is not kept", "if keep and", "if False and", NEW_THREADS
        ),
        HOOK.of("def install(").without(
            "hook-taken", "a hook that is set meanwhile takes all exceptions", "threading.__class__ =", NEW_THREADS
        ),
        OTHERS.of("def __enter__(").mutant(
            "thread-quiet",
            "new threads take no noise",
            "if self._traces:",
            "if False:",
            NEW_THREADS,
        ),
        SWITCHES.of("def _skip(").mutant(
            "loops-first", "a place in a loop is chosen again and again", "return True", "return False", TURNS
        ),
        SLICES.of("def found(").without(
            "found-forgotten", "a kind that found something has no more time", "self._found.add(", TURNS
        ),
        WITHHELD.of("def sample(").mutant(
            "crowd-unseen", "a busy host looks idle", "if ran < CROWDED_PART * wanted", "if False", BUSY
        ),
        MARK_RUN.of("def _left(").mutant(
            "nothing-made-up", "a run is not longer for what was withheld", "else withheld.seconds", "else 0.0", BUSY
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
        LOOPS.of("def wake(").mutant(
            "loop-asleep", "a loop that waits for ever stays", "call_soon_threadsafe(bool)", "is_closed()", ASYNC
        ),
        STEPS.of("def send(").mutant(
            "awaits-quiet",
            "no step of a task is delayed",
            "self._stepping.noise.row(self.player, self.coroutine)",
            "0",
            TASKS,
        ),
        STEPS.of("def _step(").mutant(
            "child-owned-by-none",
            "what a task that a body made uses is nobody's",
            "stepping.now, stepping.here.player = self, self.player",
            "stepping.now = self",
            TASKS,
        ),
        TASK_CREW.of("def _unheard(").without(
            "task-unheard", "an exception of a task that nobody waits for is lost", "self.strays(error)", TASKS
        ),
        TASK_CREW.of("def stepping(").mutant(
            "spins-unseen",
            "a task that keeps the loop waits",
            "None if now is None or now.player is None else",
            "None if True else",
            TASKS,
        ),
        TASK_PLAYER.mutant(
            "task-unjudged", "what a task returns is not judged", "value if self.is_judged else None", "None", TASKS
        ),
        FINALIZERS.of("def _ignored(").without(
            "finalizer-unheard", "what a finalizer raises is lost", "self.keep(error)", DROPPED
        ),
        FINALIZERS.of("def _ignored(").mutant(
            "other-s-garbage", "a run answers for what another test left", "self.is_of_run() and", "", DROPPED
        ),
        TASK_TURNS.of("def goes_on(").mutant(
            "tasks-in-lockstep", "no task runs ahead of the others", "return True", "return False", AHEAD
        ),
        BLOCKED.of("def _wanted(").mutant(
            "inner-lock",
            "a task waits for the inside of its lock",
            "if not _is_primitive(one)",
            "if True",
            TASKS,
        ),
        EXPRESSIONS.of("def lock(").mutant(
            "anyio-unknown",
            "who holds a lock of anyio is unknown",
            " or is_of_anyio(value, *ANYIO_LOCKS)",
            "",
            FOREIGN,
        ),
        TAKERS.of("def event(").mutant(
            "waiter-takes",
            "who comes to a line again has taken its lock",
            "asked != line and ",
            "",
            WAITS,
        ),
        FRAMES.without("collects-within", "taking frames may wait for ever", "        gc.disable()", ALL_FRAMES),
        ITEMS.of("def runtest(").never("any-verdict", "a scenario passes with any verdict", "not result.as_expected"),
    ),
)
