"""What kernel code must not have, each kind once: the mistake, what is said of it, and its correct twin.

`# !` marks the line that the author has to change. A twin differs by as little as makes it right.
"""

import attrs

NO_OBJECTS = "kernel code has only 64-bit integers"
IN_RAM = "keep values in RAM: declare a word with static(...), reach it by cpu.load and cpu.store"
A_LOOP = "write a loop over a range"
UNASSIGNED = "x may have no value here; assign it on every path to this line"
A_STEP = "a step that is not a constant other than 0; give the range a constant step"
OTHER_EXCEPTION = "an exception other than Oops; write `raise Oops`, without arguments"
NO_CAUSE = (
    "an exception without a cause; note the cause in the line before it: cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)"
)
NO_END = "a loop that never ends, not even at power-off; call cpu.relax(address) in its body, or count to a constant"
SPINS = "a loop that spins without cpu.relax; call cpu.relax(address) in its body"
NOT_PLAIN = "a parameter that is not a plain name; give each parameter a name and a place"
NO_NUMBER = "reader may end without a number; end it with a return"
TWO_PARAMETERS = "give it 2: def reader(cpu: Cpu, p: Protocol) -> int, or the first alone"
NO_OUTCOME = "return the code of an outcome, 0 to 28"
OTHER_OUTCOME = (
    "which is no outcome of its scenario; return 0, or the code of one that it has: wild (1), endless (2), "
    "poisoned (3), torn (4), alien (5), freed (6), missed (7), garbled (8), absent (9), found (10)"
)
A_TRUTH = "reader returns a truth, which is not an outcome; return the code of an outcome"
NOT_A_RANGE = "a loop over something else than a range; write `for i in range(...)`, or while"

READER = "@kernel\ndef reader(cpu: Cpu) -> int:\n"


@attrs.frozen
class Case:
    """A mistake: the source of the functions of a scenario whose operation is `reader`, wrong and right."""

    name: str
    said: str
    wrong: str
    right: str


def body(name: str, said: str, wrong: str, right: str) -> Case:
    """A mistake in the body of the operation, whose lines are given without indentation."""
    indented = (READER + "".join(f"    {line}\n" for line in lines.splitlines()) for lines in (wrong, right))
    return Case(name, said, *indented)


def value(name: str, said: str, wrong: str, right: str = "1") -> Case:
    """A mistake in an expression of a single line."""
    return body(name, said, f"x = {wrong}  # !\nreturn x & 1", f"x = {right}\nreturn x & 1")


def step(name: str, said: str, wrong: str, right: str = "pass") -> Case:
    """A mistake in a statement of a single line, after which the operation goes on."""
    return body(name, said, f"{wrong}  # !\nreturn 1", f"{right}\nreturn 1")


NAMES = (
    value("a name that is like another", "there is no name LIMTI (did you mean LIMIT?); define or import it", "LIMTI",
          "LIMIT"),
    value("a name that is like no other", "there is no name zzzzzzz; define or import it", "zzzzzzz"),
    value("a method that is like another",
          "a CPU has no laod (did you mean load?); stress.machine.seam.Cpu lists what it has",
          "cpu.laod(WORD)", "cpu.load(WORD)"),
    value("a method that is like no other",
          "a CPU has no zzzzzzz; stress.machine.seam.Cpu lists what it has", "cpu.zzzzzzz(WORD)", "cpu.load(WORD)"),
    value("the raw address of RAM", "a CPU has no base; stress.machine.seam.Cpu lists what it has", "cpu.base",
          "cpu.area"),
    value("a name that a module has not", "words has no LOWW; define it or correct the name", "words.LOWW",
          "words.LOW"),
    value("an attribute of a number", "LIMIT has no bit_count2; define it or correct the name", "LIMIT.bit_count2",
          "LIMIT"),
    step("a step of compiled code",
         "fence is a step of compiled code, which only an engine takes; stress.machine.seam.Cpu lists what a CPU does",
         "fence()", "cpu.barrier()"),
    body("an attribute of a word", "y has no high; a word has no attributes",
         "y = cpu.area\nreturn y.high  # !", "y = cpu.area\nreturn y & 1"),
    value("a float of the file", "RATIO is a float, where a number is needed; " + NO_OBJECTS, "RATIO", "LIMIT"),
    value("a dict of the file", "TABLE is a dict, where a number is needed; " + NO_OBJECTS, "TABLE", "LIMIT"),
    value("None of the file", "NOTHING is a NoneType, where a number is needed; " + NO_OBJECTS, "NOTHING", "LIMIT"),
    value("a CPU as a number", "cpu is a CPU, where a number is needed; " + NO_OBJECTS, "cpu", "cpu.number"),
    value("a CPU in a sum", "cpu is a CPU, where a number is needed; " + NO_OBJECTS, "cpu + 1", "cpu.number + 1"),
    value("a function as a number", "one is a function, where a number is needed; " + NO_OBJECTS, "one", "one(cpu)"),
    step("a method that is not called",
         "cpu.barrier is a function, where a number is needed; " + NO_OBJECTS, "cpu.barrier", "cpu.barrier()"),
    step("a CPU that is given another value", "cpu is a CPU or a function; give the number another name", "cpu = 1",
         "y = 1"),
)  # fmt: skip

CALLS = (
    value("too few arguments", "add gets 2 arguments; give it (cpu, a, b)", "add(cpu, 1)", "add(cpu, 1, 2)"),
    value("too many arguments", "add gets 4 arguments; give it (cpu, a, b)", "add(cpu, 1, 2, 3)", "add(cpu, 1, 2)"),
    value("no argument at all", "one gets 0 arguments; give it (cpu)", "one()", "one(cpu)"),
    value("a keyword that there is not", "add has no parameter c; give it (cpu, a, b)", "add(cpu, 1, c=2)",
          "add(cpu, 1, b=2)"),
    value("an argument that is given twice",
          "add gets 4 arguments; give it (cpu, a, b)", "add(cpu, 1, 2, a=2)", "add(cpu, 1, b=2)"),
    value("a method with too few arguments", "cpu.load gets 0 arguments; give it 1, by place", "cpu.load()",
          "cpu.load(WORD)"),
    value("a method with too many arguments",
          "cpu.load gets 2 arguments; give it 1, by place", "cpu.load(WORD, 1)", "cpu.load(WORD)"),
    value("a method with a keyword",
          "cpu.load gets 1 arguments; give it 1, by place", "cpu.load(address=WORD)", "cpu.load(WORD)"),
    value("min of one number", "min with 1 arguments; give it 2", "min(1)", "min(1, 2)"),
    value("arguments of a list", "Starred, which is not kernel code; docs/scenario.md lists what kernel code has",
          "add(cpu, 1, *TABLE)", "add(cpu, 1, 2)"),
    value("a function that is not marked", "plain is not kernel code; mark its definition with @kernel", "plain(cpu)",
          "one(cpu)"),
    step("print", "print is not a kernel function; call functions marked with @kernel", "print(1)", "one(cpu)"),
    value("len", "len is not a kernel function; call functions marked with @kernel", "len(TABLE)", "one(cpu)"),
    value("a number that is called", "LIMIT is not a kernel function; call functions marked with @kernel", "LIMIT(cpu)",
          "one(cpu)"),
    value("a function that returns nothing",
          "nothing returns nothing; return a number from it", "nothing(cpu)", "one(cpu)"),
    value("a method that returns nothing",
          "cpu.barrier returns nothing; use it as a statement", "cpu.barrier()", "cpu.clock()"),
    value("a default that is a float",
          "1.5, the default of b, is a float; " + NO_OBJECTS, "float_by_default(cpu, 1)",
          "float_by_default(cpu, 1, 2)"),
    value("a default that is None",
          "None, the default of b, is a NoneType; " + NO_OBJECTS, "none_by_default(cpu, 1)",
          "none_by_default(cpu, 1, 2)"),
    Case("an operation that is not marked", "reader is not kernel code; mark its definition with @kernel",
         "def reader(cpu: Cpu) -> int:  # !\n    return 1\n", READER + "    return 1\n"),
    Case("an operation that takes more", "reader has 3 parameters; " + TWO_PARAMETERS,
         "@kernel  # !\ndef reader(cpu: Cpu, more: int, much: int) -> int:\n    return 1\n", READER + "    return 1\n"),
    Case("a function that calls itself", "count calls itself; write a loop",
         "@kernel\ndef count(cpu: Cpu, n: int) -> int:\n    return 0 if n == 0 else count(cpu, n - 1)  # !\n\n\n"
         + READER + "    return count(cpu, 3)\n",
         "@kernel\ndef count(cpu: Cpu, n: int) -> int:\n    return 0 if n == 0 else one(cpu)\n\n\n"
         + READER + "    return count(cpu, 3)\n"),
    Case("functions that call each other", "reader calls itself; write a loop",
         "@kernel\ndef back(cpu: Cpu) -> int:\n    return reader(cpu)  # !\n\n\n" + READER + "    return back(cpu)\n",
         "@kernel\ndef back(cpu: Cpu) -> int:\n    return one(cpu)\n\n\n" + READER + "    return back(cpu)\n"),
    Case("any number of arguments", NOT_PLAIN,
         "@kernel\ndef many(cpu: Cpu, *more: int) -> int:  # !\n    return 1\n\n\n" + READER + "    return many(cpu)\n",
         "@kernel\ndef many(cpu: Cpu, more: int) -> int:\n    return 1\n\n\n" + READER + "    return many(cpu, 1)\n"),
    Case("a parameter for keywords only", NOT_PLAIN,
         "@kernel\ndef named(cpu: Cpu, *, n: int) -> int:  # !\n    return n\n\n\n"
         + READER + "    return named(cpu, n=1)\n",
         "@kernel\ndef named(cpu: Cpu, n: int) -> int:\n    return n\n\n\n" + READER + "    return named(cpu, n=1)\n"),
)  # fmt: skip

NUMBERS = (
    value("a literal beyond 64 bits",
          "0xffffffffffffffff does not fit into a signed 64-bit word; write the word that you mean, for example -1",
          "0xFFFF_FFFF_FFFF_FFFF", "0x7FFF_FFFF_FFFF_FFFF"),
    value("a literal below 64 bits",
          "-0x8000000000000001 does not fit into a signed 64-bit word; write the word that you mean, "
          "for example 9223372036854775807", "-0x8000_0000_0000_0001", "-0x8000_0000_0000_0000"),
    value("a number of the file beyond 64 bits",
          "0x10000000000000000 does not fit into a signed 64-bit word; write the word that you mean, for example 0",
          "HUGE", "LIMIT"),
    value("a float", "a float, 1.5; " + NO_OBJECTS, "1.5"),
    value("a string", "a string, 'text'; " + NO_OBJECTS, "'text'"),
    value("bytes", "bytes, b'text'; " + NO_OBJECTS, "b'text'"),
    value("None", "None, None; " + NO_OBJECTS, "None"),
    value("a formatted string", "a string; " + NO_OBJECTS, "f'{LIMIT}'"),
    value("/", "/, which gives a float; write // for whole numbers", "LIMIT / 2", "LIMIT // 2"),
    value("**", "**; write a product or a shift", "LIMIT**2", "LIMIT * 2"),
    value("@", "@; write a product of integers", "LIMIT @ 2", "LIMIT * 2"),
    value("is", "is; write ==", "LIMIT is WORD", "LIMIT == 2"),
    value("is not", "is not; write !=", "LIMIT is not WORD", "LIMIT != 2"),
    value("in", "in; compare with ==", "LIMIT in TABLE", "LIMIT == 2"),
    value("not in", "not in; compare with !=", "LIMIT not in TABLE", "LIMIT != 2"),
    value("a shift by 64", "a shift by 64; shift by 0 to 63", "LIMIT >> 64", "LIMIT >> 63"),
    value("a shift by -1", "a shift by -1; shift by 0 to 63", "LIMIT << -1", "LIMIT << 1"),
    value("// 0", "// 0; divide by another number", "LIMIT // 0", "LIMIT // 1"),
    value("% 0", "% 0; divide by another number", "LIMIT % 0", "LIMIT % 1"),
    value("// False", "// 0; divide by another number", "LIMIT // False", "LIMIT // True"),
    body("a shift by 64 in place", "a shift by 64; shift by 0 to 63", "x = 1\nx <<= 64  # !\nreturn x",
         "x = 1\nx <<= 3\nreturn x"),
    value("or of numbers, used as a number",
          "the result of `and` or `or`, used as a number; write `x if x != 0 else y`, or compare each",
          "LIMIT or 2", "LIMIT == 3 or LIMIT == 2"),
)  # fmt: skip

CONSTRUCTS = (
    value("a list", "a list; " + IN_RAM, "[1]"),
    value("a tuple", "a tuple; assign as many names as there are values", "(1, 2)"),
    value("a dict", "a dict; " + IN_RAM, "{1: 2}"),
    value("a set", "a set; " + IN_RAM, "{1}"),
    value("an index", "an index; " + IN_RAM, "TABLE[1]"),
    step("an index that is stored to", "an index; " + IN_RAM, "TABLE[1] = 2", "y = 2"),
    step("a tuple of another length", "a tuple; assign as many names as there are values", "y, z = (1, 2, 3)",
         "y, z = (1, 2)"),
    step("a set that is taken apart", "a set; " + IN_RAM, "y, z = {2, 1}", "y, z = [2, 1]"),
    value("a comprehension", "a comprehension; " + A_LOOP, "[i for i in range(3)]"),
    value("a generator", "min with 1 arguments; give it 2", "min(i for i in range(3))"),
    value("a generator of its own", "a generator; " + A_LOOP, "(i for i in range(3))"),
    value("a lambda", "a lambda; define a function with @kernel", "lambda: 1"),
    body("a function inside", "a function inside of a function; define it beside this one, with @kernel",
         "def inner() -> int:  # !\n    return 1\nreturn inner()", "return one(cpu)"),
    body("a class", "a class; " + NO_OBJECTS, "class Inner:  # !\n    pass\nreturn 1", "return 1"),
    body("with", "with; call the function that takes it and the one that releases it",
         "with WORD:  # !\n    pass\nreturn 1", "if WORD:\n    pass\nreturn 1"),
    step("assert", "assert; return the code of an outcome, or call warn(...)", "assert LIMIT", "LIMIT"),
    body("del", "del; leave the name", "x = 1\ndel x  # !\nreturn 1", "x = 1\nx = 2\nreturn 1"),
    step("an import", "an import; import at the top of the file", "import os"),
    step("an import from a module", "an import; import at the top of the file", "from os import path"),
    body("match", "match; write if and elif",
         "match LIMIT:  # !\n    case 1:\n        pass\nreturn 1", "if LIMIT == 1:\n    pass\nreturn 1"),
    step("yield", "yield; return a number", "yield 1"),
    body("yield where nothing comes", "yield; return a number", "return 1\nyield 2  # !", "return 1"),
    step("global", "a global name that changes; " + IN_RAM, "global LIMIT"),
    body("global where nothing comes", "a global name that changes; " + IN_RAM,
         "if cpu.number:\n    return 0\n    global LIMIT  # !\nLIMIT = 1\nreturn LIMIT",
         "if cpu.number:\n    return 0\nLIMIT = 1\nreturn LIMIT"),
    value("an assignment inside of an expression",
          "an assignment inside of an expression; assign it in a line of its own", "(y := 1)"),
    body("try", "try; let the fault end the operation; the harness judges it",
         "try:  # !\n    cpu.load(WORD)\nexcept Oops:\n    return 2\nreturn 1", "cpu.load(WORD)\nreturn 1"),
    step("an attribute that is stored to",
         "Attribute, which is not kernel code; docs/scenario.md lists what kernel code has",
         "cpu.number = 1", "number = 1"),
)  # fmt: skip

WAYS = (
    body("no return", NO_NUMBER, "cpu.barrier()", "return 1"),
    body("no return on one way", NO_NUMBER, "if cpu.number:\n    return 1", "if cpu.number:\n    return 1\nreturn 0"),
    body("no return behind a loop", NO_NUMBER,
         "for i in range(3):\n    return i", "for i in range(3):\n    return i\nreturn 0"),
    body("no return behind a break", NO_NUMBER,
         "while True:\n    if cpu.load(WORD) == 0:\n        break\n    return 1",
         "while True:\n    if cpu.load(WORD) == 0:\n        return 0\n    return 1"),
    body("a return without a number", "reader returns a number elsewhere, and nothing here; return a number",
         "if cpu.number:\n    return  # !\nreturn 1", "if cpu.number:\n    return 0\nreturn 1"),
    body("if without else", UNASSIGNED,
         "if cpu.number:\n    x = 1\nreturn x  # !", "if cpu.number:\n    x = 1\nelse:\n    x = 0\nreturn x"),
    body("a while loop that may not run", UNASSIGNED,
         "while cpu.load(WORD):\n    x = 1\nreturn x  # !", "x = 0\nwhile cpu.load(WORD):\n    x = 1\nreturn x"),
    body("a for loop that may not run", UNASSIGNED,
         "for x in range(cpu.number):\n    pass\nreturn x  # !",
         "x = 0\nfor x in range(cpu.number):\n    pass\nreturn x"),
    body("a break before the assignment", UNASSIGNED,
         "while True:\n    if cpu.load(WORD) == 0:\n        break\n    x = 1\nreturn x  # !",
         "while True:\n    x = 1\n    if cpu.load(WORD) == 0:\n        break\nreturn x"),
    body("a way that does not go on with the next turn", UNASSIGNED,
         "for i in range(2):\n    if i:\n        x = 1\n    cpu.store(WORD, x)  # !\nreturn 1",
         "for i in range(2):\n    if i:\n        x = 1\n    else:\n        continue\n    cpu.store(WORD, x)\nreturn 1"),
    body("a name that gets its value in place", UNASSIGNED, "x += 1  # !\nreturn 1", "x = 0\nx += 1\nreturn 1"),
    body("a global name that becomes a local one",
         "LIMIT may have no value here; assign it on every path to this line",
         "x = LIMIT  # !\nLIMIT = 2\nreturn x & LIMIT", "x = LIMIT\nlimit = 2\nreturn x & limit"),
    Case("a name after try", UNASSIGNED,
         "@harness\ndef careful(cpu: Cpu) -> int:\n    try:\n        x = cpu.load(WORD)\n    except Exception:\n"
         "        pass\n    return x  # !\n\n\n" + READER + "    return careful(cpu)\n",
         "@harness\ndef careful(cpu: Cpu) -> int:\n    try:\n        x = cpu.load(WORD)\n    except Exception:\n"
         "        x = 2\n    return x\n\n\n" + READER + "    return careful(cpu)\n"),
    body("an outcome that there is not", "reader returns 32, which is not an outcome; " + NO_OUTCOME, "return 32  # !",
         "return 10"),
    body("an outcome below all", "reader returns -1, which is not an outcome; " + NO_OUTCOME, "return -1  # !",
         "return 0"),
    body("an outcome of another scenario", "reader returns 20, " + OTHER_OUTCOME, "return 20  # !", "return 10"),
    body("one of two outcomes", "reader returns 28, " + OTHER_OUTCOME,
         "return 10 if cpu.load(WORD) == 0 else 28  # !", "return 10 if cpu.load(WORD) == 0 else 9"),
    body("a name that is no outcome", "reader returns 28, " + OTHER_OUTCOME,
         "x = 28  # !\ncpu.barrier()\nreturn x", "x = 28\nx = cpu.load(WORD)\nreturn x"),
    Case("what another function returns", "other returns 28, " + OTHER_OUTCOME,
         "@kernel\ndef other(cpu: Cpu) -> int:\n    return 28  # !\n\n\n" + READER + "    return other(cpu)\n",
         "@kernel\ndef other(cpu: Cpu) -> int:\n    return 28\n\n\n" + READER + "    return other(cpu) & 1\n"),
    body("a truth as an outcome", A_TRUTH,
         "return cpu.load(WORD) == 0  # !", "return 10 if cpu.load(WORD) == 0 else 9"),
    body("True as an outcome", A_TRUTH, "return True  # !", "return 10"),
    body("a name that is a truth", A_TRUTH,
         "x = cpu.load(WORD) == 0  # !\nreturn x", "x = cpu.load(WORD) == 0\nreturn 10 if x else 9"),
    Case("an operation on a structure", "reader returns 28, " + OTHER_OUTCOME,
         "@kernel\ndef reader(cpu: Cpu, p: object) -> int:\n    return 28  # !\n",
         "@kernel\ndef reader(cpu: Cpu, p: object) -> int:\n    return 10\n"),
    body("returns without a number", NO_NUMBER, "return  # !", "return 10"),
)  # fmt: skip

LOOPS = (
    body("a loop that nothing ends", NO_END, "x = 0\nwhile True:  # !\n    x += 1",
         "x = 0\nwhile x < 9:\n    x += 1\nreturn 1"),
    body("a loop whose test never changes", NO_END,
         "x, y = 1, 0\nwhile x:  # !\n    y += 1\nreturn 1", "x, y = 1, 0\nwhile x:\n    x = y\nreturn 1"),
    body("a spin without relax", SPINS,
         "while cpu.load(WORD):  # !\n    pass\nreturn 1", "while cpu.load(WORD):\n    cpu.relax(WORD)\nreturn 1"),
    body("a spin that power-off does not end", NO_END,
         "while cpu.peek(WORD):  # !\n    cpu.barrier()\nreturn 1",
         "while cpu.peek(WORD):\n    cpu.relax(WORD)\nreturn 1"),
    body("while with else", "a loop with else; set a name and test it after the loop",
         "while cpu.load(WORD):  # !\n    cpu.relax(WORD)\nelse:\n    cpu.barrier()\nreturn 1",
         "while cpu.load(WORD):\n    cpu.relax(WORD)\ncpu.barrier()\nreturn 1"),
    body("for with else", "a loop with else; set a name and test it after the loop",
         "for i in range(2):  # !\n    cpu.barrier()\nelse:\n    cpu.barrier()\nreturn 1",
         "for i in range(2):\n    cpu.barrier()\ncpu.barrier()\nreturn 1"),
    body("a test that is a string", "a string, 'ever'; " + NO_OBJECTS,
         "while 'ever':  # !\n    cpu.relax(WORD)\nreturn 1", "while cpu.number:\n    cpu.relax(WORD)\nreturn 1"),
    body("a loop over a list", NOT_A_RANGE,
         "for i in [1, 2]:  # !\n    pass\nreturn 1", "for i in range(1, 3):\n    pass\nreturn 1"),
    body("a step of 0", A_STEP, "for i in range(0, 9, 0):  # !\n    pass\nreturn 1",
         "for i in range(0, 9, 1):\n    pass\nreturn 1"),
    body("a step that is a word", A_STEP,
         "for i in range(0, 9, cpu.number):  # !\n    pass\nreturn 1",
         "for i in range(0, 9, LIMIT):\n    pass\nreturn 1"),
    body("a range of nothing", NOT_A_RANGE, "for i in range():  # !\n    pass\nreturn 1",
         "for i in range(3):\n    pass\nreturn 1"),
)  # fmt: skip

EXCEPTIONS = (
    body("an Oops with arguments", OTHER_EXCEPTION,
         "if cpu.number:\n    note(cpu)\n    raise Oops('text')  # !\nreturn 1",
         "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
    body("an Oops without a cause", NO_CAUSE,
         "if cpu.number:\n    raise Oops  # !\nreturn 1", "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
    body("another exception", OTHER_EXCEPTION,
         "if cpu.number:\n    note(cpu)\n    raise ValueError  # !\nreturn 1",
         "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
    body("an exception that is a dict", OTHER_EXCEPTION,
         "if cpu.number:\n    note(cpu)\n    raise TABLE  # !\nreturn 1",
         "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
    body("the exception of the harness", OTHER_EXCEPTION,
         "if cpu.number:\n    note(cpu)\n    raise BrokenKernelCodeError  # !\nreturn 1",
         "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
    body("an Oops from another exception", OTHER_EXCEPTION,
         "if cpu.number:\n    note(cpu)\n    raise Oops from None  # !\nreturn 1",
         "if cpu.number:\n    note(cpu)\n    raise Oops\nreturn 1"),
)  # fmt: skip

CASES = (*NAMES, *CALLS, *NUMBERS, *CONSTRUCTS, *WAYS, *LOOPS, *EXCEPTIONS)
