"""The noise of a mark: it must reach the code under test, and nothing else."""

from mutants.mutant import Group, Part, suite

TAKERS = Part("stress/marks/noise/takers.py")
EXPRESSIONS = Part("stress/marks/noise/expressions.py")
NOISE = Part("stress/marks/noise/noise.py")
CODE = Part("stress/marks/noise/code_under_test.py")
IMPORTS = Part("stress/marks/noise/imports.py")
SUMMARY = Part("stress/marks/noise/noise_summary.py")
SWITCHES = Part("stress/marks/noise/switches.py")
MARK_RUN = Part("stress/marks/mark_run.py")
SLICES = Part("stress/marks/noise/slices.py")
TASK_TURNS = Part("stress/marks/noise/turns.py")
OTHERS = Part("stress/marks/noise/other_threads.py")
HOOK = Part("stress/marks/noise/thread_hook.py")
REACHED = suite(*(f"plugin/test_noise{part}.py" for part in ("", "_reach", "_traced")))
INTERVAL = Part("stress/marks/noise/switch_interval.py")
WAITS, NOISES, FOREIGN, NEW_THREADS, TURNS, AHEAD, LEFT = (
    suite(f"plugin/test_{part}.py")
    for part in ("waits", "noise", "foreign_locks", "other_threads", "slices", "turns", "left_as_found")
)

GROUP = Group(
    "The noise of a mark",
    (REACHED,),
    (
        SWITCHES.of("def event(").mutant(
            "no-yield", "noise yields nowhere", "                self.core.give()\n", "                pass\n"
        ),
        NOISE.of("def called(").mutant(
            "coverage-unheard",
            "a coverage measurement does not see calls",
            "            measured = measures(frame, event, arg)\n",
            "            measured = None\n",
        ),
        NOISE.of("def called(").without(
            "coverage-takes-over",
            "a coverage measurement takes the thread from the noise",
            "sys.settrace(",
        ),
        NOISE.of("def local(").mutant(
            "lines-unmeasured",
            "a coverage measurement does not see lines",
            "if measures and",
            "if False and",
        ),
        NOISE.of("def local(").never(
            "noise-outlasts", "an operation has noise after its slice", "countdown.is_over", NOISES
        ),
        NOISE.of("def _traced(").mutant(
            "debugger-robbed",
            "noise takes a thread from a debugger",
            "module_of(before) != COVERAGE",
            "False",
        ),
        NOISE.of("def _traced(").always(
            "debugger-ended",
            "noise ends a debugger that a body called",
            "is trace or",
        ),
        CODE.mutant("installed-too", "installed code takes noise", "and not where_of(file) ", ""),
        CODE.of("def is_within(").mutant(
            "prefix-of-name",
            "a folder takes in those whose names begin with its own",
            ".rstrip(os.sep) + os.sep)",
            ")",
        ),
        CODE.of("def named(").mutant(
            "facade-empty",
            "a module that shows what a private one has takes no noise there",
            "(*part.places, *files_behind(sys.modules.get(text)))",
            "part.places",
        ),
        IMPORTS.of("def names_in(").mutant(
            "imports-unseen",
            "packages that a test imports take no noise",
            "nodes = ast.walk(ast.parse(file.read()))",
            "nodes = iter(())",
        ),
        IMPORTS.of("def globals_of(").mutant(
            "import-or-skip",
            "what `importorskip` imports takes no noise",
            "if issubclass(type(one), ModuleType)",
            "if False",
        ),
        IMPORTS.of("def is_aside(").mutant(
            "standard-too", "the standard library takes noise", "top in sys.stdlib_module_names or ", ""
        ),
        SUMMARY.of("def nothing_reached(").mutant(
            "miss-untold",
            "a run that reached nothing but bodies does not warn",
            "if not bodies_only or",
            "if True or",
        ),
        SUMMARY.of("def refusal(").mutant(
            "refused-passes", "an item without noise passes", "if noise.counts.switches else", "if True else"
        ),
        HOOK.of("def _ended(").mutant(
            "thread-unheard", "an exception that ends a thread is not kept", "if keep and", "if False and", NEW_THREADS
        ),
        HOOK.of("def install(").without(
            "hook-taken", "a hook that is set meanwhile takes all exceptions", "threading.__class__ =", NEW_THREADS
        ),
        HOOK.of("def _take(").mutant(
            "hook-is-another",
            "a patch of the hook that is undone leaves the run's hook in place",
            "hook in (self._rest, self._ended)",
            "hook == self._rest",
            LEFT,
        ),
        HOOK.of("def _ended(").never(
            "hook-in-circles",
            "a hook that calls the run's own is called by it again",
            'getattr(self._within, "ended", False)',
            LEFT,
        ),
        INTERVAL.of("def short(").mutant(
            "interval-overruled",
            "an interval that the code under test has set is lost",
            "getswitchinterval() == self.usual",
            "True",
            LEFT,
        ),
        INTERVAL.of("def short(").mutant(
            "interval-kept-short",
            "a short interval that is put back late stays",
            "        self.restore()\n        is_usual",
            "        is_usual",
            LEFT,
        ),
        OTHERS.of("def end(").without(
            "threads-on-one-core", "a thread that a CPU has started keeps to its core", "leave_shared_core(", LEFT
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
        SWITCHES.of("def plain_calls(").without(
            "first-is-plain", "an operation that lasts for all of a slice may have no noise", "yield False", NOISES
        ),
        MARK_RUN.of("def _slice(").mutant(
            "rounds-are-plain", "in rounds some operations have no noise", "self.rounds is not None", "False", NOISES
        ),
        SLICES.of("def found(").without(
            "found-forgotten", "a kind that found something has no more time", "self._found.add(", TURNS
        ),
        TASK_TURNS.of("def goes_on(").mutant(
            "tasks-in-lockstep", "no task runs ahead of the others", "return True", "return False", AHEAD
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
    ),
)
