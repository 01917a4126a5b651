"""Operations that go on and make no access: a thread watches the schedules, and ends the process where one hangs so.

A schedule is cut after so many accesses and turns. Code that makes none can neither be cut nor be left behind: compiled
code runs on the thread that has called it, and takes no signals.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs

from stress.errors import out_of_memory
from stress.host.frames import current_frames
from stress.machine.machine import give_up
from stress.machine.patience import Patience
from stress.machine.stacks import shown, stack_of
from stress.runs.controlled.machine import Controlled

SILENT_SECONDS = 5.0
"""CPU time that a schedule may use from one access, or turn, to the next; between most of them there are none."""
LOOK_SECONDS = 0.25


@contextmanager
def watched(machines: Sequence[Controlled], before_exit: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Watch the schedules that the calling thread runs on these machines.

    If one goes on without an access, `before_exit` saves results, on another thread, and the process exits with 4.

    Raises:
        HostError: when the host has no thread for it.
    """
    watcher = _Watcher(machines, threading.current_thread(), before_exit)
    thread = threading.Thread(target=watcher.watch, name="silence", daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise out_of_memory(error, "no thread to watch the schedules") from error
    try:
        yield
    finally:
        watcher.is_over.set()
        thread.join()


@attrs.define
class _Watcher:
    """Watches machines, of which at most one runs a schedule at a time, on the thread `caller`."""

    machines: Sequence[Controlled]
    caller: threading.Thread
    before_exit: Callable[[], None]
    is_over: threading.Event = attrs.field(init=False, factory=threading.Event)
    _running: Controlled | None = attrs.field(init=False, default=None)

    def watch(self) -> None:
        """Look again and again, until it is over."""
        patience = Patience(os.getpid(), SILENT_SECONDS, math.inf, self._threads)
        last = None
        while not self.is_over.wait(LOOK_SECONDS):
            self._running = next((one for one in self.machines if one.progress), None)
            seen = self._running.progress if self._running else None
            if seen is None or seen != last:
                last = seen
                patience.start_again()
            elif (why := patience.spent()) and self._running and self._running.progress == seen:
                give_up(self._text(self._running, why), lambda why: self.before_exit())

    def _threads(self) -> list[int]:
        """The native id of the thread that runs the CPU whose turn it is."""
        assert self._running
        return [self._thread_of(self._running).native_id or 0]

    def _thread_of(self, machine: Controlled) -> threading.Thread:
        """The thread of the CPU whose turn it is: on the python engine the newest one of its name, else the caller's.

        Threads of earlier schedules wait, and may have the same name.
        """
        name = f"cpu{machine.turn_of}"
        return next((one for one in reversed(threading.enumerate()) if one.name == name), self.caller)

    def _text(self, machine: Controlled, why: str) -> str:
        """What hangs, and where, as far as anybody can tell."""
        number = machine.turn_of or 0
        program = machine.scenario.deal(machine.ram.map.cpus)[number].name
        lines = shown(stack_of(current_frames().get(self._thread_of(machine).ident or 0)))
        where = f", in {lines[0]}" if lines else "; --engine python says in which line"
        what = f"{machine.scenario.name}: cpu{number} did not end its operation, nor access memory, {why}"
        return f"{what}; cpu{number} runs {program}{where}"
