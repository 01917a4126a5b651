"""One machine: RAM, its CPUs on OS threads, start and power-off. `stress.runner` boots one for each slice of a run."""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from stress import clocks
from stress.machine.ram import Ram
from stress.machine.words import ONLINE, STARTED

JOIN_SECONDS = 1.0
START_SECONDS = 60.0
EXIT_HARNESS_FAILED = 4
CORE_FIELD = 36
"""Where `processor` is in Linux's /proc/PID/task/TID/stat, counted behind the thread's name."""

Play = Callable[[Ram, int], None]


class MachineError(Exception):
    """A CPU's thread died of something that is no outcome; the text has its traceback."""


@attrs.define
class Machine:
    """CPUs that share `ram`: CPU i runs `plays[i]` on a thread of its own, until power-off.

    `before_exit` is called if a CPU cannot be ended: results are saved there, then the process exits.
    """

    ram: Ram
    plays: Sequence[Play]
    before_exit: Callable[[], None] = lambda: None
    errors: list[str] = attrs.field(init=False, factory=list)
    started_ns: int = attrs.field(init=False, default=0)
    _threads: list[threading.Thread] = attrs.field(init=False, factory=list)

    def _play(self, number: int) -> None:
        """The body of CPU `number`'s thread; an exception ends the machine and is kept."""
        try:
            self.plays[number](self.ram, number)
        except BaseException:
            self.errors.append(f"CPU {number}:\n{traceback.format_exc()}")
            self.ram.power_off()

    def boot(self) -> None:
        """Start a thread for each CPU and let all of them go at once.

        Raises:
            MachineError: when a CPU did not come up.
        """
        for number in range(len(self.plays)):
            thread = threading.Thread(target=self._play, args=(number,), name=f"cpu{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        deadline = clocks.monotonic() + START_SECONDS
        while not all(online for [online] in self.ram.log_words(ONLINE)):
            if self.errors or clocks.monotonic() > deadline:
                self.power_off()
                self.check()
                raise MachineError(f"not all CPUs came up within {START_SECONDS:.0f} s")
            clocks.sleep(0.0002)
        self.started_ns = clocks.monotonic_ns()
        self.ram.poke(STARTED, 1)

    def is_alive(self, number: int) -> bool:
        """Whether CPU `number` has a thread that runs."""
        return number < len(self._threads) and self._threads[number].is_alive()

    def thread(self, number: int) -> threading.Thread:
        """The thread of CPU `number`."""
        return self._threads[number]

    def native_id(self, number: int) -> int | None:
        """What the system calls the thread of CPU `number`."""
        return self._threads[number].native_id

    def core_of(self, number: int) -> int | None:
        """The core that CPU `number` was last seen on; None where the system does not say."""
        try:
            facts = Path(f"/proc/self/task/{self._threads[number].native_id}/stat").read_text()
        except OSError:
            return None
        return int(facts.rpartition(")")[2].split()[CORE_FIELD])

    def power_off(self) -> None:
        """End every program, whatever it is doing, and join its thread; the process exits if one does not end."""
        stuck = self.end(JOIN_SECONDS)
        if stuck:
            self._give_up([thread.name for thread in stuck])

    def end(self, seconds: float) -> list[threading.Thread]:
        """End every program and join its thread; the threads that have not ended after `seconds`, which are left."""
        self.ram.power_off()
        deadline = clocks.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(deadline - clocks.monotonic(), 0.01))
        return [thread for thread in self._threads if thread.is_alive()]

    def _give_up(self, stuck: list[str]) -> None:
        """Leave the process, since a thread in compiled code can neither be ended nor be left behind."""
        try:
            self.before_exit()
        finally:
            print(f"kstress: {', '.join(stuck)} did not end within {JOIN_SECONDS:.0f} s of power-off", file=sys.stderr)
            sys.stderr.flush()
            os._exit(EXIT_HARNESS_FAILED)

    def check(self) -> None:
        """Raise MachineError if a CPU's thread died."""
        if self.errors:
            raise MachineError("\n".join(self.errors))
