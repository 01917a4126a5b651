"""Soaks: the journal that must not lose or invent a count, what may be added up, and what becomes of processes."""

from mutants.mutant import Group, Part, suite

FOLDER = Part("stress/campaign/folder.py")
READING = Part("stress/campaign/reading.py")
JOURNAL = Part("stress/campaign/soak/journal.py")
RUNDIR = Part("stress/campaign/soak/rundir.py")
CAMPAIGN_RECORDS = Part("stress/campaign/records.py")
PLAN = Part("stress/campaign/soak/plan.py")
TURNS = Part("stress/campaign/soak/turns.py")
TALLY = Part("stress/judge/tally.py")
RECORDS = Part("stress/campaign/soak/records.py")
DISTRIBUTED = Part("stress/campaign/soak/distributed.py")
BASE = Part("stress/campaign/soak/base.py")
LOCAL = Part("stress/campaign/soak/local.py")
PIPES = Part("stress/campaign/pipes.py")
PROCESS = Part("stress/campaign/child.py")
PAPER = suite("campaign/soak")
COMMAND = suite(*(f"frontdoor/test_soak{part}.py" for part in ("", "_kills", "_refusals", "_endings", "_crashes")))

GROUP = Group(
    "Soaks",
    (PAPER, COMMAND),
    (
        FOLDER.of("def append(self, line").mutant(
            "line-unsynced", "a line is not made to last", "            os.fsync(self._handle)\n", ""
        ),
        FOLDER.of("def append(self, line").without("part-stays", "half a line stays in the file", "os.ftruncate("),
        FOLDER.of("def __init__(self, path").without(
            "tail-stays", "a torn line stays when a soak goes on", "os.ftruncate("
        ),
        FOLDER.of("def lock_opened(").never("shared-lock", "two processes write to one directory", "not had"),
        JOURNAL.of("def thinned(").mutant(
            "last-thinned",
            "thinning drops where scenarios stand",
            "sorted(last.values())",
            "sorted(last.values())[:-1]",
        ),
        JOURNAL.of("def append(").never(
            "never-thinned", "the samples grow without bound", "self._count >= self.most_samples"
        ),
        READING.of("def __iter__(self) -> Iterator[Line]").mutant(
            "torn-read", "a torn line is an error", "kept is not None and ZERO not in kept", "kept is not None"
        ),
        READING.of("def read_head(").mutant(
            "newer-read", "a newer schema is read as if it were known", "schema > newest", "schema > newest + 1"
        ),
        RUNDIR.of("def check(").never("foreign-lines", "lines of another soak are counted", "scenario not in known"),
        RUNDIR.of("def check(").mutant("back-in-time", "counts may shrink", "later < earlier", "later < earlier - 1e9"),
        CAMPAIGN_RECORDS.of("def changed(").mutant(
            "changed-scenario", "a changed scenario is added to", "part.digest, digest_here", "'', str"
        ),
        CAMPAIGN_RECORDS.of("def _differs(").never(
            "changed-sources", "counts of what has changed are added up", "here != planned"
        ),
        TALLY.of("def joined(").mutant(
            "first-seen-last",
            "the first violation of many machines is on no clock",
            "first = self.seconds + later.first_violation_s",
            "first = later.first_violation_s",
        ),
        RECORDS.of("def joined(").mutant(
            "twin-of-one", "the twin of one worker counts", "reduce(Tally.joined, twins)", "twins[-1]"
        ),
        DISTRIBUTED.of("def _plan_of(").mutant("seeds-again", "turns share their seeds", "/{session}/{number}", ""),
        DISTRIBUTED.of("def take(").without("loss-for-ever", "lost turns never end it", "self._losses += 1"),
        DISTRIBUTED.of("def _session_of(").mutant(
            "one-host", "all turns seem to be of one host", "if worker not in self._sessions:", "if not self._sessions:"
        ),
        PLAN.of("def _asked(").never("changed-settings", "other settings are added to", "was != wanted"),
        TURNS.of("def _track(").mutant(
            "from-nothing", "a resumed soak forgets its counts", "= tally, slices", "= Tally(), slices"
        ),
        TURNS.of("def _slice(").mutant("twin-never", "the twin gets no slice", "TWIN_EVERY == 1", "TWIN_EVERY == -1"),
        TURNS.of("def _turn(").mutant(
            "stall-forgotten", "a stall is not reported", "report_stall(track.stall) if track.stall else", ""
        ),
        LOCAL.of("def _record(").mutant(
            "time-forgotten", "the soak's time starts again each turn", "self.elapsed_s + turn.seconds", "turn.seconds"
        ),
        BASE.of("def _learn(").mutant(
            "told-again", "an outcome is reported again and again", "outcome not in known and ", ""
        ),
        LOCAL.of("def _ended(").mutant(
            "death-unseen", "a crash is taken for an end in order", "death = child.death()", "death = None"
        ),
        BASE.of("def _status(").mutant(
            "always-complete", "an interrupted soak seems complete", 'return "interrupted" if', 'return "complete" if'
        ),
        PROCESS.of("def death(").mutant("no-signal", "a killed process seems to have ended", "code == 0", "code <= 0"),
        PIPES.of("def _write_all(").mutant(
            "part-sent",
            "a long message is sent in part",
            "data = data[os.write(handle, data) :]",
            "os.write(handle, data[:4096]); data = b''",
        ),
    ),
)
