"""One machine: RAM, its CPUs on OS threads, start and power-off. A run boots one for each of its slices."""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import attrs

from stress.errors import HostError, is_for_memory, out_of_memory
from stress.host import clocks, threads
from stress.host.frames import current_frames
from stress.machine.language.errors import KernelCodeError, ShiftError
from stress.machine.patience import Patience, thread_seconds
from stress.machine.ram import Ram
from stress.machine.stacks import shown, stack_of
from stress.machine.words import ONLINE, STARTED

JOIN_SECONDS = 1.0
"""CPU time that a thread may use between power-off and its end; it needs some microseconds."""
START_SECONDS = 60.0
"""CPU time that a thread may use until its CPU is online."""
LONGEST_WAIT_SECONDS = 600.0
"""For a thread that uses no CPU time and does not get there: it gets no core, or it sleeps while others run."""
JOIN_LOOK_SECONDS = 0.05
BOOT_LOOK_SECONDS = 0.0002
EXIT_HARNESS_FAILED = 4
CORE_FIELD = 36
"""The place of `processor` in Linux's /proc/PID/task/TID/stat, counted behind the thread's name (proc(5))."""

Play = Callable[[Ram, int], None]


class MachineError(Exception):
    """A CPU's thread died of an exception that is not an outcome; the text has its traceback."""


def give_up(why: str, before_exit: Callable[[str], None]) -> NoReturn:
    """Say why the process must exit with 4, once `before_exit`, which gets the reason, has saved results."""
    try:
        before_exit(why)
    finally:
        print(f"kstress: {why}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(EXIT_HARNESS_FAILED)


@attrs.define
class Machine:
    """CPUs that share `ram`: CPU i runs `plays[i]` on a thread of its own, until power-off.

    `programs` are the names of what they run, for reports. If a CPU cannot be ended, `before_exit` is called with the
    reason, to save results; then the process exits.
    """

    ram: Ram
    plays: Sequence[Play]
    before_exit: Callable[[str], None] = lambda why: None
    programs: Sequence[str] = ()
    errors: list[str] = attrs.field(init=False, factory=list)
    cause: BaseException | None = attrs.field(init=False, default=None)
    started_ns: int = attrs.field(init=False, default=0)
    _threads: list[threading.Thread] = attrs.field(init=False, factory=list)
    _why_stuck: str | None = attrs.field(init=False, default=None)

    def _play(self, number: int) -> None:
        """The body of CPU `number`'s thread. An exception is kept for `check`, and turns the power off."""
        try:
            self.plays[number](self.ram, number)
        except BaseException as error:
            self.cause = self.cause or error
            self.errors.append(f"CPU {number}:\n{traceback.format_exc()}")
            self.ram.power_off()

    def boot(self) -> None:
        """Start a thread for each CPU, wait until all are online, and start their programs at the same time.

        Raises:
            MachineError: when a CPU does not come online, though it had CPU time.
            HostError: when the host has no thread, or no core, for a CPU.
        """
        for number in range(len(self.plays)):
            self._start(number)
        patience = Patience(os.getpid(), START_SECONDS, LONGEST_WAIT_SECONDS, self._not_online)
        while waiting := self._not_online():
            why = patience.spent()
            if self.errors or why:
                names = self._names(waiting)
                self.power_off()
                self.check()
                fault = HostError if patience.waited >= LONGEST_WAIT_SECONDS else MachineError
                raise fault(f"{names} did not come up {why}")
            clocks.sleep(BOOT_LOOK_SECONDS)
        self.started_ns = clocks.monotonic_ns()
        self.ram.poke(STARTED, 1)

    def _start(self, number: int) -> None:
        """Start the thread of CPU `number`."""
        thread = threads.new_thread(self._play, (number,), f"cpu{number}")
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            raise out_of_memory(error, f"no thread for CPU {number} of {len(self.plays)}") from error
        if thread.ident is None:
            raise HostError(f"no thread for CPU {number}: threading.Thread.start started none; is it patched?")
        self._threads.append(thread)

    def _not_online(self) -> list[int]:
        """The native ids of the threads whose CPUs are not online yet."""
        online = self.ram.log_words(ONLINE)
        return [thread.native_id or 0 for thread, [up] in zip(self._threads, online, strict=True) if not up]

    def _names(self, threads: Sequence[int]) -> str:
        """The names of threads, given by their native ids."""
        return ", ".join(thread.name for thread in self._threads if thread.native_id in threads)

    def is_alive(self, number: int) -> bool:
        """Whether the thread of CPU `number` has been started and has not ended."""
        return number < len(self._threads) and self._threads[number].is_alive()

    def cpu_seconds(self, number: int) -> float | None:
        """The CPU time that CPU `number` has used; None where the system does not say."""
        thread = self._threads[number].native_id if number < len(self._threads) else None
        return None if thread is None else thread_seconds(thread)

    def thread(self, number: int) -> threading.Thread:
        """The thread of CPU `number`."""
        return self._threads[number]

    def native_id(self, number: int) -> int | None:
        """The system's id of the thread of CPU `number`."""
        return self._threads[number].native_id

    @property
    def native_ids(self) -> list[int]:
        """The system's ids of the threads of all CPUs."""
        return [thread.native_id for thread in self._threads if thread.native_id is not None]

    def core_of(self, number: int) -> int | None:
        """The core that CPU `number` was last seen on; None where the system does not say."""
        try:
            facts = Path(f"/proc/self/task/{self._threads[number].native_id}/stat").read_text()
        except OSError:
            return None
        return int(facts.rpartition(")")[2].split()[CORE_FIELD])

    def power_off(self) -> None:
        """End every program and join its thread. If a thread does not end, the process exits with 4."""
        stuck = self.end(JOIN_SECONDS, LONGEST_WAIT_SECONDS)
        if stuck:
            self._give_up(stuck)

    def end(self, seconds: float, longest: float | None = None) -> list[threading.Thread]:
        """End every program and join its thread; returns the threads that do not end, which go on running.

        A thread counts as one that does not end when it has used `seconds` of CPU time since power-off, or when this
        whole process sleeps for `seconds`. Any other thread is waited for, at most for `longest` seconds (None: for
        `seconds`).
        """
        self.ram.power_off()
        patience = Patience(os.getpid(), seconds, seconds if longest is None else longest, self._alive)
        self._why_stuck = None
        for thread in self._threads:
            while thread.is_alive() and not self._why_stuck:
                thread.join(JOIN_LOOK_SECONDS)
                self._why_stuck = patience.spent() if thread.is_alive() else None
        return [thread for thread in self._threads if thread.is_alive()]

    def _alive(self) -> list[int]:
        """The native ids of the threads that have not ended."""
        return [thread.native_id or 0 for thread in self._threads if thread.is_alive()]

    def _give_up(self, stuck: list[threading.Thread]) -> None:
        """Exit the process: a thread in compiled code can neither be ended nor be left behind, since it uses RAM."""
        names = ", ".join(thread.name for thread in stuck)
        why = f"{names} did not end after power-off, {self._why_stuck}{''.join(map(self._where, stuck))}"
        give_up(why, self.before_exit)

    def _where(self, thread: threading.Thread) -> str:
        """What a thread that does not end runs, and the line where it is, as far as anybody can tell."""
        number = self._threads.index(thread)
        runs = f"; {thread.name} runs {self.programs[number]}" if self.programs else ""
        lines = shown(stack_of(current_frames().get(thread.ident or 0)))
        return f"{runs}, in {lines[0]}" if runs and lines else runs

    def check(self) -> None:
        """Raise the error of a CPU whose thread died: HostError, KernelCodeError or MachineError."""
        if self.cause and is_for_memory(self.cause) and not isinstance(self.cause, ShiftError):
            raise out_of_memory(self.cause) from self.cause
        if isinstance(self.cause, KernelCodeError):
            raise self.cause
        if self.errors:
            raise MachineError("\n".join(self.errors)) from self.cause
