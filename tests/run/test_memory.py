"""A want of memory is told as that, in one line with exit code 2, wherever it shows; other errors are not."""

import errno
import mmap
import os
from pathlib import Path

import pytest

from stress.errors import HostError, UserError, is_for_memory, telling_of_memory
from stress.machine.ram import PAGE, Ram, RamMap
from tests.frontdoor.command import kstress
from tests.frontdoor.soaking import assert_fails, scenario_file

WANTS = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    RuntimeError("can't start new thread"),
    ImportError("libfoo.so: failed to map segment from shared object"),
    SystemError("error return without exception set"),
]
OTHERS = [OSError(errno.EIO, "Input/output error"), RuntimeError("planted"), ImportError("no module"), ValueError()]
STARVED = "resource.setrlimit(resource.RLIMIT_AS, 2 * (int(open('/proc/self/statm').read().split()[0]) * 4096 + {},))"


@pytest.mark.parametrize("error", WANTS, ids=repr)
def test_a_want_of_memory_is_seen_through_what_it_became(error: Exception) -> None:
    became = RuntimeError("the machine died")
    became.__cause__ = error
    with pytest.raises(HostError, match=r"^out of memory: [^\n]*$"), telling_of_memory():
        raise became


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, telling_of_memory():
        raise error
    assert raised.value is error
    assert not is_for_memory(error)


def test_what_was_told_already_is_told_as_it_was() -> None:
    with pytest.raises(UserError, match=r"^cpu0 did not come up$"), telling_of_memory():
        raise HostError("cpu0 did not come up")


@pytest.mark.parametrize("error", [OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), MemoryError()], ids=repr)
def test_ram_that_is_refused_is_told_with_its_size(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(handle: int, size: int) -> None:
        raise error

    monkeypatch.setattr(mmap, "mmap", refused)
    what = r"^out of memory: no 6\d MiB for the RAM of a machine with 3 CPUs.*; run fewer CPUs"
    with pytest.raises(HostError, match=what) as caught:
        Ram(RamMap(3, PAGE, PAGE, PAGE))
    assert is_for_memory(caught.value)


@pytest.mark.parametrize("spare", [1 << 20, 24 << 20])
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="nothing tells how much memory is mapped")
def test_a_run_without_memory_is_told_in_one_line(spare: int, tmp_path: Path) -> None:
    path = scenario_file(tmp_path, "starved")
    path.write_text(f"import resource\n\n{STARVED.format(spare)}\n{path.read_text()}")
    done = kstress("run", str(path), "--engine", "python", "--duration", "200ms", "--cpus", "64", "--json", "-")
    assert "Traceback" not in done.stderr
    done.stderr = done.stderr.splitlines(keepends=True)[-1]
    assert_fails(done, "out of memory: ")
