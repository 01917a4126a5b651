"""The nursery: a process that has loaded all that a machine's processes need, and forks one on request.

Loading all that takes longer than many cells. The nursery has no threads, so that a fork of it is complete; the threads
of a machine start in the forked process. `python -m stress.campaign.nursery MODULE [native]` is that process, `Nursery`
the handle of it.
"""

import contextlib
import errno
import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import chain
from typing import IO, NoReturn

from stress.campaign.child import Process, ended_with, module_command, no_process, start
from stress.campaign.workers.pool import Interrupted, Note, NoWorkersError, StoppedError
from stress.errors import HarnessError, HostError, is_for_memory
from stress.host.collector import collect_seldom
from stress.host.cores import chosen, having_cores
from stress.host.descriptors import open_descriptors
from stress.host.system import offers

MODULE = "stress.campaign.nursery"
MESSAGE_BYTES = 64
MOST_DEATHS = 3
"""Times that a nursery may die one after the other without having forked a process."""
EXIT_NO_MEMORY = 75


class Hatched:
    """A process that a nursery has forked, with the part of `subprocess.Popen` that a `Child` needs."""

    def __init__(self, nursery: socket.socket, pid: int, pipes: tuple[int, int, int]) -> None:
        """Its id, and this side's ends of its three pipes."""
        self.pid, self._nursery = pid, nursery
        self.stdin: IO[bytes] | None = os.fdopen(pipes[0], "wb")
        self.stdout: IO[bytes] | None = os.fdopen(pipes[1], "rb")
        self.stderr: IO[bytes] | None = os.fdopen(pipes[2], "rb")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._hear(socket.MSG_DONTWAIT)

    def wait(self) -> int | None:
        """Wait for its end."""
        return self._hear(0)

    def kill(self) -> None:
        """End it at once. No other process has its id: the nursery reaps it only before it forks the next one."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _hear(self, flags: int) -> int | None:
        """Read from the nursery how it has ended, once."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                said = self._nursery.recv(MESSAGE_BYTES, flags)
                self.returncode = int(said) if said else -signal.SIGKILL  # the nursery died, and nobody can say
        return self.returncode


class Nursery:
    """The handle of a nursery for processes that run the `main` of `module`, one at a time."""

    def __init__(self, module: str, native: bool) -> None:
        """Start it; `native` loads the native engine too."""
        self._words = [module, *(["native"] if native else [])]
        self._start()

    def _start(self) -> None:
        """Start its process. NoWorkersError where the system starts no more."""
        try:
            self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise NoWorkersError(no_process(error)) from None
        command, environment = module_command(MODULE)
        environment["OPENBLAS_NUM_THREADS"] = "1"  # its threads would be lost in a fork
        with other:
            try:
                words = [*command, *self._words]
                self._process = subprocess.Popen(words, env=environment, stdin=other.fileno(), start_new_session=True)
            except OSError as error:
                self._channel.close()
                raise NoWorkersError(no_process(error)) from None

    def hatch(self, tell: Callable[[str], None] = lambda text: None) -> Hatched:
        """A new process, which runs; a nursery that has died is started again first, with a message.

        Raises:
            HarnessError: when the nursery dies again and again.
            HostError: when it does for want of memory.
            NoWorkersError: when the system starts no more processes.
        """
        for _ in range(MOST_DEATHS):
            if hatched := self._ask():
                return hatched
            code = self._process.wait()
            self._channel.close()
            tell(f"the nursery of cells {ended_with(code)}; it is started again")
            self._start()
        if code == EXIT_NO_MEMORY:
            raise HostError("out of memory: the nursery of cells was refused what it loads")
        raise HarnessError(f"the nursery of cells died {MOST_DEATHS} times in a row: it {ended_with(code)}")

    def _ask(self) -> Hatched | None:
        """Ask it for a process; None if it has died."""
        (inner_in, stdin), (stdout, inner_out), (stderr, inner_err) = _pipes()
        try:
            socket.send_fds(self._channel, [b"hatch"], [inner_in, inner_out, inner_err])
            pid = self._channel.recv(MESSAGE_BYTES)
        except OSError:
            pid = b""
        for inner in (inner_in, inner_out, inner_err):
            os.close(inner)
        if not pid or int(pid) < 0:
            for own in (stdin, stdout, stderr):
                os.close(own)
        if not pid:
            return None
        if int(pid) < 0:
            raise NoWorkersError(no_process(OSError(-int(pid), os.strerror(-int(pid)))))
        return Hatched(self._channel, int(pid), (stdin, stdout, stderr))

    def close(self) -> None:
        """End it; a process that it has forked ends by itself when its pipe is closed."""
        self._channel.close()
        self._process.wait()


def _pipes() -> list[tuple[int, int]]:
    """Three pipes. NoWorkersError, and none is left open, where too many files are open."""
    made: list[tuple[int, int]] = []
    try:
        for _ in range(3):
            made.append(os.pipe())
    except OSError as error:
        for end in chain.from_iterable(made):
            os.close(end)
        raise NoWorkersError(no_process(error)) from None
    return made


class Anew:
    """For systems without fork: each process is started anew, and loads all that it needs."""

    def __init__(self, module: str) -> None:
        """Nothing is started yet."""
        self._module = module

    def hatch(self, tell: Callable[[str], None] = lambda text: None) -> Process:
        """A new process, which runs; there is nothing to tell. NoWorkersError when the system starts no more."""
        return start(self._module)

    def close(self) -> None:
        """Nothing is kept."""


Source = Nursery | Anew
"""Where processes come from."""

_idle: "queue.SimpleQueue[tuple[tuple[str, bool], Nursery]]" = queue.SimpleQueue()
"""Nurseries that nobody uses now: a process that has loaded the compiler once keeps it loaded."""


@contextlib.contextmanager
def borrowed(module: str, native: bool) -> Iterator[Source]:
    """A nursery that nobody else uses meanwhile; it is kept for the next unless something went wrong."""
    if not offers("fork"):
        yield Anew(module)
        return
    nursery = _kept((module, native)) or Nursery(module, native)
    try:
        yield nursery
    except BaseException:
        nursery.close()
        raise
    _idle.put(((module, native), nursery))


@contextlib.contextmanager
def having_processes(
    module: str, native: bool, cores: str | None, given_up: Interrupted, note: Note
) -> Iterator[Source]:
    """Where a worker's processes come from, while it has the cores of its host; `cores` is as `chosen` takes it.

    Raises:
        StoppedError: when it was given up while it waited for the cores.
    """
    with having_cores(note, note, given_up=given_up, how=chosen(cores)), borrowed(module, native) as source:
        if given_up():
            raise StoppedError
        yield source


def _kept(kind: tuple[str, bool]) -> Nursery | None:
    """A nursery of a kind that is kept, if the first there is is of that kind; another is not wanted any more."""
    try:
        known, nursery = _idle.get_nowait()
    except queue.Empty:
        return None
    if known == kind:
        return nursery
    nursery.close()
    return None


def close_idle() -> None:
    """End the nurseries that nobody uses."""
    with contextlib.suppress(queue.Empty):
        while True:
            _idle.get_nowait()[1].close()


def _become(module: str, handles: list[int]) -> NoReturn:
    """In a process that was just forked: take the pipes for standard input, output and error, and run the module."""
    code = 1
    try:
        os.setsid()
        for target, handle in enumerate(handles):
            os.dup2(handle, target)
            os.close(handle)
        code = import_module(module).main()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def main() -> int:
    """Fork a process each time that somebody asks for one, and say how it ended."""
    collect_seldom()
    open_descriptors()
    module, *more = sys.argv[1:]
    try:
        import_module(module)
        if more:
            import_module("stress.machine.native.engine").warm_up()
    except Exception as error:
        if is_for_memory(error):
            return EXIT_NO_MEMORY
        raise
    last = 0
    with socket.socket(fileno=os.dup(0)) as channel, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while handles := socket.recv_fds(channel, MESSAGE_BYTES, 3)[1]:
            if last > 0:
                os.waitpid(last, 0)  # nobody kills it any more, so that its id may become another's
            last = pid = _fork()
            if pid == 0:
                channel.close()
                _become(module, handles)
            for handle in handles:
                os.close(handle)
            channel.send(str(pid).encode())
            if pid > 0:
                channel.send(str(_end_of(pid)).encode())
    return 0


def _end_of(pid: int) -> int:
    """Wait for the end of a process: its exit code, negative for a signal. Its id stays its own until it is reaped."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _fork() -> int:
    """As os.fork, or the negative number of the error why the system does not."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)


if __name__ == "__main__":
    sys.exit(main())
