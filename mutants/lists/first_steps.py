"""Settings, drives and first steps: what was asked for runs, for as long as that, and nothing is overwritten."""

from mutants.mutant import Group, Part, suite

SETTINGS = Part("stress/settings.py")
KINDS = Part("stress/kinds.py")
TEMPLATE = Part("stress/scenario_template.py")
LOOP = Part("stress/machine/loop.py")
DRIVE = Part("stress/runs/drive.py")
PATH = Part("stress/learning_path.py")
NEW = suite("frontdoor/test_new.py")
STEPS = suite("frontdoor/test_path.py")
CHECKS = suite("run/test_variation.py", "run/test_adding_a_setting.py", "campaign/sweep/test_matrix.py")
DRIVES = suite("run/test_drives.py")

GROUP = Group(
    "Settings, drives and first steps",
    (CHECKS,),
    (
        SETTINGS.of("def read(").never("setting-unchecked", "a wrong value of a setting is taken", "wrong"),
        SETTINGS.of("def words(").mutant(
            "rerun-forgets", "the command to run again lacks settings", "[] if value is None else", "[] if value else"
        ),
        KINDS.of("def from_to(").mutant("most-exceeded", "a value may be one too large", "<= most", "<= most + 1"),
        TEMPLATE.of("def _write_new(").never(
            "new-overwrites", "a file that is there is an error too late", "lexists", NEW
        ),
        TEMPLATE.of("def write_pair(").never(
            "any-file-name", "a name that no scenario can have is taken", "isidentifier", NEW
        ),
        TEMPLATE.of("def _copy(").mutant(
            "template-named", "every new scenario has the same name", ".replace(NAME, name)", "", NEW
        ),
        PATH.mutant(
            "path-repeats", "a step of the path comes twice", 'Step("reused_memory"', 'Step("modlist_spinlock"', STEPS
        ),
        LOOP.of("def resting(").mutant(
            "limit-exceeded",
            "a CPU runs one operation more than its limit",
            ">= cpu.load(LAST",
            "> cpu.load(LAST",
            DRIVES,
        ),
        LOOP.of("def safepoint_or_rest(").mutant(
            "one-more-at-the-end",
            "a CPU at rest begins an operation more at power-off",
            "cpu.load(LAST_OPERATION)",
            "cpu.peek(LAST_OPERATION) and cpu.peek(BOUND) != 0",
            DRIVES,
        ),
        LOOP.of("def safepoint_or_rest(").mutant(
            "rests-deaf",
            "a CPU at rest passes no safepoint, and holds up a stop",
            "            cpu.yield_core()\n            safepoint(cpu)",
            "            cpu.yield_core()",
            DRIVES,
        ),
        DRIVE.of("class ForOperations").mutant(
            "limit-unset",
            "the limit of operations is not written",
            "ram.poke(LAST_OPERATION, self.operations)",
            "pass",
            DRIVES,
        ),
        DRIVE.of("class ForOperations").mutant(
            "first-done-ends", "a slice ends with its fastest CPU", "if all(done", "if any(done", DRIVES
        ),
    ),
)
