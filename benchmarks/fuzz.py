"""Hostile hands: `python -m benchmarks.fuzz [--times 20000] [--seed 1] [--only N]`.

Each input is a command line of random options, paths and files, run in this process, in a folder of its own; some of
the calls of the system that it makes fail with a random errno. What must hold: no exception leaves, no traceback is
printed, exit code 1 only beside a verdict, nothing outside the folder is written, no escape of a terminal is echoed,
nothing hangs. Engines are kept out: a run that begins is refused. `--only N` repeats one input by its number.
"""

import argparse
import builtins
import contextlib
import errno
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import attrs

from stress import cli
from stress.errors import UserError

SECONDS = 60
"""No input may take longer, by the clock on the wall, on a busy host."""
ERRNOS = [
    "ENAMETOOLONG",
    "EACCES",
    "EMFILE",
    "ENFILE",
    "ENOMEM",
    "EIO",
    "ELOOP",
    "EISDIR",
    "ENOTDIR",
    "EPIPE",
    "EROFS",
    "EBUSY",
    "EINVAL",
    "ENOSPC",
    "EDQUOT",
    "EFBIG",
    "EPERM",
    "ENOENT",
    "EEXIST",
    "ENODEV",
    "ENXIO",
    "ETXTBSY",
    "ESTALE",
    "ENOLCK",
    "EAGAIN",
    "EINTR",
    "EOVERFLOW",
]
CALLS: tuple[tuple[Any, str], ...] = (
    (os, "open"), (io, "open"), (builtins, "open"), (os, "stat"), (os, "lstat"), (os, "fstat"), (os, "fsync"),
    (os, "replace"), (os, "rename"), (os, "unlink"), (os, "mkdir"), (os, "scandir"), (os, "listdir"), (os, "access"),
    (os, "ftruncate"), (os, "pwrite"), (os, "write"), (os, "read"), (os, "fdopen"),
)  # fmt: skip
TEXTS = (
    "", " ", "-", "--", ".", "..", "/", "//", "~", "x", "a\nb", "\x1b[2Jx", "\x9b2J", "\udcff", "naïve", "\u202e",
    "x" * 300, "x/" * 3000, "0", "-1", "1e999", "nan", "9" * 400, "1/0", "1/64", "5ms", "10ms", "1h", "stop_machine",
    "modlist_spinlock", "no_such", "/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "/proc/1/cwd/x",
    "/home/../etc/passwd",
)  # fmt: skip
OPTIONS = {
    "run": "--all --duration --cpus --engine --seed --no-kasan --noise --pace --stall-after --stop-on-violation "
    "--switch-interval --readers-per-writer --gap --fate --corpus --reports --json --results",
    "soak": "--all --duration --interval --resume --results --scheduler --metrics-port --metrics-address --cpus "
    "--engine --seed --noise --pace --corpus --reports --json",
    "sweep": "--cpus --engine --noise --gap --pace --fate --corpus --find --share --confidence --repeat --duration "
    "--seed --resume --results --scheduler --json",
    "report": "-o --output --markdown --csv --reports --json",
    "compare": "--level --tolerance --json --junit",
    "list": "--markdown --json",
    "corpus import": "-o --output --source",
    "corpus show": "",
}
VALUES = {
    "--duration": ("10ms",), "--interval": ("1s",), "--cpus": ("2", "3"), "--engine": ("python", "auto"),
    "--seed": ("1",),
    "--noise": ("1/64",), "--pace": ("1ms",), "--stall-after": ("1s",), "--gap": ("10us",), "--fate": ("poisoned",),
    "--switch-interval": ("1ms",), "--readers-per-writer": ("1",), "--reports": ("1",), "--level": ("0.05",),
    "--tolerance": ("0.1",), "--repeat": ("1",), "--share": ("95%",), "--confidence": ("95%",),
    "--find": ("cpus=2..4",),
    "--metrics-port": ("0", "1"), "--resume": ("soak-1", "sweep-1"), "--corpus": ("corpus.json",),
}  # fmt: skip
"""What options take; every other takes a path."""
SUBJECTS = {
    "run": ("mine.py", "stop_machine"), "soak": ("mine.py", "stop_machine"), "sweep": ("plan.toml", "mine.py"),
    "report": ("soak-1", "sweep-1", "run-1.json", "."), "compare": ("soak-1", "sweep-1", "run-1.json", "."), "list": (),
    "corpus import": ("map",), "corpus show": ("corpus.json",),
}  # fmt: skip
FLAGS = {"--all", "--no-kasan", "--stop-on-violation"}
NEW = ("new.json", "new.xml", "new/x")
ESCAPES = ("\x1b", "\x9b", "\x07", "\x08")


class TooLong(BaseException):
    """An input hangs."""


@attrs.define
class World:
    """What inputs are made from: good files, by their names, in a folder that stays as it is."""

    home: Path
    good: dict[str, Path]

    def fresh(self, place: Path, random: random.Random) -> list[str]:
        """Copies of all good files in a folder, some of them damaged or of another kind; their names."""
        names = []
        for name, path in self.good.items():
            target = place / name
            shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
            if random.random() < 0.3:
                damage(random.choice([file for file in (target, *target.rglob("*")) if file.is_file()]), random)
            names.append(name)
        return names


def damage(path: Path, random: random.Random) -> None:
    """Make of a file what it should not be."""
    data = bytearray(path.read_bytes())
    kind = random.choice(("flip", "cut", "empty", "swap", "fifo", "folder", "loop", "link", "unreadable", "hole"))
    if kind == "flip" and data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == "cut":
        del data[random.randrange(len(data) + 1) :]
    elif kind == "empty":
        data.clear()
    elif kind == "swap":
        data = bytearray(random.choice((b"null", b"[]", b"{}", b"\xff\xfe", b"1" * 5000, b"[" * 5000, b'"\\ud800"')))
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "link":
        path.symlink_to(OUTSIDE)
    else:
        path.write_bytes(data)
        path.chmod(0 if kind == "unreadable" else 0o644)
    if kind == "hole":
        os.truncate(path, 1 << 40)


def make_world(home: Path) -> World:
    """Good inputs of every reader."""
    from tests.campaign.soak.made import make_run
    from tests.campaign.sweep.made import make_sweep, run_json

    (home / "made").mkdir(parents=True)
    soak, sweep = make_run(home / "made"), make_sweep(home / "made")
    (home / "run-1.json").write_text(json.dumps({"schema": 1, "runs": [run_json()]}))
    (home / "map").write_text("ffffffff81000000 T _text\nffffffff81000100 T start\nffffffffc0000000 t f\t[m]\n")
    (home / "plan.toml").write_text('scenarios = ["stop_machine"]\nduration = "10ms"\nrepeat = 1\n[axes]\ncpus = [2]\n')
    (home / "mine.py").write_text((Path(__file__).parents[1] / "scenarios" / "modlist_spinlock.py").read_text())
    cli.call(["corpus", "import", str(home / "map"), "-o", str(home / "corpus.json")])
    names = ("run-1.json", "map", "plan.toml", "mine.py", "corpus.json")
    return World(home, {"soak-1": soak, "sweep-1": sweep, **{name: home / name for name in names}})


OUTSIDE = Path(tempfile.gettempdir()) / f"kstress-fuzz-outside-{os.getpid()}"
"""What links lead to; it must stay as it is."""
PRECIOUS = b"precious\n"


def command_line(random: random.Random, names: list[str]) -> list[str]:
    """A command with random arguments."""
    command = random.choice(list(OPTIONS))
    words = command.split()
    paths = [*names, *(f"{name}/{more}" for name in names for more in ("", "x", "manifest.json")), *NEW]

    def value(fit: Sequence[str]) -> str:
        at = random.random()
        return random.choice(TEXTS if at < 0.15 else paths if at < 0.4 or not fit else fit)

    subjects = {"compare": 2, "list": 0}.get(command, random.choice((1, 1, 1, 2)))
    words += [value(SUBJECTS[command]) for _ in range(subjects + (random.random() < 0.1))]
    for option in random.sample(known := OPTIONS[command].split(), min(len(known), random.choice((0, 0, 1, 1, 2, 3)))):
        words += [option] if option in FLAGS or command == "list" else [option, value(VALUES.get(option, NEW))]
    if command == "corpus import" and "-o" not in words:
        words += ["-o", value(NEW)]
    if command == "soak" and "--resume" not in words and "--duration" not in words:
        words += ["--duration", "1s"]
    if random.random() < 0.05:
        words.insert(random.randrange(len(words) + 1), random.choice(TEXTS))
    return words


class Faults:
    """Makes some calls of the system fail: each with a chance, or the Nth one only."""

    def __init__(self, random: random.Random) -> None:
        """As yet none has failed; two thirds of inputs have none."""
        self._random = random
        self._name = random.choice([None, *(name for _, name in CALLS)] + [None] * len(CALLS))  # None: any
        self._errno = getattr(errno, random.choice(ERRNOS))
        self._at = random.choice((-1, -1, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89))
        self._seen = 0
        self.failed = False

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The call, which may fail."""

        def call(*given: Any, **more: Any) -> Any:
            if self._name in (None, name) and self._at >= 0 and not _importing():
                self._seen += 1
                if self._seen == self._at + 1 or (self._name and self._seen > self._at):
                    self.failed = True
                    raise OSError(self._errno, os.strerror(self._errno), *given[:1] if name != "fsync" else ())
            return real(*given, **more)

        return call

    @contextlib.contextmanager
    def injected(self) -> Iterator[None]:
        """A context in which calls fail."""
        with contextlib.ExitStack() as stack:
            for module, name in CALLS:
                stack.enter_context(mock.patch.object(module, name, self.wrap(name, getattr(module, name))))
            yield


def _importing() -> bool:
    """Whether Python reads a module: what it says then is no matter of the user's files."""
    frame = sys._getframe(2)
    while frame is not None:
        if (
            frame.f_code.co_filename.startswith(("<frozen importlib", "<fuzz"))
            or "/matplotlib/" in frame.f_code.co_filename
        ):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _no_run(*given: Any, **more: Any) -> NoReturn:
    """What stands in the place of everything that boots a machine, starts a process or waits for other hosts."""
    raise UserError("the fuzz keeps engines out")


NO_ENGINES = (
    "stress.runs.runner.run_scenario", "stress.campaign.soak.local.start",
    "stress.campaign.workers.in_process.InProcess.begin",
    "stress.campaign.workers.cluster.on_cluster", "stress.host.interrupts.Interrupts.__init__",
)  # fmt: skip


@contextlib.contextmanager
def without_engines() -> Iterator[None]:
    """A context in which no machine boots, no process starts, and signals are left alone."""
    with contextlib.ExitStack() as stack:
        for name in NO_ENGINES[:-1]:
            stack.enter_context(mock.patch(name, _no_run))

        def quiet(self: Any, leave: object) -> None:
            self.signal, self.running, self._leave = 0, True, leave

        stack.enter_context(mock.patch(NO_ENGINES[-1], quiet))
        yield


@attrs.frozen
class Case:
    """One input, what it printed and its exit code; `escaped` is the exception that left, if one did."""

    number: int
    words: list[str]
    code: int | None
    out: str
    err: str
    escaped: str | None = None

    def fault(self) -> str | None:
        """What does not hold, if something does not."""
        if self.escaped:
            return f"left with {self.escaped}"
        if "Traceback (most recent call last)" in self.err or "fault of kstress itself" in self.err:
            return "printed a traceback"
        if self.code == 1 and not self._has_verdict:
            return "exit code 1 without a verdict"
        if self.code not in (0, 1, 2, 3, 4, 130):
            return f"exit code {self.code}"
        if self.code == 2 and self.words[0] != "sweep" and len(self.err.strip().splitlines()) > 3:
            return "more than a line"
        if any(escape in self.out + self.err for escape in ESCAPES):
            return "an escape of a terminal was echoed"
        return None

    @property
    def _has_verdict(self) -> bool:
        return "regression" in self.out + self.err or "violated" in (self.out + self.err).lower()


def run_case(world: World, seed: int, number: int) -> Case:
    """Run one input, in a folder of its own."""
    chance = random.Random(f"{seed}/{number}")
    place = Path(tempfile.mkdtemp(prefix="case-", dir=world.home))
    OUTSIDE.write_bytes(PRECIOUS)
    before = snapshot(world.home, place)
    words = command_line(chance, world.fresh(place, chance))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    escaped, code, here = None, None, os.getcwd()
    os.chdir(place)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), Faults(chance).injected():
            code = cli.call(words)
    except TooLong:
        escaped = "no end: it hangs"
    except BaseException as error:
        escaped = f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        os.chdir(here)
    if OUTSIDE.read_bytes() != PRECIOUS or snapshot(world.home, place) != before:
        escaped = "a write outside its folder"
    shutil.rmtree(place, ignore_errors=True)
    return Case(number, words, code, written(out), written(err), escaped)


def written(stream: io.TextIOWrapper) -> str:
    """What was written to a stream in memory."""
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(errors="replace")


def snapshot(home: Path, own: Path) -> list[tuple[str, int, int]]:
    """Every file in the world that is not a case's own: its size, when it was written."""
    found = []
    for root, folders, files in os.walk(home):
        folders[:] = [name for name in folders if Path(root, name) != own]
        for name in files:
            facts = os.lstat(Path(root, name))
            found.append((str(Path(root, name)), facts.st_size, facts.st_mtime_ns))
    return sorted(found)


def _ring(number: int, frame: object) -> NoReturn:
    raise TooLong


def hunt(times: int, seed: int, only: int | None = None) -> list[tuple[str, Case]]:
    """Run so many inputs, and print what came of them; those at which something does not hold."""
    signal.signal(signal.SIGALRM, _ring)
    faults, codes, began = [], Counter[object](), time.monotonic()
    with tempfile.TemporaryDirectory() as home, without_engines():
        world = make_world(Path(home))
        for number in range(times) if only is None else [only]:
            case = run_case(world, seed, number)
            codes[case.code] += 1
            if fault := case.fault():
                faults.append((fault, case))
                print(f"{number}: {fault}: {case.words}\n{case.err[-1500:]}", flush=True)
            if only is not None:
                print(case)
    OUTSIDE.unlink(missing_ok=True)
    told = ", ".join(f"{count:,} with {code}" for code, count in codes.most_common())
    print(f"{times:,} inputs in {time.monotonic() - began:.0f} s, {len(faults)} faults; exit codes: {told}")
    return faults


def main() -> int:
    """Hunt; 1 if anything was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    return 1 if hunt(given.times, given.seed, given.only) else 0


if __name__ == "__main__":
    sys.exit(main())
