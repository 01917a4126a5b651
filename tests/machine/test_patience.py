"""Who is waited for: a slow host is held against nobody, and what truly hangs is told. The clock is the test's."""

import errno
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import attrs
import pytest

from stress.errors import HostError
from stress.machine import machine as machines
from stress.machine.machine import Machine, MachineError
from stress.machine.patience import KNOWS_THREADS, LONGEST_LOOK_SECONDS, Look, Patience, look_at, thread_seconds
from stress.machine.ram import Ram
from stress.machine.seam import Cpu, kernel
from stress.machine.words import BOUND, ONLINE, STARTED
from tests.frontdoor.soaking import wait_until
from tests.support import blank_ram

pytestmark = pytest.mark.threads

LIMIT, LONGEST = 1.0, 100.0
MAIN = 7
linux_only = pytest.mark.skipif(not KNOWS_THREADS, reason="only Linux tells what a thread does")


@attrs.define
class Host:
    """A host on paper: the test says what a thread has used, and whether its process sleeps or was stopped."""

    now: float = 0.0
    used: float = 0.0
    asleep: bool = False
    stopped: bool = False

    def patience(self) -> Patience:
        """Somebody who waits for its only process."""
        return Patience(MAIN, LIMIT, LONGEST, clock=lambda: self.now, look=self.look)

    def look(self, pid: int, threads: Iterable[int]) -> Look:
        """What is to be seen."""
        return Look(dict.fromkeys(threads, self.used), self.used, self.asleep, self.stopped)

    def wait(self, patience: Patience, seconds: float, step: float = 0.1, share: float = 0.0) -> str | None:
        """Let so much time pass, of which the thread has a `share` of a core, until the patience is spent."""
        for _ in range(round(seconds / step)):
            self.now += step
            self.used += share * step
            if why := patience.spent():
                return why
        return None


def test_a_thread_that_gets_no_core_is_waited_for_until_the_very_end() -> None:
    host = Host()
    patience = host.patience()
    assert host.wait(patience, LONGEST - 1) is None
    assert host.wait(patience, 2) == f"within {LONGEST:.0f} s"


def test_a_thread_that_uses_cpu_time_and_is_not_done_hangs_however_little_it_gets_at_once() -> None:
    host = Host(used=50.0)
    patience = host.patience()
    assert host.wait(patience, 30, share=0.02) is None
    assert host.wait(patience, 30, share=0.02) == "after 1.0 s of CPU time"


def test_what_was_used_before_does_not_count() -> None:
    host = Host(used=1e6)
    assert host.wait(host.patience(), LONGEST / 2) is None


def test_a_process_that_sleeps_hangs_and_one_that_wakes_now_and_then_does_not() -> None:
    host = Host(asleep=True)
    patience = host.patience()
    for _ in range(20):
        assert host.wait(patience, 0.9) is None
        host.used += 1e-6
    assert "has slept for 1.0 s" in str(host.wait(patience, 2))


def test_a_pause_of_the_host_counts_as_one_short_look() -> None:
    host = Host()
    patience = host.patience()
    pauses = int(LONGEST / LONGEST_LOOK_SECONDS) - 1
    for _ in range(pauses):
        host.now += 3600.0
        assert patience.spent() is None


def test_nothing_counts_while_the_process_is_stopped() -> None:
    host = Host(asleep=True, stopped=True)
    assert host.wait(host.patience(), 10 * LONGEST) is None


def test_a_process_that_was_stopped_and_is_wanted_to_end_sleeps() -> None:
    host = Host(stopped=True)
    patience = attrs.evolve(host.patience(), stop_is_sleep=True)
    assert "has slept for 1." in str(host.wait(patience, 2))


def test_who_has_shown_that_it_goes_on_is_waited_for_anew() -> None:
    host = Host()
    patience = host.patience()
    for _ in range(10):
        assert host.wait(patience, 3, share=0.3) is None
        patience.start_again()


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the interpreter that runs some code, once it has said that it does."""
    process = subprocess.Popen([sys.executable, "-c", f"print(1, flush=True)\n{code}"], stdout=subprocess.PIPE)
    assert process.stdout
    with process, process.stdout:
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@linux_only
def test_a_process_that_sleeps_one_that_works_and_one_that_was_stopped_are_told_apart() -> None:
    with python("import time; time.sleep(60)") as sleeper, python("while True: pass") as worker:
        wait_until(lambda: look_at(sleeper.pid, []).asleep, "its sleep")
        before = look_at(worker.pid, [worker.pid])
        wait_until(lambda: look_at(worker.pid, [worker.pid]).used[worker.pid] > before.used[worker.pid], "its work")
        assert not before.asleep
        worker.send_signal(signal.SIGSTOP)
        wait_until(lambda: look_at(worker.pid, []).stopped, "its stop")
    assert look_at(sleeper.pid, [sleeper.pid]) == Look({}, None)


@linux_only
def test_a_thread_that_is_gone_has_no_cpu_time() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert thread.native_id
    wait_until(lambda: thread_seconds(thread.native_id or 0) is None, "its end")
    assert thread_seconds(threading.get_native_id())


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why machines were given up; their processes go on."""
    told: list[str] = []
    monkeypatch.setattr("os._exit", lambda code: told.append(f"exit {code}"))
    return told


def playing(body: Callable[[], object], comes_up: bool = True) -> Callable[[Ram, int], None]:
    """What plays a CPU that comes up, if it does, and does something that never looks for power-off."""

    def play(ram: Ram, number: int) -> None:
        if comes_up:
            ram.poke(ram.map.log(number) + ONLINE, 1)
        body()

    return play


def test_a_cpu_that_ends_late_without_using_a_core_is_no_fault(
    given_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each look another hour passes, as if the host were paused again and again: only CPU time would count."""
    gate, looks = threading.Event(), 0

    def look(pid: int, threads: Iterable[int]) -> Look:
        nonlocal looks
        looks += 1
        if looks == 100:
            gate.set()
        return Look(dict.fromkeys(threads, 0.0), 0.0, asleep=False)

    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(machines, "Patience", partial(Patience, clock=lambda: float(next(hours)), look=look))
    machine = Machine(blank_ram(1), [playing(gate.wait)])
    machine.boot()
    machine.power_off()
    assert given_up == []
    assert looks >= 100


def test_a_cpu_that_spins_on_after_power_off_is_told_with_its_cpu_time(
    given_up: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            pass

    monkeypatch.setattr(machines, "JOIN_SECONDS", 0.1)
    saved: list[str] = []
    machine = Machine(blank_ram(1), [playing(spin)], saved.append)
    machine.boot()
    machine.power_off()
    over.set()
    assert given_up == ["exit 4"]
    assert saved == [capsys.readouterr().err.strip().removeprefix("kstress: ")]
    assert saved[0].startswith("cpu0 did not end after power-off, after 0.")
    assert saved[0].endswith(" s of CPU time")


@linux_only
def test_a_cpu_that_cannot_be_ended_is_told_with_its_program_and_its_line(
    given_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    over: list[bool] = []  # calls nothing: without a GIL the innermost function alone is seen

    @kernel
    def without_end(cpu: Cpu) -> None:
        while not over:
            pass

    monkeypatch.setattr(machines, "JOIN_SECONDS", 0.1)
    saved: list[str] = []
    machine = Machine(blank_ram(1), [playing(lambda: without_end(None))], saved.append, ["counter"])  # type: ignore[arg-type]
    machine.boot()
    machine.power_off()
    over.append(True)
    assert re.search(r" s of CPU time; cpu0 runs counter, in without_end \(.*test_patience\.py:\d+\)$", saved[0])


@linux_only
def test_a_cpu_that_sleeps_for_ever_is_told_as_that(given_up: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "JOIN_SECONDS", 0.2)
    gate, saved = threading.Event(), list[str]()
    machine = Machine(blank_ram(1), [playing(gate.wait)], saved.append)
    machine.boot()
    machine.power_off()
    gate.set()
    assert given_up == ["exit 4"]
    assert "cpu0 did not end after power-off, though nothing prevented it: it has slept for 0." in saved[0]


def test_a_cpu_that_uses_its_time_and_does_not_come_up_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "START_SECONDS", 0.1)
    ram = blank_ram(1)

    def spin() -> None:
        while ram.peek(STARTED) == 0 and ram.peek(BOUND) != 0:
            pass

    with pytest.raises(MachineError, match=r"^cpu0 did not come up after 0\.\d s of CPU time$"):
        Machine(ram, [playing(spin, comes_up=False)]).boot()


def test_a_cpu_that_gets_no_core_to_come_up_is_the_hosts_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "LONGEST_WAIT_SECONDS", 0.2)
    ram = blank_ram(1)

    def linger() -> None:
        while ram.peek(BOUND) != 0:
            time.sleep(0.01)

    with pytest.raises(HostError, match=r"^cpu0 did not come up within \d s$"):
        Machine(ram, [playing(linger, comes_up=False)]).boot()


def test_a_thread_that_cannot_be_had_is_the_hosts_fault_and_the_others_are_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, begun = threading.Thread.start, list[threading.Thread]()

    def refuse(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    ram = blank_ram(3)
    machine = Machine(ram, [playing(lambda: None)] * 3)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(HostError, match=r"^out of memory: no thread for CPU 2 of 3: can't start new thread;"):
            machine.boot()
    machine.power_off()
    assert not any(thread.is_alive() for thread in begun)


@pytest.mark.parametrize(
    ("error", "told", "says"),
    [
        (MemoryError(), HostError, "^out of memory: an allocation was refused; "),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), HostError, "^out of memory: .*Cannot allocate memory; "),
        (OSError(errno.EIO, "Input/output error"), MachineError, "^CPU 0:\n"),
    ],
)
def test_a_cpu_that_dies_for_want_of_memory_is_no_fault_of_the_harness(
    error: Exception, told: type[Exception], says: str
) -> None:
    def die() -> None:
        raise error

    machine = Machine(blank_ram(1), [playing(die)])
    machine.boot()
    machine.power_off()
    with pytest.raises(told, match=says):
        machine.check()
