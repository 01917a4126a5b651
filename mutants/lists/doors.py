"""Cores of the host, streams, signals and systems: nothing of somebody else's, or that is lacking, is in the way."""

from mutants.mutant import Group, Part, suite

CORES = Part("stress/host/cores.py")
HOLDER = Part("stress/host/holder.py")
FOLDER = Part("stress/host/lock_folder.py")
ITEMS = Part("stress/marks/host.py")
STREAMS = Part("stress/host/streams.py")
SIGNALS = Part("stress/host/interrupts.py")
SYSTEM = Part("stress/host/system.py")
NURSERY = Part("stress/campaign/nursery.py")
CONSOLES = Part("stress/results/terminal/consoles.py")
WAITING = suite(*(f"plugin/test_{part}.py" for part in ("progress", "host")))
FOLDERS = suite("plugin/test_lock_folder.py")
BUSY = suite("plugin/test_busy_cores.py")
READERS = suite("frontdoor/test_streams.py")
HANGUPS = suite("frontdoor/test_hangup.py")
SYSTEMS = suite("frontdoor/test_platforms.py")

GROUP = Group(
    "Cores of the host, streams, signals and systems",
    (WAITING,),
    (
        CORES.of("def look(").mutant(
            "pause-is-stuck",
            "a pause of the host is held against who has the cores",
            "min(now - self._looked, LONGEST_LOOK)",
            "now - self._looked",
        ),
        CORES.of("def look(").mutant(
            "progress-unseen", "progress of who has the cores is not seen", " if holder == self._seen else 0.0", ""
        ),
        CORES.of("def until(").without(
            "progress-kept", "who waits with cores passes no progress on", "self.wanted.beat("
        ),
        CORES.of("def until(").never(
            "stuck-for-hours",
            "a run that hangs is waited for an hour",
            "waited.stuck >= LONGEST_STUCK",
        ),
        CORES.of("def close(").without(
            "unlock-by-close",
            "cores stay locked if somebody else has the file open",
            "system.unlock(",
        ),
        CORES.of("def _forget_all(").without(
            "fork-has-cores",
            "a forked process keeps the cores of a parent that died",
            "held.forget(",
        ),
        CORES.of("def chosen(").mutant(
            "campaign-skips", "a campaign skips", "WAIT if value == SKIP else value", "value"
        ),
        HOLDER.of("def beat(").never("beats-always", "progress is written at each look", "now < self._next"),
        HOLDER.of("def _process(").mutant(
            "another-process",
            "a process of the same number is taken for who has the cores",
            "process if process.create_time() < self.since + CLOCK_SLACK else None",
            "process",
        ),
        FOLDER.of("def open_own(").always(
            "anybodys-folder", "anybody's folder has the locks", "fault is None", FOLDERS
        ),
        FOLDER.of("def open_folder(").mutant(
            "first-place-only",
            "a place that cannot be had ends the search",
            "reasons.append(",
            "raise NoFolderError(",
            FOLDERS,
        ),
        ITEMS.of("def skip_if_shared(").never(
            "never-skips",
            "an item that should skip runs beside another",
            "how == SKIP and shared",
            BUSY,
        ),
        STREAMS.of("def write(").mutant(
            "hangup-fails", "a terminal that hangs up is a full disk", "hung_up or isinstance", "isinstance", READERS
        ),
        STREAMS.of("def write(").never(
            "full-unsaid", "a full disk goes unsaid", "not self.unread and not self._lossy", READERS
        ),
        STREAMS.of("def write(").mutant(
            "error-full", "a full standard error ends a command", " and not self._lossy", "", READERS
        ),
        STREAMS.of("def _opened(").mutant(
            "strict-text", "what an encoding lacks ends a command", '"backslashreplace" if', '"strict" if', READERS
        ),
        CONSOLES.of("def is_size(").mutant(
            "any-width", "a width of nothing is taken", "int(value) >= SIZES[name]", "True", READERS
        ),
        SIGNALS.of("def _take(").always("hangup-twice", "a second SIGHUP leaves at once", "number != HANGUP", HANGUPS),
        SIGNALS.of("def _take(").mutant(
            "signal-in-print",
            "a signal in the middle of a print is an error",
            "and is_printing() and",
            "and False and",
            HANGUPS,
        ),
        SIGNALS.of("def _take(").mutant(
            "print-for-ever",
            "a print without a reader is waited for for ever",
            " and self._tries < MOST_TRIES",
            "",
            HANGUPS,
        ),
        SIGNALS.of("def __init__(self, leave").mutant(
            "nohup-heeded",
            "a command under nohup ends with its terminal",
            "signal.getsignal(HANGUP) is not signal.SIG_IGN",
            "True",
            HANGUPS,
        ),
        SYSTEM.of("def cores(").mutant(
            "affinity-refused",
            "cores that may not be asked for end a command",
            "(AttributeError, OSError)",
            "AttributeError",
            SYSTEMS,
        ),
        SYSTEM.of("def keep_to(").always(
            "pinned-unasked",
            "a core that may not be chosen ends a command",
            'offers("affinity")',
            SYSTEMS,
        ),
        SYSTEM.of("def lacks(").never("needs-nothing", "a campaign runs without file locks", "offer.needed", SYSTEMS),
        NURSERY.of("def _fork(").mutant(
            "fork-dies",
            "a nursery that may not fork dies",
            "except OSError as error",
            "except ZeroDivisionError as error",
            SYSTEMS,
        ),
        NURSERY.of("def borrowed(").never(
            "forks-always", "a system without fork runs no cells", 'not offers("fork")', SYSTEMS
        ),
        NURSERY.of("def _end_of(").mutant(
            "reaped-early",
            "a process may be killed that has the number of one that ended",
            " | os.WNOWAIT",
            "",
            suite("campaign/sweep/test_nursery.py"),
        ),
    ),
)
