"""Workers: nothing is lost with one, none has two tasks or one it cannot do, and only what is right is believed."""

from mutants.mutant import Group, Part, suite

CLUSTER = Part("stress/campaign/workers/cluster.py")
EXECUTOR = Part("stress/campaign/workers/executor.py")
FUTURES = Part("stress/campaign/workers/futures.py")
ENVELOPE = Part("stress/campaign/workers/envelope.py")
REMOTE = Part("stress/campaign/sweep/remote.py")
RECORDS = Part("stress/campaign/sweep/records.py")
SWEEP = Part("stress/campaign/sweep/sweep.py")
SECTIONS = Part("stress/results/report/sections.py")
TABLE = Part("stress/results/report/table_csv.py")
WORKERS = suite("campaign/workers")
LOSSES = suite("campaign/workers/test_losses.py")
COMMAND = suite("frontdoor/test_cluster.py")
PAGES = suite("results/report/test_markdown_csv.py")

GROUP = Group(
    "Workers",
    (WORKERS, COMMAND),
    (
        CLUSTER.of("def is_free(").mutant(
            "two-at-once", "a worker of a cluster is given a second task", " and self.future is None", ""
        ),
        CLUSTER.of("def _admit(").mutant(
            "unfit-hired", "a worker that differs is given tasks", "worker.fit = not reasons", "worker.fit = True"
        ),
        CLUSTER.of("def _look(").never(
            "lost-with-worker", "the task of a worker that left is forgotten", "worker.tag is not None"
        ),
        CLUSTER.of("def _look(").mutant(
            "latecomers", "a worker that comes later is not asked", "in there if address not in", "in there if not"
        ),
        CLUSTER.of("def _look(").mutant(
            "any-worker", "a task may wander to another worker", "allow_other_workers=False", "allow_other_workers=True"
        ),
        CLUSTER.of("def _look(").mutant(
            "scheduler-awaited",
            "a scheduler that hangs is waited for",
            "callback_timeout=ANSWER_SECONDS",
            "callback_timeout=0",
        ),
        CLUSTER.of("def _wait(").never(
            "worker-awaited",
            "a worker is waited for without end",
            "now > self._alone_since + LONGEST_WAIT",
        ),
        CLUSTER.of("def close(").without(
            "tasks-left", "tasks go on when nobody waits for them", "worker.cancel("
        ),
        CLUSTER.of("def on_worker(").mutant(
            "still-wanted",
            "a cell on a worker goes on when its sweep has ended",
            'task is None or task.state != "executing" or worker.status.name in ENDING',
            "False",
            COMMAND,
        ),
        CLUSTER.of("def connect(").mutant(
            "tls-traceback", "a wrong address is taken for a fault", "except Exception as", "except OSError as", COMMAND
        ),
        EXECUTOR.of("def has_room(").mutant(
            "one-too-many", "an executor is given one task more than it may have", "< self", "<= self"
        ),
        EXECUTOR.of("def __init__(").mutant(
            "executor-unasked",
            "workers of an executor are not asked",
            "if reasons := unpack(said, Introduction, WHO).objections:",
            "if reasons := ():",
        ),
        EXECUTOR.of("def returned(").mutant(
            "broken-pool", "a broken executor is taken for a lost task", "isinstance(error := future.exception(), ",
            "isinstance(error := None, ",
        ),
        EXECUTOR.of("def close(").without(
            "nursery-kept", "what an executor's threads have loaded stays", "self._service.release("
        ),
        FUTURES.of("def taken(").mutant(
            "raised-here", "what a worker raises is raised here", "except Exception as", "except ValueError as"
        ),
        ENVELOPE.of("def unpack(").never(
            "any-version", "another version's answers are believed", "theirs != made_by()"
        ),
        ENVELOPE.of("def unpack(").mutant(
            "deep-letter", "an answer that is nested deeply ends the sweep", ", RecursionError)", ")"
        ),
        REMOTE.of("def _check_run(").mutant(
            "another-cell",
            "the run of another cell is kept",
            "(known.scenario, known.engine, known.cpus, known.seed) != ",
            "() == ",
        ),
        RECORDS.of('def __attrs_post_init__(self) -> None:\n        """Raise ValueError unless there is a run').never(
            "contradiction",
            "an answer that contradicts itself is kept",
            "not (self.end == DONE) == (self.run is not None) == (self.trouble is None)",
        ),
        SWEEP.of("def take(").without(
            "lost-cell", "a cell that was lost is forgotten", "self.agenda.put_back(", LOSSES
        ),
        SWEEP.of("def take(").without(
            "lost-for-ever", "a cell that kills its workers is given to all", "self._lost[cell] += 1", LOSSES
        ),
        SECTIONS.of("def _facts(").mutant(
            "hosts-mixed", "hosts of a cluster are taken for one", "if one.worker else []", "if False else []", PAGES
        ),
        TABLE.of("def _row(").mutant(
            "worker-unsaid", "the CSV does not say who ran a cell", "yield entry.worker", "yield None", PAGES
        ),
    ),
)  # fmt: skip
