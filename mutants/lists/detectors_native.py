"""What a compiled CPU looks at around each access."""

from mutants.mutant import Group, Part, suite

ENGINE = Part("stress/machine/native/cpu.py")
CHECKS = Part("stress/machine/native/checks.py")
ACCESSES = Part("stress/machine/native/accesses.py")
READ = ACCESSES.of("def read(")
WRITE = ACCESSES.of("def write(")
CHANGE = ACCESSES.of("def may_change(")
CMPXCHG = ACCESSES.of("def cmpxchg(")
IS_BAD = CHECKS.of("def is_bad(")
RELAX = ENGINE.of("def relax(cpu: Any, address: int)")
SLEEP = ENGINE.of("def sleep(cpu: Any, nanoseconds: int)")

LOOK, NO_LOOK = "look(cpu,", "if False:\n            look(cpu,"
ALIGNED, NOT_ALIGNED = "WORD_BITS", "BYTE_BITS"

POWER_OFF = suite("machine/test_power_off.py", without="python")
LAST_TOUCH = suite("machine/test_last_touch.py", without="python")
STALLS = suite("run/test_stalls.py", without="python")

GROUP = Group(
    "Detectors of the native engine",
    (suite("machine/test_wild.py", "machine/test_accesses.py", "machine/test_engines_equal.py", without="python"),),
    (
        READ.mutant("native-read-shadow", "a load does not look at the shadow", LOOK, NO_LOOK),
        READ.mutant(
            "native-read-order",
            "a load takes its value after it looked at the shadow",
            "return value",
            "return take(cpu, address)",
        ),
        WRITE.mutant("native-write-shadow", "a store does not look at the shadow", LOOK, NO_LOOK),
        WRITE.late(
            "native-write-order",
            "a store looks at the shadow after it acted",
            "look(cpu, address, access)",
            LAST_TOUCH,
        ),
        CHANGE.mutant("native-change-shadow", "a read-modify-write does not look at the shadow", LOOK, NO_LOOK),
        CMPXCHG.late(
            "native-cmpxchg-order",
            "compare-exchange looks at the shadow after it acted",
            "may_change(cpu, address, READ_WORD)",
            LAST_TOUCH,
        ),
        ACCESSES.of("def load(").mutant(
            "native-load-aligned", "a load at an odd address is no fault", ALIGNED, NOT_ALIGNED
        ),
        ACCESSES.of("def store(").mutant(
            "native-store-aligned", "a store at an odd address is no fault", ALIGNED, NOT_ALIGNED
        ),
        CHANGE.mutant("native-change-aligned", "a read-modify-write at an odd address works", ALIGNED, NOT_ALIGNED),
        ACCESSES.of("def begin(").never(
            "native-access-bound", "an access outside of RAM is no fault", "unlikely(is_bad(cpu, address, low_bits))"
        ),
        Part("stress/machine/native/ranges.py")
        .of("def memchr_inv(")
        .mutant(
            "native-poison-words",
            "only the first word of a freed block is looked at",
            "address += 8",
            "address = end",
            LAST_TOUCH,
        ),
        IS_BAD.mutant(
            "native-low",
            "an access just below RAM is no fault",
            "is_below(address - LOW",
            "is_below(max(address - LOW, 0)",
        ),
        IS_BAD.mutant(
            "native-bound", "an access above the bound is no fault", "load_word(cpu.base + BOUND)", "0x2000_0000"
        ),
        CHECKS.of("def fault_unmapped(").mutant(
            "native-unmapped", "unmapped memory can be read", "shadow == SHADOW_UNMAPPED", "shadow == 256"
        ),
        CHECKS.of("def fault_unmapped(").never(
            "native-unmapped-redzone",
            "where memory is unmapped, reads of redzones go unseen",
            "unlikely(shadow != 0)",
        ),
        RELAX.never("native-relax-power-off", "power-off does not end a spin", "unlikely(", POWER_OFF),
        RELAX.without(
            "native-spinning-on",
            "a spin does not say on which word",
            "store_word(cpu.base + cpu.log + SPINNING_ON, address)",
            STALLS,
        ),
        RELAX.without("native-spins", "spins are not counted", "store_word(cpu.base + cpu.log + SPINS, spins)", STALLS),
        SLEEP.never("native-sleep-power-off", "power-off does not end a loop that sleeps", "unlikely(", POWER_OFF),
    ),
)
