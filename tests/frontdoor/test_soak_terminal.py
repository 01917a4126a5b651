"""A soak on a terminal: a panel is drawn, Ctrl-C that is typed ends it, and the terminal is as it was."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.frontdoor.command import BOUND_SECONDS, command_line, environment
from tests.frontdoor.soaking import END, HOURS, is_gone, manifest, samples, the_run, wait_until

CTRL_C = b"\x03"
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
LINES, COLUMNS = 40, 120


def take_terminal() -> None:
    """Make standard input the terminal that sends this process signals; called in the process before it starts."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A terminal with a soak on it; what it is sent is kept."""

    def __init__(self, *arguments: str) -> None:
        """Start the soak."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command_line(["soak", *arguments]), env=environment(TERM="xterm"),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(theirs)
        self.seen = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 1 << 16):
                self.seen += data
        except OSError:  # nobody has the terminal open any more
            return

    def wait_for(self, *parts: str) -> None:
        """Wait until all of this was drawn."""
        wait_until(lambda: all(part.encode() in self.seen for part in parts), " and ".join(parts))

    def type(self, keys: bytes) -> None:
        """Type some keys."""
        os.write(self._ours, keys)

    def machine(self) -> psutil.Process:
        """The machine's process."""
        [machine] = psutil.Process(self.process.pid).children()
        return machine

    def wait(self) -> int:
        """Wait for the soak's end and for all that it wrote; its exit code."""
        code = self.process.wait(BOUND_SECONDS)
        self._thread.join(BOUND_SECONDS)
        assert not self._thread.is_alive()
        return code

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            machines = psutil.Process(self.process.pid).children()
            self.process.kill()
            self.process.wait(BOUND_SECONDS)
            for machine in machines:
                machine.kill()
        self._thread.join(BOUND_SECONDS)
        os.close(self._ours)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """A terminal with a soak on it, while the block runs."""
    opened = Terminal(*arguments)
    try:
        yield opened
    finally:
        opened.close()


def assert_cursor_is_back(seen: bytes) -> None:
    """The cursor was hidden, and is shown since."""
    assert HIDE in seen
    assert SHOW in seen[seen.rindex(HIDE) :]


def test_the_panel_is_drawn_and_ctrl_c_gives_the_terminal_back(tmp_path: Path) -> None:
    with terminal("stop_machine", *HOURS, "--seed", "7", "--results", str(tmp_path)) as shown:
        shown.wait_for("kstress soak  python engine, 3 CPUs, seed 7", "Ctrl-C ends it", "left", "race windows")
        shown.wait_for("lookups/s", "unloads/s", "stop p99", "MiB", "steal", "modprobe", "kallsyms", "operations")
        machine = shown.machine()
        shown.type(CTRL_C)
        assert shown.wait() == 130
        assert is_gone(machine)
    assert_cursor_is_back(shown.seen)
    after = shown.seen[shown.seen.rindex(SHOW) :].decode()
    assert f"{END}HELD as expected, interrupted: " in after or f"{END}INCONCLUSIVE expected HELD, interrup" in after
    assert manifest(the_run(tmp_path))["status"] == "interrupted"
    assert samples(the_run(tmp_path))[-1]["standing"]["tally"]["lookups"] > 0


def test_a_soak_that_ends_gives_the_terminal_back(tmp_path: Path) -> None:
    with terminal("modlist_spinlock", *HOURS, "--duration", "800ms", "--results", str(tmp_path)) as shown:
        assert shown.wait() == 0
    assert_cursor_is_back(shown.seen)
    assert f"{END}VIOLATED as expected, complete: ".encode() in shown.seen[shown.seen.rindex(SHOW) :]


def test_a_second_signal_leaves_at_once_and_gives_the_terminal_back(tmp_path: Path) -> None:
    with terminal("stop_machine", *HOURS, "--results", str(tmp_path)) as shown:
        shown.wait_for("Ctrl-C ends it")
        machine = shown.machine()
        machine.send_signal(signal.SIGSTOP)
        wait_until(lambda: machine.status() == psutil.STATUS_STOPPED, "a process that is stopped")
        shown.type(CTRL_C)
        shown.wait_for("^C")
        shown.process.send_signal(signal.SIGTERM)
        assert shown.wait() == 143
        assert not is_gone(machine)
        machine.send_signal(signal.SIGCONT)
        wait_until(lambda: is_gone(machine), "the end of the machine's process")
    assert END.encode() not in shown.seen
    assert_cursor_is_back(shown.seen)
