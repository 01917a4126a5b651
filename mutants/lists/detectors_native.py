"""What a compiled CPU looks at around each access."""

from mutants.mutant import Group, Part, suite

ENGINE = Part("stress/machine/native/cpu.py")
CHECKS = Part("stress/machine/native/checks.py")
LOAD = ENGINE.of("def load(cpu: Any, address: int)")
LOAD8 = ENGINE.of("def load8(cpu: Any, address: int)")
STORE = ENGINE.of("def store(cpu: Any, address: int, value: int)")
STORE8 = ENGINE.of("def store8(cpu: Any, address: int, value: int)")
CMPXCHG = ENGINE.of("def cmpxchg(cpu: Any, address: int, old: int, new: int)")
IS_BAD = CHECKS.of("def is_bad(")
RELAX = ENGINE.of("def relax(cpu: Any, address: int)")
SLEEP = ENGINE.of("def sleep(cpu: Any, nanoseconds: int)")

LOOK, NO_LOOK = "look(cpu,", "if False:\n            look(cpu,"
ALIGNED, NOT_ALIGNED = "is_bad(cpu, address, 7)", "is_bad(cpu, address, 0)"
POWERED = "if unlikely(load_word(cpu.base + BOUND) == 0):"

POWER_OFF = suite("machine/test_power_off.py", without="python")
LAST_TOUCH = suite("machine/test_last_touch.py", without="python")
STALLS = suite("run/test_stalls.py", without="python")

GROUP = Group(
    "Detectors of the native engine",
    (suite("machine/test_wild.py", "machine/test_accesses.py", "machine/test_engines_equal.py", without="python"),),
    (
        LOAD.mutant("native-load-shadow", "a load does not look at the shadow", LOOK, NO_LOOK),
        LOAD.mutant("native-load-aligned", "a load at an odd address is no fault", ALIGNED, NOT_ALIGNED),
        LOAD.mutant(
            "native-load-order",
            "a load takes its value after it looked at the shadow",
            "return value",
            "return load_word(cpu.base + address)",
        ),
        LOAD8.mutant("native-load8-shadow", "a load of a byte does not look at the shadow", LOOK, NO_LOOK),
        LOAD8.never("native-load8-bound", "a load of a byte outside of RAM is no fault", NOT_ALIGNED),
        LOAD8.mutant(
            "native-load8-order",
            "a load of a byte takes its value after it looked at the shadow",
            "return value",
            "return load_octet(cpu.base + address)",
        ),
        STORE.mutant("native-store-shadow", "a store does not look at the shadow", LOOK, NO_LOOK),
        STORE.mutant("native-store-aligned", "a store at an odd address is no fault", ALIGNED, NOT_ALIGNED),
        STORE.never("native-store-bound", "a store outside of RAM is no fault", ALIGNED),
        STORE8.mutant("native-store8-shadow", "a store of a byte does not look at the shadow", LOOK, NO_LOOK),
        STORE8.never("native-store8-bound", "a store of a byte outside of RAM is no fault", NOT_ALIGNED),
        STORE.late(
            "native-store-order",
            "a store looks at the shadow after it acted",
            "look(cpu, address, WRITE_WORD)",
            LAST_TOUCH,
        ),
        STORE8.late(
            "native-store8-order",
            "a store of a byte looks at the shadow after it acted",
            "look(cpu, address, WRITE_BYTE)",
            LAST_TOUCH,
        ),
        CMPXCHG.late(
            "native-cmpxchg-order",
            "compare-exchange looks at the shadow after it acted",
            "look(cpu, address, READ_WORD)",
            LAST_TOUCH,
        ),
        ENGINE.of("def memchr_inv(").mutant(
            "native-poison-words",
            "only the first word of a freed block is looked at",
            "address += 8",
            "address = end",
            LAST_TOUCH,
        ),
        CMPXCHG.mutant("native-cmpxchg-shadow", "compare-exchange does not look at the shadow", LOOK, NO_LOOK),
        CMPXCHG.mutant("native-cmpxchg-aligned", "compare-exchange at an odd address works", ALIGNED, NOT_ALIGNED),
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
