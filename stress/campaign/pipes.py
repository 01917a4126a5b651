"""Messages between a campaign and a machine's process: one JSON object a line.

The campaign sends one job; when it closes the pipe, the process has to end. All other messages go to the campaign.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import attrs

from stress.campaign.converter import from_json, to_json
from stress.errors import HarnessError, HostError, UserError, is_for_memory, out_of_memory
from stress.host.collector import collect_seldom
from stress.machine.machine import EXIT_HARNESS_FAILED
from stress.machine.patience import Patience
from stress.safe_text import shown

LAST_SECONDS = 5.0
"""CPU time of the main thread, or sleep of the whole process, that a process gets to end once its pipe is closed."""
LONGEST_LAST_SECONDS = 60.0
LOOK_SECONDS = 0.1

T = TypeVar("T")


@attrs.frozen
class Failed:
    """The process cannot go on: for bad input if `user`, else for a fault of the harness."""

    user: bool
    text: str


@attrs.frozen
class Lost:
    """What was under way is lost, and can be done again: the machine could not be ended, or for want of `memory`."""

    text: str
    memory: bool = False


def what_failed(error: Exception) -> Lost | Failed:
    """The message for an error that ended the work of the process."""
    if isinstance(error, HostError):
        return Lost(str(error), memory=is_for_memory(error))
    if is_for_memory(error):
        return Lost(str(out_of_memory(error)), memory=True)
    known = isinstance(error, UserError | HarnessError)
    return Failed(isinstance(error, UserError), str(error) if known else "".join(traceback.format_exception(error)))


def write_message(message: Any) -> bytes:
    """A message, a record of any kind, as a line."""
    return json.dumps([type(message).__name__, to_json(message)], separators=(",", ":")).encode() + b"\n"


def read_message(line: bytes, kinds: Iterable[type[Any]]) -> Any:
    """The message on a line, which is of one of these kinds; a line that is none is Failed."""
    try:
        name, value = json.loads(line)
        kind = {kind.__name__: kind for kind in kinds}[name]
        return from_json(value, kind, "a message of the machine's process")
    except (UserError, ValueError, LookupError, TypeError, RecursionError) as error:
        return Failed(False, f"the process sent a line that is not a message: {shown(error)}: {shown(line)}")


def serve(kind: type[T], work: Callable[[T, Callable[[Any], None], threading.Event], None]) -> int:
    """Be a machine's process: do the job that comes first on standard input; the exit code.

    `work` gets the job, a function that sends a message, and an event that says to end. The process ends by itself
    when the pipe that the job came by is closed, as it is when the campaign's process dies.
    """
    collect_seldom()
    faulthandler.enable(all_threads=False)  # the thread that crashed, not so many that it is lost among them
    line, speak = _take_pipes()
    job = from_json(json.loads(line), kind, "the job")
    try:
        work(job, speak, _end_of_input())
    except Exception as error:
        speak(what_failed(error))
    return 0


def _take_pipes() -> tuple[bytes, Callable[[Any], None]]:
    """For the machine's process: its job's line, and a function that sends a message.

    The process leaves signals to the campaign, since service managers signal every process; what scenarios print goes
    to standard error.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    out = os.dup(1)
    os.dup2(2, 1)
    line = sys.stdin.buffer.readline() or sys.exit(0)
    return line, lambda message: _write_all(out, write_message(message))


def _end_of_input() -> threading.Event:
    """An event that is set when standard input ends. RuntimeError where the system starts no more threads."""
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), name="end", daemon=True).start()
    return stop


def _wait_for_end(stop: threading.Event) -> None:
    """Set `stop` when standard input ends; a process that does not end then, in a compilation say, is ended here."""
    while os.read(0, 4096):
        pass
    stop.set()
    patience = Patience(os.getpid(), LAST_SECONDS, LONGEST_LAST_SECONDS)
    while not patience.spent():
        time.sleep(LOOK_SECONDS)
    os._exit(EXIT_HARNESS_FAILED)


def _write_all(handle: int, data: bytes) -> None:
    """Write to a pipe; leave when nobody is there to read it."""
    try:
        while data:
            data = data[os.write(handle, data) :]
    except BrokenPipeError:
        os._exit(0)
