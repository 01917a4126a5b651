"""The machine's process: `python -m stress.campaign.soak.child`, started by `stress.campaign.child`."""

import sys
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from stress.campaign.pipes import Lost, serve
from stress.campaign.soak.messages import Began, CpuGlance, Glance, Job, Message, Ready
from stress.campaign.soak.records import SHORTEST_SOAK, scenarios_by_name
from stress.campaign.soak.turns import Player, player_for, slices_of
from stress.machine.machine import Machine
from stress.machine.watchdog import Watchdog
from stress.runs.hooks import Hooks
from stress.runs.runner import world_for

GLANCE_SECONDS = 0.5

Speak = Callable[[Message], None]


@attrs.define
class Glancer:
    """Reports twice a second what the CPUs do, for the player whose turn it is."""

    speak: Speak
    player: Player | None = None
    began: float = 0.0
    _reported_at: float = attrs.field(init=False, default=0.0)

    def begin(self, player: Player) -> None:
        """A turn begins."""
        self.player, self.began = player, time.monotonic()

    def __call__(self, machine: Machine, watchdog: Watchdog) -> None:
        """Look at a machine, if it is time."""
        now = time.monotonic()
        if self.player is None or now < self._reported_at + GLANCE_SECONDS:
            return
        self._reported_at = now
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
        state = f"spins on {link.spins_on}" if link.spins_on else link.activity
        yield CpuGlance(link.cpu, link.program, machine.core_of(link.cpu), state, link.operation)


def players(job: Job, hooks: Hooks) -> list[Player]:
    """Every scenario that is to run, compiled."""
    world = world_for(job.plan.config())
    parts = scenarios_by_name(job.plan)
    standings = [standing for standing in job.standings if not standing.done]
    return [player_for(parts[one.scenario], job.plan, world, one, hooks) for one in standings]


def work(job: Job, speak: Speak, stop: threading.Event) -> None:
    """Give each scenario its turn until the time is up, all have ended, or the soak wants no more."""
    glancer = Glancer(speak)
    hooks = Hooks(before_exit=lambda why: speak(Lost(why)))
    if job.glances:
        hooks = attrs.evolve(hooks, watch=glancer)
    left, waiting = job.seconds, players(job, hooks)
    speak(Ready())
    while waiting and left > SHORTEST_SOAK and not stop.is_set():
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
    return serve(Job, work)


if __name__ == "__main__":
    sys.exit(main())
