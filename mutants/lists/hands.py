"""Hands: what a run directory, a link or a folder of somebody else's may not do, and how refusals read."""

from mutants.mutant import Group, Part, suite

DISK = Part("stress/host/disk.py")
FOLDER = Part("stress/campaign/folder.py")
OPEN = Part("stress/campaign/journal.py")
CAMPAIGN_RECORDS = Part("stress/campaign/records.py")
FILES = Part("stress/scenario_files.py")
KEEPING = Part("stress/machine/native/keeping.py")
CLI = Part("stress/cli.py")
EXITS = Part("stress/exits.py")
LINKS = suite("campaign/test_links.py")
STRANGERS = suite("campaign/test_strangers.py")
KEPT = suite("machine/test_keeping.py", without="was_not_kept")
HOSTILE = suite("frontdoor/test_hostile.py", without="hundred")

GROUP = Group(
    "Hands: links, strangers' run directories, compiled code, refusals",
    (LINKS,),
    (
        CAMPAIGN_RECORDS.of("def load_recorded(").mutant(
            "runs-then-compares",
            "a scenario file that has changed runs",
            "_digest_of(sources)) != part.digest",
            "part.digest) != part.digest",
            STRANGERS,
        ),
        CAMPAIGN_RECORDS.of("def load_recorded(").never(
            "any-twin", "a twin runs that nobody has compared", "scenario.twin != part.twin", STRANGERS
        ),
        CAMPAIGN_RECORDS.of("def load_recorded(").mutant(
            "read-twice", "what runs is read again after it was compared", "load_source(source), part",
            "load_source(source_of(source.path, source.path.read_bytes())), part", STRANGERS,
        ),
        CAMPAIGN_RECORDS.of("def _sources(").mutant(
            "relative-origin", "the current folder says which file runs", "Path(origin).is_absolute()", "True",
            STRANGERS,
        ),
        FILES.of("def load_source(").never(
            "two-versions", "another version of a file passes for the one that was loaded", "known != source",
            STRANGERS,
        ),
        DISK.of("def open_to_change(").mutant(
            "follows-links", "lines are written through a link",
            'if path.is_symlink():\n        raise OSError(errno.ELOOP, "it is a link")\n    handle = '
            'open_plain(path, os.O_RDWR | flags("O_NOFOLLOW"))',
            "handle = open_plain(path, os.O_RDWR)",
        ),
        DISK.of("def open_to_change(").mutant(
            "hard-links", "lines are written into a file that has another name", "st_nlink <= 1", "st_nlink <= 9"
        ),
        DISK.mutant(
            "draft-through-link", "a draft is written through a link",
            "        beside.unlink(missing_ok=True)\n        with",
            "        NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC\n        with",
        ),
        DISK.of("def check_in_place(").mutant(
            "inode-ignored", "a file that was replaced passes for the one that is open",
            "os.path.samestat(os.lstat(path), os.fstat(handle))", "os.lstat(path)",
        ),
        DISK.of("def check_in_place(").mutant(
            "link-followed", "a link to where the file was moved passes for the file", "os.lstat(path)", "os.stat(path)"
        ),
        FOLDER.of("def append(self, line").mutant(
            "loss-unnoticed", "cells go on into a file that is gone", "        self.check()\n", ""
        ),
        OPEN.of("def end(self, status").without(
            "end-unnoticed", "a campaign ends well though its file is gone", "lines.check("
        ),
        OPEN.of("def rewrite(self").mutant(
            "other-folder", "a manifest is written into another directory of the same name",
            "            disk.check_in_place(self.folder, self._lock.handle)\n", "",
        ),
        DISK.of("def not_own(").never(
            "others-write", "code is loaded that others can write", "facts.st_mode & OTHERS_WRITE", KEPT
        ),
        DISK.of("def not_own(").never(
            "others-own", "code is loaded that belongs to others", "facts.st_uid != os.geteuid()", KEPT
        ),
        KEEPING.of("def kept(").mutant(
            "unverified", "damaged code is loaded", "content == _with_digest(path, code)", "True", KEPT
        ),
        KEEPING.of("def kept(").never(
            "kept-unsafe", "code is loaded from a file that others can write", "fault := fault_of(path)", KEPT
        ),
        KEEPING.of("def _with_digest(").mutant(
            "kept-nameless", "code is loaded under another name", "os.fsencode(path.name)", 'b""', KEPT
        ),
        CLI.of("def invoke(self").mutant(
            "clicks-epipe", "a broken pipe exits with the code of a verdict", "raise RefusedError(error) from error",
            "raise",
            HOSTILE,
        ),
        CLI.of("def refused(").mutant(
            "silent-pipe", "a broken pipe in the place of a file passes in silence", "and error.filename is None", "",
            HOSTILE,
        ),
        CLI.of("def call(").mutant(
            "raw-click", "an argument's end of line breaks the message in two", "on_one_line(error.format_message())",
            "error.format_message()", HOSTILE,
        ),
        EXITS.of("def fail(").mutant(
            "raw-message", "an argument tells the terminal what to do", "{escaped(message)}", "{message}",
            suite("frontdoor/test_hostile.py::test_a_message_is_escaped_once_more_where_it_is_printed"),
        ),
    ),
)  # fmt: skip
