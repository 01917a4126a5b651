"""Stress marks: what happens on a thread must reach the test, and noise and poison must reach the code under test."""

from mutants.mutant import Group, Part, suite

BOUT = Part("stress/marks/bout.py")
CPU = Part("stress/marks/cpu.py")
NOISE = Part("stress/marks/noise.py")
UNDER_TEST = Part("stress/marks/under_test.py")
IMPORTS = Part("stress/marks/imports.py")
REACH = Part("stress/marks/reach.py")
POISON = Part("stress/marks/poison.py")
FIXTURE = Part("stress/marks/fixture.py")
ENGINE = Part("stress/machine/python_engine.py")
HOST = Part("stress/marks/host.py")
CORES = Part("stress/host.py")
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

GROUP = Group(
    "Stress marks",
    (TESTS,),
    (
        CPU.of("def _burst(").mutant(
            "exceptions-only", "sys.exit on a CPU is lost", "except BaseException", "except Exception"
        ),
        CPU.of("def _keep(").mutant("raises-on", "an exception does not end the run", "        self.stop()\n", ""),
        CPU.of("def _acceptable(").mutant(
            "use-hidden", "a use that the body hides is forgotten", "if self._use is not None:", "if False:"
        ),
        CPU.of("def _overlap(").mutant(
            "all-overlap", "an operation overlaps without any writer", "elif before != after:", "else:"
        ),
        CPU.of("def operation(").mutant(
            "never-rests", "a slice's end cuts operations short", "if self.cpu.signals.ending:", "if False:"
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
        BOUT.of("def _wait(").mutant(
            "no-grace", "an operation that ends a little late is stuck", "time.monotonic() + GRACE_SECONDS", "0.0"
        ),
        BOUT.of("def _slice(").mutant(
            "stuck-unseen",
            "a deadlock is not told",
            "[self._stuck(thread) for thread in self.close(last)]",
            "[] if self.close(last) else []",
        ),
        BOUT.of("def _wait(").mutant(
            "stall-unnamed",
            "a stop that never ends is not told as what it waits for",
            "stall.text if stall else None",
            "None",
        ),
        BOUT.of("def _play(").mutant("no-gate", "a CPU does not wait for the roles", "            gate.wait()\n", ""),
        BOUT.of("def _play(").mutant(
            "runs-at-end", "a machine that never ran runs as it ends", "if cpu.peek(BOUND) else", "if True else"
        ),
        BOUT.of("def _operation(").mutant(
            "no-player", "a CPU does not know its player", "self._here.player = player =", "player ="
        ),
        BOUT.of("def _operation(").mutant(
            "no-context",
            "a body does not run in its test's context",
            "player.context.run(player.operation, cpu)",
            "player.operation(cpu)",
        ),
        NOISE.of("def event(").mutant("no-yield", "noise yields nowhere", "            sched_yield()\n", ""),
        NOISE.of("def called(").mutant(
            "coverage-unheard",
            "a coverage measurement is not told of what is called",
            "            measured = measures(frame, event, arg)\n",
            "            measured = None\n",
            REACHED,
        ),
        NOISE.of("def called(").mutant(
            "coverage-takes-over",
            "a coverage measurement takes the thread from the noise",
            "            sys.settrace(called)",
            "            pass",
            REACHED,
        ),
        NOISE.of("def local(").mutant(
            "lines-unmeasured",
            "a coverage measurement is not told of lines",
            "if measures and",
            "if False and",
            REACHED,
        ),
        NOISE.of("def _traced(").mutant(
            "debugger-robbed",
            "noise takes a thread from a debugger",
            "module_of(before) != COVERAGE",
            "False",
            REACHED,
        ),
        NOISE.of("def _traced(").mutant(
            "debugger-ended",
            "noise ends a debugger that a body called",
            "if sys.gettrace() is trace:",
            "if True:",
            REACHED,
        ),
        UNDER_TEST.mutant("installed-too", "installed code takes noise", "and not where_of(file) ", "", REACHED),
        UNDER_TEST.of("def is_within(").mutant(
            "prefix-of-name",
            "a folder takes in those whose names begin with its own",
            ".rstrip(os.sep) + os.sep)",
            ")",
            REACHED,
        ),
        UNDER_TEST.of("def named(").mutant(
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
        REACH.of("def miss(").mutant(
            "miss-untold",
            "a run that reached nothing but bodies does not warn",
            "if not bodies_only or",
            "if True or",
            REACHED,
        ),
        REACH.of("def refusal(").mutant(
            "refused-passes", "an item without noise passes", "if noise.heard.switches else", "if True else", REACHED
        ),
        ENGINE.of("def switching(").mutant(
            "interval-kept", "the switch interval stays short", "sys.setswitchinterval(before)", "pass"
        ),
        POISON.of("def _used(").mutant(
            "use-untold", "a use raises and is not noted", "        self._on_use(use)\n", ""
        ),
        POISON.of("def _undertaker(").mutant(
            "dies-poisoned", "a freed object dies as a use", 'object.__setattr__(obj, "__class__", cls)', "pass"
        ),
        POISON.of("def bury(").mutant("freed-twice", "a double free is none", "if FREED in cls.__dict__:", "if False:"),
        FIXTURE.of("def __exit__(").mutant(
            "never-ends", "the threads of a test that never runs stay", "self._bout.close()", "pass"
        ),
        FIXTURE.of("def _judge(").mutant(
            "skip-hides", "a skip hides a violation", "if told.is_bad(self._bout):", "if False:"
        ),
        CORES.of("def having_cores(").mutant(
            "impolite",
            "who asks again and again keeps others out",
            "clocks.sleep(POLITE_SECONDS)",
            "pass",
        ),
        HOST.of("def extend_timeout(").mutant(
            "timeout-kept", "an item's time is not added to its timeout", "float(timeout) + budget_s", "float(timeout)"
        ),
        ITEMS.of("def runtest(").mutant(
            "any-verdict", "a scenario passes with any verdict", "if not result.as_expected:", "if False:"
        ),
    ),
)
