"""Sweeps: every cell once and as it was asked for, whatever becomes of one is reported, and nothing wrong starts."""

from mutants.mutant import Group, Part, suite

AGENDA = Part("stress/campaign/sweep/agenda.py")
AXES = Part("stress/campaign/sweep/axes.py")
MATRIX = Part("stress/campaign/sweep/matrix.py")
PLAN = Part("stress/campaign/sweep/plan.py")
SWEEPDIR = Part("stress/campaign/sweep/sweepdir.py")
CELL = Part("stress/campaign/sweep/cell.py")
PIPES = Part("stress/campaign/pipes.py")
SWEEP = Part("stress/campaign/sweep/sweep.py")
NURSERY = Part("stress/campaign/nursery.py")
VARIATION = Part("stress/runs/variation.py")
TRACK = Part("stress/runs/track.py")
SWEEP = Part("stress/campaign/sweep/sweep.py")
ENTRIES = Part("stress/results/load/entries.py")
PAPER = suite("campaign/sweep", "run/test_variation.py")
COMMAND = suite(*(f"frontdoor/test_sweep{part}.py" for part in ("_cells", "", "_kills")))

GROUP = Group(
    "Sweeps",
    (PAPER, COMMAND),
    (
        MATRIX.of("def check(").mutant(
            "first-error-only", "only the first error of a plan is reported", "*self._texts)", "*self._texts[:1])"
        ),
        MATRIX.of("def values_on(").never(
            "value-twice", "a value may be there twice", "value is not None and value in values"
        ),
        MATRIX.of("def _unknown(").never("any-key", "a key that nobody knows is no error", "key not in names"),
        MATRIX.of("def add(").always(
            "told-for-each", "an error is reported again for each cell", "text not in self._texts"
        ),
        AXES.of("def one_path(").mutant("two-names", "a file under two names is two values", "realpath", "abspath"),
        PLAN.of("def _cell(").mutant(
            "flag-not-key", "an error of a plan names a flag", "matrix.where(flag)", "f'--{flag}'"
        ),
        PLAN.of("def order(").mutant("not-shuffled", "cells run in the plan's order", "shuffle(block)", "random()"),
        PLAN.of("def order(").mutant("one-block", "every repeat has the same order", "/{repeat}", ""),
        PLAN.of("def seed_of_cell(").mutant("seed-of-repeat", "repeats of a cell share a seed", "/{repeat}", ""),
        PLAN.of("def _differences(").without(
            "changed-cells",
            "a changed scenario is swept on with",
            "yield from changed(plan.scenarios, plan.sources_digest, plan.corpus_digests.items())",
        ),
        PLAN.of("def config_of(").mutant(
            "fate-lost",
            "a cell forgets its fate",
            "**settings_of(values, AXES)",
            "**{**settings_of(values, AXES), 'fate': None}",
        ),
        SWEEPDIR.of("def _check(self, one").never("counted-twice", "a cell may be there twice", "place in self._seen"),
        SWEEPDIR.of("def _check(self, one").mutant(
            "foreign-cells", "cells of another sweep are counted", "one.number >= len(plan.cells) or ", ""
        ),
        SWEEPDIR.of("def take(self").mutant(
            "any-run", "any object is a run", "None if run is None else from_json(", "None and from_json("
        ),
        AGENDA.of("def __init__(").mutant("run-again", "what has ended runs again", "if cell not in done", ""),
        SWEEP.of("def _status(").mutant(
            "always-whole", "a sweep that was cut short seems complete", 'return "interrupted"', 'return "complete"'
        ),
        CELL.of("def _hangs(").mutant("hangs-on", "a cell that hangs is waited for", "self._patience.spent()", "None"),
        CELL.of("def how(").mutant(
            "late-word",
            "what a late cell says counts",
            "if self.hung:",
            "if self.hung and self.said is None:",
        ),
        PIPES.of("def read_message(").mutant(
            "garbled-sweep",
            "a line that cannot be read ends the sweep",
            "(UserError, ValueError, LookupError, TypeError, RecursionError)",
            "NotImplementedError",
        ),
        Part("stress/errors.py", "def is_for_memory(").mutant(
            "memory-unknown",
            "RAM that is refused is a failure of the harness",
            'getattr(error, "errno", None) in (errno.ENOMEM, errno.EAGAIN)',
            "False",
            suite("run/test_memory.py"),
        ),
        CELL.of("def run_cell(").without(
            "half-a-cell",
            "a cell that a signal ended is kept",
            "raise StoppedError",
        ),
        NURSERY.of("def _become(").mutant(
            "exit-unsaid", "every process of a cell seems to have ended well", "os._exit(code)", "os._exit(0)"
        ),
        NURSERY.of("def _hear(").mutant(
            "end-awaited", "a look at a process waits for its end", "recv(MESSAGE_BYTES, flags)", "recv(MESSAGE_BYTES)"
        ),
        SWEEP.of("def others(").mutant(
            "too-few-counts",
            "a cell with too few CPUs is not as expected",
            "for run in runs if applies(run)",
            "for run in runs",
        ),
        SWEEP.of("def others(").never(
            "nothing-ran", "a sweep in which nothing could run ends well", "runs and not applicable"
        ),
        ENTRIES.of("def _standing(").never(
            "too-few-told",
            "a report takes a run with too few CPUs for inconclusive",
            "not self.run.applicable",
        ),
        VARIATION.of("def _with_writers(").mutant(
            "one-writer", "there is one writer, whatever the ratio", "_on(program, writers)", "_on(program, 1)"
        ),
        TRACK.of("def prepare(").without(
            "never-varied", "a variation is forgotten", "scenario = vary(scenario, settings.config)"
        ),
    ),
)
