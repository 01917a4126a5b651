"""The language of kernel code: what its front end refuses, what its back end makes of it, its call stacks."""

from mutants.mutant import Group, Part, suite

EXPRESSIONS = Part("stress/machine/native/expression_code.py")
ARITHMETIC = Part("stress/machine/native/arithmetic.py")
STACKS = Part("stress/machine/native/call_stacks.py")
NAMES = Part("stress/machine/language/names.py")
WORDS = Part("stress/machine/language/expressions.py")
STATEMENTS = Part("stress/machine/language/statements.py")
INSTANCES = Part("stress/machine/language/instances.py")
LOOPS = Part("stress/machine/language/loops.py")
CHECK = Part("stress/machine/language/check.py")
PROGRAM = Part("stress/machine/native/program.py")
UNITS = Part("stress/machine/native/compilation_units.py")
CODE = Part("stress/machine/native/machine_code.py")
SIDE_BY_SIDE = Part("stress/machine/native/side_by_side.py")
COLLECTOR = Part("stress/host/collector.py")

LANGUAGE = suite("machine/test_language.py")
AGREE = suite("machine/test_engines_agree.py")
ERRORS = suite("machine/test_native_code.py")
SAME_STACKS = suite("machine/test_call_stacks.py")
HELPERS = suite("machine/test_side_by_side.py")
EVENTS = suite("machine/test_events.py")
COLLECTING = suite("run/test_collector.py")

GROUP = Group(
    "The language of kernel code",
    (LANGUAGE,),
    (
        NAMES.of("def _value_of_name(").mutant(
            "near-names", "a misspelt name is refused without the name that it may mean",
            "{_nearest(node.id, known)}", "",
        ),
        WORDS.of("def word(").never(
            "nothing-used", "the value of a function that returns nothing is 0",
            "isinstance(found, tree.Call) and not found.instance.has_value",
        ),
        WORDS.of("def _number(").never(
            "wide-literals", "a literal beyond 64 bits is cut", "not LEAST <= value <= MOST"
        ),
        WORDS.of("def _check_operand(").mutant(
            "wide-shifts", "a shift by 64 is compiled", "not 0 <= value < WORD_BITS", "value < 0"
        ),
        STATEMENTS.of("def both(").mutant(
            "either-way", "a name that is assigned on one way only may be read", "one & other", "one | other"
        ),
        STATEMENTS.of("def _check_cause(").mutant(
            "causeless", "kernel code may raise Oops for no reason", "self.function not in HARNESS_CODE", "False"
        ),
        INSTANCES.of("def _check_returns(").mutant(
            "half-returns", "a function may return a number on one way only", "(gives or says)", "False"
        ),
        INSTANCES.of("def __init__(").never(
            "any-depth", "kernel code may be nested as deeply as Python allows", "self.definition.levels > MOST_LEVELS"
        ),
        WORDS.of("def _function(").never(
            "unmarked", "functions without @kernel are kernel code", "called not in KERNEL_FUNCTIONS"
        ),
        LOOPS.of("def fault_of(").mutant(
            "endless-loops", "a loop that nothing ends is compiled",
            'return what, "call', 'return None and what, "call',
        ),
        LOOPS.of("def fault_of(").mutant(
            "silent-spins", "a loop may spin without a word of it", "not loop.body", "False"
        ),
        CHECK.of("def _fault_of(").mutant(
            "any-outcome", "an operation may return a number that is no outcome", "value.value == 0", "True"
        ),
        CHECK.of("def _fault_of(").never("truth-outcome", "a truth is an outcome", "value.is_truth"),
        EXPRESSIONS.of("def _branch_chain(").without(
            "chain-left", "a < b <= c compares a with c", "left = right", AGREE
        ),
        EXPRESSIONS.of("def _branch_several(").mutant(
            "or-as-and", "`or` leaves at the first that is false",
            "(following, no) if node.every else (yes, following)",
            "(following, no)", AGREE,
        ),
        ARITHMETIC.of("def _divide(").mutant(
            "rounds-up", "a division of a negative number rounds towards 0", "zext i1 {off} to i64",
            "zext i1 false to i64", AGREE,
        ),
        ARITHMETIC.of("def _divide(").mutant(
            "rest-sign", "the rest of a division has the sign of the dividend", "i64 {by}, i64 0", "i64 0, i64 0", AGREE
        ),
        ARITHMETIC.of("def _shift(").mutant(
            "high-shift", "a shift by 64 or more bits gives what the processor gives", "i64 0, i64 {shifted}",
            "i64 {shifted}, i64 {shifted}", AGREE,
        ),
        ARITHMETIC.of("def _divide(").without(
            "divides-by-zero", "a division by zero stops the process",
            "refuse(of.new(f\"icmp eq i64 {right}, 0\"), DIVISION_BY_ZERO)", ERRORS,
        ),
        EXPRESSIONS.of("def _call(").mutant(
            "one-way", "two calls of a function have the same stack", "{INNER}, {self._ordinals[id(node)]}",
            "{INNER}, 1", SAME_STACKS,
        ),
        STACKS.of("def _known(").mutant(
            "any-stack", "of two stacks with one number the first is shown", "None if number in known else step",
            "step", SAME_STACKS,
        ),
        UNITS.of("def __attrs_post_init__(").mutant(
            "same-symbols", "functions of one name are one", "\\0{self.body}", "", ERRORS
        ),
        UNITS.of("def unit(").mutant(
            "all-internal", "a unit has no function that others can call", "one is self and not entry", "False",
            SAME_STACKS,
        ),
        PROGRAM.of("def access(").mutant(
            "one-kind", "a handler's accesses are those of the program that it interrupts",
            "asked.cpu.features or self.features", "self.features or asked.cpu.features", EVENTS,
        ),
        SIDE_BY_SIDE.of("def machine_codes(").mutant(
            "no-helpers", "units are compiled one after the other", "shares(texts, cores)", "shares(texts, 1)", HELPERS
        ),
        CODE.of("def _end_with(").without(
            "helpers-orphaned", "a helper outlives a process that is killed", "os._exit(1)", HELPERS
        ),
        SIDE_BY_SIDE.of("def shares(").mutant(
            "helpers-for-all", "a helper is started for what takes no time", " // WORTH_A_HELPER", "", HELPERS
        ),
        SIDE_BY_SIDE.of("def shares(").mutant(
            "one-share", "one helper compiles nearly all", "key=lambda share: sum(map(len, share))", "key=id", HELPERS
        ),
        SIDE_BY_SIDE.of("def codes(").without(
            "helpers-unread", "what a helper has compiled is compiled again", "self.made.seek(0)", HELPERS
        ),
        SIDE_BY_SIDE.of("def helper(").without(
            "helpers-left", "a helper outlives who started it", "stack.callback(started.end)", HELPERS
        ),
        COLLECTOR.of("def collect_seldom(").without(
            "collects-often", "a command looks at what it imports again and again",
            "gc.set_threshold(OBJECTS_A_COLLECTION)", COLLECTING,
        ),
        COLLECTOR.of("def collect_seldom(").without(
            "collects-last", "a command looks at all that it has when it ends", "atexit.register(gc.freeze)", COLLECTING
        ),
    ),
)  # fmt: skip
