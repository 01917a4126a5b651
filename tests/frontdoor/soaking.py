"""Soaks as real commands: run to their end or heard line by line while they run, and what their directories hold."""

import json
import queue
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, command_line, environment, kstress

SHORT = ("--engine", "python", "--cpus", "3", "--interval", "500ms")
HOURS = (*SHORT, "--duration", "1h")
END = "kstress: --- End of soak: "
STARTING = "compiling, or loading what was compiled before"
WAIT_SECONDS = 60.0
END_SECONDS = 15.0
INTERVAL_LINE = re.compile(r"(\S+Z)  (\S+)  .* of .*  ([\d,]+) windows  ([\d,]+) violations  .*")


def soak(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a soak to its end, its run directory in `results`."""
    return kstress("soak", *arguments, "--results", str(results))


def the_run(results: Path) -> Path:
    """The only run directory in `results`."""
    [folder] = results.glob("soak-*")
    return folder


def samples(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of `samples.jsonl`, as they are on the disk."""
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().split("\n")[:-1]]


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest, as it is on the disk."""
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return document


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a directory, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def end_lines(text: str) -> list[str]:
    """The last lines of a soak, one for each scenario."""
    return [line for line in text.splitlines() if line.startswith(END)]


def facts(end_line: str) -> dict[str, str]:
    """What an end line says in words of `name=value`."""
    return dict(re.findall(r" (\w+)=(\S+)", end_line))


def interval_lines(lines: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """Time, scenario, race windows and violations of each line of an interval."""
    found = [match.groups() for match in map(INTERVAL_LINE.fullmatch, lines) if match]
    return [(at, name, int(one.replace(",", "")), int(two.replace(",", ""))) for at, name, one, two in found]


def on_disk(folder: Path) -> list[tuple[str, str, int, int]]:
    """What the interval lines of all samples must be; a lost turn is told in words of its own."""
    lines, lost = [], Counter[str]()
    for at, one in ((sample["at"], sample["standing"]) for sample in samples(folder)):
        if one["lost_turns"] == lost[one["scenario"]]:
            lines.append((at, one["scenario"], one["tally"]["race_windows"], one["tally"]["violations"]))
        lost[one["scenario"]] = one["lost_turns"]
    return lines


def assert_fails(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The command failed with exit 2 and one line that has all `parts`, and printed nothing else."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for part in ("kstress: ", *parts):
        assert part in line


def scenario_file(place: Path, name: str, **changes: str) -> Path:
    """A copy in `place` of the catalogue's `modlist_spinlock`, under another name and with other values of fields."""
    text = (CHECKOUT / "scenarios" / "modlist_spinlock.py").read_text()
    for field, value in {"name": name, **changes}.items():
        text, count = re.subn(rf"^    {field}=.*,$", f'    {field}="{value}",', text, flags=re.MULTILINE)
        assert count == 1, field
    path = place / f"{name}.py"
    path.write_text(text)
    return path


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {WAIT_SECONDS:.0f} s"
        time.sleep(0.01)


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(process: psutil.Process) -> None:
    """Wait until a process, which need not be a child of this one, has ended."""
    wait_until(lambda: is_gone(process), f"the end of process {process.pid}")


class Ear:
    """Hears the lines of a pipe on a thread of its own, so that the other side never waits."""

    def __init__(self, stream: IO[str]) -> None:
        """Listen from now on."""
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def hear(self, wanted: Callable[[str], object]) -> str:
        """The next line that is `wanted`; those before it are kept too."""
        while (line := self._queue.get(timeout=WAIT_SECONDS)) is not None:
            self.lines.append(line)
            if wanted(line):
                return line
        raise AssertionError("\n".join(["no such line came", *self.lines]))

    def rest(self) -> list[str]:
        """All lines, when the pipe has ended."""
        while (line := self._queue.get(timeout=WAIT_SECONDS)) is not None:
            self.lines.append(line)
        return self.lines


class Running:
    """A command that runs."""

    def __init__(self, arguments: Sequence[str], **more: str) -> None:
        """Start it."""
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command_line(arguments),
            env=environment(**more), stdout=pipe, stderr=pipe, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stderr
        self.out, self.err = Ear(self.process.stdout), Ear(self.process.stderr)
        self._machines: list[psutil.Process] = []

    def hear_interval(self) -> str:
        """The next line of an interval."""
        return self.out.hear(INTERVAL_LINE.fullmatch)

    def hear_directory(self) -> Path:
        """The line that names the run directory, which comes when everything is compiled; that directory."""
        return Path(self.out.hear(lambda line: line.startswith("run directory: ")).partition(": ")[2])

    def machine(self) -> psutil.Process:
        """The machine's process, once it was started."""
        soaking = psutil.Process(self.process.pid)
        wait_until(lambda: bool(soaking.children()), "the machine's process")
        [machine] = soaking.children()
        self._machines.append(machine)
        return machine

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(BOUND_SECONDS)
        self.out.rest()
        self.err.rest()
        return code

    @property
    def printed(self) -> str:
        """What it has printed and was heard."""
        return "\n".join(self.out.lines)

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self._machines += psutil.Process(self.process.pid).children()
            self.process.kill()
            self.process.wait(WAIT_SECONDS)
        for machine in self._machines:
            if not is_gone(machine):
                machine.kill()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()


@contextmanager
def running(*arguments: str, verb: str = "soak", **more: str) -> Iterator[Running]:
    """A soak, or another verb, with these arguments, while the block runs; `more` is added to its environment."""
    started = Running((verb, *arguments), **more)
    try:
        yield started
    finally:
        started.close()


def assert_ends(soaking: Running, machine: psutil.Process, code: int) -> None:
    """The soak ends with `code` before long, its machine's process before it."""
    began = time.monotonic()
    assert soaking.wait() == code
    assert time.monotonic() - began < END_SECONDS
    assert is_gone(machine)
