"""What a CPU of the python engine looks at around each access."""

from mutants.mutant import Group, Part, suite

ENGINE = Part("stress/machine/python_engine.py")
LOAD = ENGINE.of("def load(address: int)")
LOAD8 = ENGINE.of("def load8(address: int)")
STORE = ENGINE.of("def store(address: int, value: int)")
STORE8 = ENGINE.of("def store8(address: int, value: int)")
CMPXCHG = ENGINE.of("def cmpxchg(address: int, old: int, new: int)")
SEE = ENGINE.of("def see(")
FAULTS = Part("stress/machine/faults.py")
RELAX = ENGINE.of("def relax(")
SLEEP = ENGINE.of("def sleep(")

SHADOWED = "if shadowed and (shadow := octets[address >> 3]):"
UNLOOKED = "if shadowed and (shadow := 0):"
LOOK = SHADOWED + "\n                see(address, {}, shadow)\n            "

POWER_OFF = suite("machine/test_power_off.py", without="native")
STALLS = suite("run/test_stalls.py", without="native")

GROUP = Group(
    "Detectors of the python engine",
    (suite("machine/test_wild.py", "machine/test_accesses.py", "machine/test_power_off.py", without="native"),),
    (
        LOAD.mutant("python-load-shadow", "a load does not look at the shadow", SHADOWED, UNLOOKED),
        LOAD.mutant("python-load-aligned", "a load at an odd address is no fault", "address & 7 or ", ""),
        LOAD.mutant("python-load-low", "a load below RAM is no fault", "0 <= address - LOW", "address - LOW"),
        LOAD.mutant("python-load-bound", "a load above the bound is no fault", " < words[bound]", ""),
        LOAD.mutant(
            "python-load-order",
            "a load takes its value after it looked at the shadow",
            "return value",
            "return words[address >> 3]",
        ),
        LOAD8.mutant("python-load8-shadow", "a load of a byte does not look at the shadow", SHADOWED, UNLOOKED),
        LOAD8.never(
            "python-load8-bound", "a load of a byte outside of RAM is no fault", "not 0 <= address - LOW < words[bound]"
        ),
        LOAD8.mutant(
            "python-load8-order",
            "a load of a byte takes its value after it looked at the shadow",
            "return value",
            "return octets[address]",
        ),
        STORE.mutant("python-store-shadow", "a store does not look at the shadow", SHADOWED, UNLOOKED),
        STORE.mutant("python-store-aligned", "a store at an odd address is no fault", "address & 7 or ", ""),
        STORE.mutant("python-store-bound", "a store above the bound is no fault", " < words[bound]", ""),
        STORE8.mutant("python-store8-shadow", "a store of a byte does not look at the shadow", SHADOWED, UNLOOKED),
        STORE8.never(
            "python-store8-bound",
            "a store of a byte outside of RAM is no fault",
            "not 0 <= address - LOW < words[bound]",
        ),
        STORE.late(
            "python-store-order",
            "a store looks at the shadow after it acted",
            "if shadowed and (shadow := octets[address >> 3])",
        ),
        STORE8.late(
            "python-store8-order",
            "a store of a byte looks at the shadow after it acted",
            "if shadowed and (shadow := octets[address >> 3])",
        ),
        CMPXCHG.mutant(
            "python-cmpxchg-order",
            "compare-exchange looks at the shadow after it acted",
            "            return seen",
            "            if shadowed and octets[address >> 3]:\n"
            "                see(address, READ_WORD, octets[address >> 3])\n            return seen",
        ),
        CMPXCHG.mutant("python-cmpxchg-shadow", "compare-exchange does not look at the shadow", SHADOWED, UNLOOKED),
        CMPXCHG.mutant(
            "python-cmpxchg-aligned", "compare-exchange at an odd address is no fault", "address & 7 or ", ""
        ),
        CMPXCHG.mutant("python-cmpxchg-bound", "compare-exchange above the bound is no fault", " < words[bound]", ""),
        CMPXCHG.mutant("python-cmpxchg-lock", "compare-exchange is not one step", "with lock:", "if lock:"),
        FAULTS.of("def note_hit(").always(
            "first-hit", "the last bad access is noted, not the first", "cpu.peek(cpu.log + HIT_ADDRESS) == 0"
        ),
        SEE.mutant("python-unmapped", "unmapped memory can be read", "features.unmapped and", "False and"),
        FAULTS.of("def note_fault(").mutant(
            "power-off-cause",
            "an access that power-off cut short looks wild",
            "CAUSE_POWER_OFF if cpu.peek(BOUND) == 0 else CAUSE_WILD",
            "CAUSE_WILD",
        ),
        RELAX.never(
            "python-relax-power-off",
            "power-off does not end a spin",
            "words[BOUND >> 3] == 0",
            POWER_OFF,
        ),
        RELAX.without(
            "python-spinning-on",
            "a spin does not say on which word",
            "words[log + SPINNING_ON >> 3] = address",
            STALLS,
        ),
        RELAX.without("python-spins", "spins are not counted", "words[log + SPINS >> 3] += 1", STALLS),
        SLEEP.never(
            "python-sleep-power-off",
            "power-off does not end a loop that sleeps",
            "self._words[BOUND >> 3] == 0",
            POWER_OFF,
        ),
        ENGINE.mutant(
            "python-cpu-cycle",
            "a CPU is in a reference cycle, which keeps its machine's RAM",
            "self._make_notes(BareCpu(ram, number, self._words, self._bytes), features)",
            "self._make_notes(self, features)",
            suite("run/test_ram_freed.py", without="native"),
        ),
        SLEEP.without("python-sleeps", "sleeps are not counted", "self._words[self.log + SLEEPS >> 3] += 1", STALLS),
    ),
)
