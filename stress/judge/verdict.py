"""What a run proves: the verdict, and how sure it is."""

import math

import attrs

from stress.judge.tally import Tally
from stress.judge.trials import windows_as_trials
from stress.units import counted

HELD = "held"
VIOLATED = "violated"
STALLED = "stalled"
INCONCLUSIVE = "inconclusive"

CATCHES_FOR_HELD = 30
"""A tenth of the twin's rate would have been caught 3 times on average, so it is excluded at 95 %."""


@attrs.frozen
class Verdict:
    """The verdict and, in a sentence, why."""

    name: str
    reason: str


@attrs.frozen
class TwinSide:
    """What the twin did in the same call: its counts, the verdict that it expects, and its stall in a line, if any.

    `expect` is None where an earlier version did not write it down.
    """

    tally: Tally
    expect: str | None
    stall: str | None = None

    @property
    def shows_stall(self) -> bool:
        """Whether it did what it is there for, which is to stall: then one stall says that it always would."""
        return self.stall is not None and self.expect == STALLED and not self.tally.violations


def rate_upper_95(tally: Tally) -> float | None:
    """The upper 95 % bound on violations per race window, as if windows were independent; None without windows."""
    return windows_as_trials(tally.race_windows, tally.violations).upper_95


def trials_needed(twin: Tally | None) -> int | None:
    """How many trials it takes to say HELD: 30 catches of the twin, at the lower bound of its rate.

    None when the twin caught nothing, or there is no twin: then nothing can be said.
    """
    rate = twin.caught.lower_95 if twin else None
    return math.ceil(CATCHES_FOR_HELD / rate) if rate else None


def judge(tally: Tally, twin: TwinSide | None, stall: str | None, has_writer: bool = True) -> Verdict:
    """The verdict on a scenario's counts, the stall that ended it (in one line), and its twin.

    `has_writer` is False where no program of the scenario says that it writes.
    """
    if tally.violations:
        seen = counted(tally.violations, "forbidden outcome")
        return Verdict(VIOLATED, f"{seen} in {counted(tally.race_windows, 'race window')}")
    if stall is not None:
        return Verdict(STALLED, stall)
    if twin is not None and not has_writer:
        why = "there never is a trial, since no program has writes=True: give it to those that change something"
        return Verdict(INCONCLUSIVE, f"{_seen(tally)}, and {why}")
    if twin is not None and twin.shows_stall:
        return _judge_progress(tally, str(twin.stall))
    return _judge_clean(tally, twin)


def _seen(tally: Tally) -> str:
    """That nothing forbidden was seen, and in how many trials."""
    seen, windows = f"no forbidden outcome in {tally.caught.trials:,}", f"{tally.race_windows:,} race windows"
    if tally.caught.independent:
        return f"{seen} overlapped changes ({windows})"
    return f"no forbidden outcome in {windows}, which an earlier version took for independent trials"


def _judge_progress(tally: Tally, twin_stall: str) -> Verdict:
    """The verdict where nothing forbidden was seen and the twin stalled, as it is to."""
    seen = f"no stall, {_seen(tally)}"
    if tally.caught.trials < CATCHES_FOR_HELD:
        return Verdict(INCONCLUSIVE, f"{seen}, but it takes {CATCHES_FOR_HELD}: {_advice(tally)}")
    return Verdict(HELD, f"not reproduced: {seen}; the twin stalled: {twin_stall}")


def _judge_clean(tally: Tally, twin: TwinSide | None) -> Verdict:
    """The verdict where nothing forbidden was seen."""
    seen = _seen(tally)
    if twin is None:
        return Verdict(INCONCLUSIVE, f"{seen}, and no twin shows that this run could have seen one")
    needed = trials_needed(twin.tally)
    if needed is None:
        return Verdict(INCONCLUSIVE, f"{seen}, but {_why_nothing(twin)}")
    if tally.caught.trials < needed:
        return Verdict(INCONCLUSIVE, f"{seen}, but at the twin's rate it takes {needed:,}: {_advice(tally)}")
    return Verdict(HELD, f"not reproduced: {seen}; the twin's rate would have shown it {CATCHES_FOR_HELD} times")


def _advice(tally: Tally) -> str:
    """What to do about too few trials: time makes none where no change passes the protocol's steps."""
    if tally.updates.count and not tally.race_windows:
        return "put what writers change between p.write_lock and p.write_unlock, so that it counts, or run longer"
    return "run longer"


def _why_nothing(twin: TwinSide) -> str:
    """Why a twin without a catch shows nothing."""
    if twin.stall is not None and twin.expect != STALLED:
        return f"the twin stalled before it showed one, and a stall proves nothing of it: {twin.stall}"
    if not twin.tally.caught.trials:
        return f"the twin had no trial yet: {_advice(twin.tally)}"
    return "the twin showed none either: this run could not have seen it"
