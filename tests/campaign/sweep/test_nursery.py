"""The nursery: each process that it forks is fresh, its end is told, and a nursery that dies is no end of a process."""

import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from stress.campaign.nursery import Hatched, Nursery
from stress.campaign.workers.pool import NoWorkersError
from stress.errors import HarnessError, HostError
from tests.frontdoor.soaking import wait_until, wait_until_gone

pytestmark = pytest.mark.threads

ECHO = "tests.campaign.sweep.echo"


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with closing(Nursery(ECHO, native=False)) as nursery:
        yield nursery


def say(process: Hatched, line: bytes) -> bytes:
    """What the process answers to a line, up to its end."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with process.stdin, process.stdout, process.stderr:
        process.stdin.write(line + b"\n")
        process.stdin.close()
        return process.stdout.read()


def test_every_process_is_a_fresh_one(nursery: Nursery) -> None:
    said = []
    for _ in range(3):
        process = nursery.hatch()
        said.append((process.pid, say(process, b"times")))
        assert process.wait() == 0
    assert len({pid for pid, _ in said}) == 3
    assert {answer for _, answer in said} == {b"1"}, "what one process keeps the next does not have"


@pytest.mark.parametrize(("line", "code"), [(b"leave 7", 7), (b"raise", 1), (b"die", -signal.SIGSEGV)])
def test_how_a_process_ended_is_told(line: bytes, code: int, nursery: Nursery) -> None:
    process = nursery.hatch()
    assert process.poll() is None
    say(process, line)
    assert process.wait() == code
    assert process.poll() == process.returncode == code


def test_no_pipes_for_a_process_are_told_and_none_is_left(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    before, pipe, made = psutil.Process().num_fds(), os.pipe, list[tuple[int, int]]()

    def refused() -> tuple[int, int]:
        if len(made) == 2:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        made.append(pipe())
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(os, "pipe", refused)
        with pytest.raises(NoWorkersError, match=r"^cannot start another process: .*ulimit -n"):
            nursery.hatch()
    assert psutil.Process().num_fds() == before
    assert say(nursery.hatch(), b"times") == b"1"


def test_no_channel_for_a_nursery_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*how: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socketpair", refused)
    with pytest.raises(NoWorkersError, match=r"^cannot start another process: .*; raise the limit on open files"):
        Nursery(ECHO, native=False)


def test_a_process_that_does_not_end_can_be_ended(nursery: Nursery) -> None:
    process = nursery.hatch()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe
        pipe.close()
    assert say(nursery.hatch(), b"times") == b"1"


def test_the_number_of_a_process_that_has_ended_is_its_own_until_the_next_one(nursery: Nursery) -> None:
    process = nursery.hatch()
    say(process, b"leave 0")
    assert process.wait() == 0
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "so that nobody else is killed for it"
    assert say(nursery.hatch(), b"times") == b"1"
    assert not psutil.pid_exists(process.pid)


def process_of(module: str) -> psutil.Process:
    """The process of the nursery of a module."""

    def found() -> list[psutil.Process]:
        return [one for one in psutil.Process().children() if module in one.cmdline()]

    wait_until(lambda: bool(found()), "its command line, which is empty in the middle of an exec")
    [running] = found()
    return running


def kill(nursery_of: str) -> None:
    """Kill the nursery of a module."""
    running = process_of(nursery_of)
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: running.status() == psutil.STATUS_ZOMBIE, "its end")


def test_a_nursery_that_dies_is_told_and_started_again(nursery: Nursery) -> None:
    told: list[str] = []
    for deaths in (1, 2, 3, 4):
        kill(ECHO)
        assert say(nursery.hatch(told.append), b"times") == b"1"
        assert told == ["the nursery of cells died of SIGKILL; it is started again"] * deaths


def test_a_process_outlives_its_nursery_and_the_next_one_comes_from_another(nursery: Nursery) -> None:
    process = nursery.hatch()
    kill(ECHO)
    assert say(process, b"times") == b"1"
    assert process.wait() == -signal.SIGKILL, "nobody can say how it ended"
    assert say(nursery.hatch(), b"leave 0") == b""


@pytest.mark.parametrize(
    ("module", "error", "says"),
    [
        (
            "tests.no_such_module",
            HarnessError,
            "^the nursery of cells died 3 times in a row: it ended with exit code 1$",
        ),
        ("tests.campaign.sweep.hungry", HostError, "^out of memory: the nursery of cells was refused what it loads$"),
    ],
)
def test_a_nursery_that_never_works_is_an_error_in_the_end(
    module: str, error: type[Exception], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    with closing(Nursery(module, native=False)) as nursery, pytest.raises(error, match=says):
        nursery.hatch(told.append)
    assert len(told) == 3
    capfd.readouterr()


def test_a_nursery_ends_when_it_is_closed() -> None:
    with closing(Nursery(ECHO, native=False)):
        running = process_of(ECHO)
    wait_until_gone(running)
