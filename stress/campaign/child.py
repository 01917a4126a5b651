"""A campaign's handle of a machine's process: it starts and ends the process, reads its messages, and says how it died.

The campaign survives whatever the process does, a crash of compiled code included. The process has a session of its
own: Ctrl-C at the terminal reaches only the campaign, which then ends the process in order.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Protocol

import attrs

from stress.campaign.memory import died_for_memory, oom_kills
from stress.campaign.workers.pool import NoWorkersError
from stress.host.cores import make_progress
from stress.host.disk import remedy
from stress.machine.patience import Patience
from stress.runs.report import Report

MOST_LAST_WORDS = 60
LONGEST_WORD = 400
GRACE_SECONDS = 1.3
"""CPU time of its main thread, or sleep of all its threads, between the request to end and the kill.

So a campaign ends within two seconds in all, if the host gives it a core.
"""
LONGEST_GRACE_SECONDS = 20.0
POLL_SECONDS = 0.05

Check = Callable[[], str | None]


def module_command(module: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run `module` in this interpreter, with the search path of this process."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return [sys.executable, "-P", "-m", module], {**os.environ, "PYTHONPATH": path}


@attrs.define
class _Pipe:
    """One of the process's pipes, read without waiting."""

    handle: int
    rest: bytes = b""
    open: bool = True

    def lines(self) -> list[bytes]:
        """The whole lines that have come since the last call."""
        data = os.read(self.handle, 1 << 16)
        self.open = bool(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return lines


class Process(Protocol):
    """As much of `subprocess.Popen` as a child needs of its process."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def wait(self) -> int | None:
        """Wait for its end."""

    def kill(self) -> None:
        """End it at once."""


def start(module: str) -> Process:
    """Start `module` as a process with three pipes. NoWorkersError where the system starts no more."""
    command, environment = module_command(module)
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        raise NoWorkersError(no_process(error)) from None


def no_process(error: OSError) -> str:
    """The message for a system that starts no more processes, or has no more pipes for one."""
    usual = "end some, or raise the limit (ulimit -u, pids of a cgroup)"
    return f"cannot start another process: {error.strerror}; {remedy(error, usual)}"


def failure(reason: str, words: Iterable[str] = ()) -> Report:
    """What is reported where a process has failed: why, and its last words."""
    known = list(words)
    return Report((f"FAILED: {reason}", *known), {"reason": reason, "last_words": known})


def ended_with(code: int | None) -> str:
    """An exit code in words."""
    return f"died of {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with exit code {code}"


def _fine() -> None:
    """The check of a process that is not held to hang, however long it is silent."""


class Child:
    """A machine's process, doing a job."""

    def __init__(self, process: Process, job: bytes) -> None:
        """Send a process its job, as the first line of its standard input."""
        self._process = process
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._patience: Patience | None = None
        self._killed = False
        self._kills = oom_kills()
        self._said = _Pipe(process.stdout.fileno())
        self._words = _Pipe(process.stderr.fileno())
        self._last_words: deque[str] = deque(maxlen=MOST_LAST_WORDS)
        self._selector = selectors.DefaultSelector()
        for pipe_end in (self._said, self._words):
            self._selector.register(pipe_end.handle, selectors.EVENT_READ, pipe_end)
        with contextlib.suppress(BrokenPipeError):  # if it died at once, its exit code and last words say why
            process.stdin.write(job)
            process.stdin.flush()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self, seconds: float) -> Iterator[bytes]:
        """The lines that it writes within `seconds`; kills it if it was asked to end and did not."""
        make_progress()
        if self._patience and self._patience.spent():
            self.kill()
        if not self._selector.get_map():
            self.stop()  # it can say no more, so it has nothing left to do
        for key, _ in self._selector.select(seconds):
            pipe: _Pipe = key.data
            lines = pipe.lines()
            if not pipe.open:
                self._selector.unregister(pipe.handle)
            if pipe is self._said:
                yield from lines
            else:
                self._last_words.extend(line.decode(errors="backslashreplace")[:LONGEST_WORD] for line in lines)

    @property
    def ended(self) -> bool:
        """Whether it has ended, and all that it wrote has been read."""
        return not self._selector.get_map() and self._process.poll() is not None

    def listen(
        self, take: Callable[[bytes], None], interrupted: Callable[[], bool], check: Check = _fine
    ) -> str | None:
        """Pass each line that it says to `take` until it has ended; it is stopped when the campaign is interrupted.

        `check` is called between the lines. When it returns why the process hangs, the process is killed, and that is
        returned.
        """
        hung = None
        while not self.ended:
            for line in self.poll(POLL_SECONDS):
                take(line)
            if hung is None and (hung := check()):
                self.kill()
            if interrupted():
                self.stop()
        return hung

    def stop(self) -> None:
        """Ask it to end; it is killed after GRACE_SECONDS."""
        if self._patience is None:
            self._patience = Patience(self.pid, GRACE_SECONDS, LONGEST_GRACE_SECONDS, stop_is_sleep=True)
            assert self._process.stdin
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def close(self) -> None:
        """Kill it if it has not ended, and close its pipes."""
        if self._process.poll() is None:
            self.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def kill(self) -> None:
        """End it at once."""
        self._killed = True
        self._process.kill()

    def death(self) -> str | None:
        """How it died, in words; None if it ended in order, or `kill` ended it."""
        code = self._process.returncode
        if code == 0 or self._killed:
            return None
        return f"the machine's process {ended_with(code)}"

    @property
    def died_for_memory(self) -> bool:
        """Whether the host ended it for want of memory, or its last words say that it was refused memory."""
        return died_for_memory(self.death() or "", self.last_words, self._kills)

    @property
    def last_words(self) -> tuple[str, ...]:
        """The end of what it wrote to standard error."""
        return tuple(self._last_words)
