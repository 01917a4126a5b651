"""Turns: the scenarios of a soak take the machine one after the other, each for an interval, with its twin.

A twin only has to show, again and again, that its violation could be seen, so it gets one slice in eight. Called by
`stress.campaign.soak.child` in the machine's own process.
"""

import time
from collections.abc import Callable

import attrs

from stress.campaign.records import ScenarioRecord, load_recorded
from stress.campaign.soak.messages import Turn
from stress.campaign.soak.records import Plan, Standing
from stress.errors import HarnessError
from stress.judge.explain import explain
from stress.judge.tally import Tally
from stress.machine.machine import MachineError
from stress.machine.ram import Ram
from stress.runs.boot import World
from stress.runs.hooks import Hooks
from stress.runs.report import Report, report_stall, report_violation
from stress.runs.result import command_of
from stress.runs.settled import settle
from stress.runs.track import SHORTEST_SLICE, Track, has_violation, prepare
from stress.scenario import Scenario
from stress.scenario_files import twin_of

TWIN_EVERY = 8
LONGEST_SLICE = 1.0
LONGEST_RECORD = 0.25

Interrupted = Callable[[], bool]


def slices_of(interval_s: float) -> float:
    """For how many seconds slices run in a turn: the rest of the interval is for its record to get to the disk."""
    return interval_s - min(interval_s / 5, LONGEST_RECORD)


@attrs.define
class Player:
    """One scenario in the machine's process: its programs, its twin's, and what both have counted since the start."""

    plan: Plan
    world: World
    track: Track
    twin: Track | None
    standing: Standing
    _reported: set[str] = attrs.field(init=False, factory=set)
    _slices: int = attrs.field(init=False, default=0)

    def play(self, seconds: float, interrupted: Interrupted) -> Turn:
        """Run slices for `seconds`, or until the scenario has ended or `interrupted` says so.

        Raises:
            HarnessError: when the harness itself failed.
            HostError: when the host has not enough memory, or no core in time.
        """
        began = time.monotonic()
        while not self.ended and not interrupted():
            left = began + seconds - time.monotonic()
            if left <= SHORTEST_SLICE:
                break
            try:
                self._slice(left, interrupted)
            except MachineError as error:
                raise HarnessError(f"an error in kernel code, or in kstress itself\n{error}") from error
        return self._turn(time.monotonic() - began)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to learn from this scenario."""
        violated = self.plan.stop_on_violation and self.track.tally.violations > 0
        return self.standing.done or self.track.stall is not None or violated

    def _slice(self, left: float, interrupted: Interrupted) -> None:
        """Run one slice of the scenario or, when it is due, of its twin.

        The first is the scenario's own, so that even a turn that a busy host cuts to one slice has a result.
        """
        twin = self.twin if self.twin and self.twin.stall is None and self.standing.twin_stall is None else None
        due, self._slices = self._slices % TWIN_EVERY == 1, self._slices + 1
        length = min(left, self._slice_seconds)
        if twin and due:
            twin.run_up_to_catches(length, interrupted)
        else:
            self.track.run_slice(length, lambda ram, seconds: interrupted() or self._stops(ram))

    @property
    def _slice_seconds(self) -> float:
        """How long a slice is beside a twin's: long against a boot, and every turn has one of the twin."""
        return min(self.plan.interval_s / TWIN_EVERY, LONGEST_SLICE)

    def _stops(self, ram: Ram) -> bool:
        """Whether the slice under way has the violation that ends the soak."""
        return self.plan.stop_on_violation and has_violation(ram)

    def _turn(self, seconds: float) -> Turn:
        """The result of the turn."""
        track, twin = self.track, self.twin
        track.check()
        twin_stall = twin.stall.text if twin and twin.stall else self.standing.twin_stall
        self.standing = attrs.evolve(
            self.standing,
            slices=track.slices,
            tally=track.tally,
            twin=twin.tally if twin else None,
            stall=report_stall(track.stall) if track.stall else self.standing.stall,
            twin_stall=twin_stall,
            done=self.ended,
        )
        return Turn(seconds, self.standing, self._reports())

    def _reports(self) -> dict[str, Report]:
        """The violations of outcomes that this process has not reported before."""
        new = tuple(violation for violation in self.track.reports if violation.outcome not in self._reported)
        self._reported.update(violation.outcome for violation in new)
        again = command_of("soak", self.track.scenario.origin, self.plan.config(), self.plan.options)
        outcomes = self.track.scenario.outcomes
        explained = explain(new, self.world.corpus, self.world.names)
        return {violation.outcome: report_violation(violation, outcomes, again) for violation in explained}


def _track(scenario: Scenario, plan: Plan, world: World, tally: Tally, slices: int, hooks: Hooks) -> Track:
    """A scenario that goes on from a tally."""
    track = prepare(scenario, settle(plan.config()), world, hooks)
    track.tally, track.slices = tally, slices
    return track


def player_for(part: ScenarioRecord, plan: Plan, world: World, standing: Standing, hooks: Hooks) -> Player:
    """A scenario of the plan, compiled, that goes on from where it stands. UserError if its file has changed."""
    scenario = load_recorded(part)
    twin = twin_of(scenario)
    track = _track(scenario, plan, world, standing.tally, standing.slices, hooks)
    twin_tally = standing.twin or Tally()
    twin_track = _track(twin, plan, world, twin_tally, standing.slices, hooks) if twin else None
    return Player(plan, world, track, twin_track, standing)
