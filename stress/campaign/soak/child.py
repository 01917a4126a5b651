"""The machine's process: `python -m stress.campaign.soak.child`, started by `stress.campaign.worker`.

It takes a job on standard input and tells what it does on what was its standard output; what scenarios print goes to
standard error. It ends when the pipe that it got the job by is closed, as it is when the soak's process dies.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import attrs

from stress.campaign.converter import from_json
from stress.campaign.soak.messages import Began, CpuGlance, Failed, Glance, Job, Message, Ready, write_message
from stress.campaign.soak.records import parts_by_name
from stress.campaign.soak.turns import Player, player_for, slices_of
from stress.errors import HarnessError, UserError
from stress.machine.machine import EXIT_HARNESS_FAILED, Machine
from stress.machine.watchdog import Watchdog
from stress.runner import Hooks, world_for

GLANCE_SECONDS = 0.5
LAST_SECONDS = 5.0

Speak = Callable[[Message], None]


def take_pipes() -> tuple[Job, Speak, threading.Event]:
    """Read the job; a function that sends a message, and an event that is set when the soak wants no more."""
    out = os.dup(1)
    os.dup2(2, 1)
    line = sys.stdin.readline()
    job = from_json(json.loads(line), Job, "the job") if line else sys.exit(0)
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), name="end", daemon=True).start()
    return job, lambda message: _write_all(out, write_message(message)), stop


def _wait_for_end(stop: threading.Event) -> None:
    """Set `stop` when standard input ends; a process that does not end then, in a compilation say, is ended here."""
    while os.read(0, 4096):
        pass
    stop.set()
    time.sleep(LAST_SECONDS)
    os._exit(EXIT_HARNESS_FAILED)


def _write_all(handle: int, data: bytes) -> None:
    """Write to a pipe; leave when nobody is there to read it."""
    try:
        while data:
            data = data[os.write(handle, data) :]
    except BrokenPipeError:
        os._exit(0)


@attrs.define
class Glancer:
    """Tells twice a second what the CPUs do, on behalf of the player whose turn it is."""

    speak: Speak
    player: Player | None = None
    began: float = 0.0
    _told: float = attrs.field(init=False, default=0.0)

    def begin(self, player: Player) -> None:
        """A turn begins."""
        self.player, self.began = player, time.monotonic()

    def __call__(self, machine: Machine, watchdog: Watchdog) -> None:
        """Look at a machine, if it is time."""
        now = time.monotonic()
        if self.player is None or now < self._told + GLANCE_SECONDS:
            return
        self._told = now
        tally = self.player.track.tally
        self.speak(
            Glance(
                self.player.standing.scenario,
                now - self.began,
                tally.lookups,
                tally.unloads,
                tally.race_windows,
                tally.violations,
                tuple(_cpus(machine, watchdog)),
            )
        )


def _cpus(machine: Machine, watchdog: Watchdog) -> Iterator[CpuGlance]:
    """Every CPU of a machine."""
    for link in watchdog.links():
        state = f"spins on {link.wait.spins_on}" if link.wait else link.activity
        yield CpuGlance(link.cpu, link.program, machine.core_of(link.cpu), state, link.operation)


def players(job: Job, hooks: Hooks) -> list[Player]:
    """Every scenario that is to run, compiled."""
    world = world_for(job.plan.config())
    parts = parts_by_name(job.plan)
    standings = [standing for standing in job.standings if not standing.done]
    return [player_for(parts[one.scenario].origin, job.plan, world, one, hooks) for one in standings]


def work(job: Job, speak: Speak, stop: threading.Event) -> None:
    """Give each scenario its turn until the time is up, all have ended, or the soak wants no more."""
    glancer = Glancer(speak)
    hooks = Hooks(watch=glancer) if job.glances else Hooks()
    left, waiting = job.seconds, players(job, hooks)
    speak(Ready())
    while waiting and left > 0 and not stop.is_set():
        player = waiting.pop(0)
        speak(Began(player.standing.scenario))
        glancer.begin(player)
        turn = player.play(min(slices_of(job.plan.interval_s), left), stop.is_set)
        speak(turn)
        left -= turn.seconds
        if not player.ended:
            waiting.append(player)


def main() -> int:
    """Do the job; the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the soak says when to end: service managers signal every process
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable(all_threads=False)  # the thread that crashed, not so many that it is lost among them
    job, speak, stop = take_pipes()
    try:
        work(job, speak, stop)
    except UserError as error:
        speak(Failed(True, str(error)))
    except HarnessError as error:
        speak(Failed(False, str(error)))
    except Exception:
        speak(Failed(False, traceback.format_exc()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
