"""The nursery: each process that it forks is fresh, its end is told, and a nursery that dies is no end of a process."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from stress.campaign.nursery import Hatched, Nursery
from stress.errors import HarnessError
from tests.frontdoor.soaking import wait_until, wait_until_gone

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


def test_a_process_that_does_not_end_can_be_ended(nursery: Nursery) -> None:
    process = nursery.hatch()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe
        pipe.close()
    assert say(nursery.hatch(), b"times") == b"1"


def test_a_nursery_that_dies_is_told(nursery: Nursery) -> None:
    [running] = [one for one in psutil.Process().children() if ECHO in one.cmdline()]
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: running.status() == psutil.STATUS_ZOMBIE, "its end")
    with pytest.raises(HarnessError, match=r"^the nursery of cells died: died of SIGKILL"):
        nursery.hatch()


def test_a_nursery_ends_when_it_is_closed() -> None:
    with closing(Nursery(ECHO, native=False)):
        [running] = [one for one in psutil.Process().children() if ECHO in one.cmdline()]
    wait_until_gone(running)
