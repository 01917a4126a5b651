"""What a run proves: the verdict, and how sure it is. Statistics of rare events, with their sources."""

import math

import attrs

from stress.judge.tally import Tally

HELD = "held"
VIOLATED = "violated"
STALLED = "stalled"
INCONCLUSIVE = "inconclusive"

ONE_SIDED_95 = 1.645
RULE_OF_THREE = 3.0
WINDOWS_PER_CATCH = 30


@attrs.frozen
class Verdict:
    """The verdict and, in a sentence, why."""

    name: str
    reason: str


def lower_bound(events: int) -> float:
    """The lower 95 % bound on the expected count where `events` were seen, a Poisson count.

    The cube-root approximation of Wilson and Hilferty (1931) to the chi-squared quantile, never too high.
    """
    if events == 0:
        return 0.0
    return float(events * max(1 - 1 / (9 * events) - ONE_SIDED_95 / (3 * math.sqrt(events)), 0.0) ** 3)


def upper_bound(events: int) -> float:
    """The upper 95 % bound on the expected count: 3 for none (the rule of three), else by the same approximation."""
    if events == 0:
        return RULE_OF_THREE
    more = events + 1
    return float(more * (1 - 1 / (9 * more) + ONE_SIDED_95 / (3 * math.sqrt(more))) ** 3)


def rate_upper_95(tally: Tally) -> float | None:
    """The upper 95 % bound on violations per race window; None without windows."""
    if tally.race_windows == 0:
        return None
    return min(upper_bound(tally.violations) / tally.race_windows, 1.0)


def windows_needed(twin: Tally | None) -> int | None:
    """How many race windows it takes to say HELD: 30 catches of the twin, at the lower bound of its rate.

    None when the twin caught nothing, or there is no twin: then nothing can be said.
    """
    if twin is None or twin.race_windows == 0:
        return None
    rate = min(lower_bound(twin.violations) / twin.race_windows, 1.0)
    return math.ceil(WINDOWS_PER_CATCH / rate) if rate > 0 else None


def judge(tally: Tally, twin: Tally | None, stall: str | None, twin_stall: str | None = None) -> Verdict:
    """The verdict on a scenario's counts, its twin's, and the stalls that ended either, each told in one line."""
    if tally.violations:
        return Verdict(VIOLATED, f"{tally.violations:,} forbidden outcomes in {tally.race_windows:,} race windows")
    if stall is not None:
        return Verdict(STALLED, stall)
    if twin_stall is not None:
        return _judge_progress(tally, twin_stall)
    return _judge_clean(tally, windows_needed(twin), twin is not None)


def _judge_progress(tally: Tally, twin_stall: str) -> Verdict:
    """The verdict where nothing forbidden was seen and the twin stalled: one stall says that it always would."""
    seen = f"no stall and no forbidden outcome in {tally.race_windows:,} race windows"
    if tally.race_windows < WINDOWS_PER_CATCH:
        return Verdict(INCONCLUSIVE, f"{seen}, but it takes {WINDOWS_PER_CATCH}: run longer")
    return Verdict(HELD, f"not reproduced: {seen}; the twin stalled: {twin_stall}")


def _judge_clean(tally: Tally, needed: int | None, has_twin: bool) -> Verdict:
    """The verdict where nothing forbidden was seen."""
    seen = f"no forbidden outcome in {tally.race_windows:,} race windows"
    if not has_twin:
        return Verdict(INCONCLUSIVE, f"{seen}, and no twin shows that this run could have seen one")
    if needed is None:
        return Verdict(INCONCLUSIVE, f"{seen}, but the twin showed none either: this run could not have seen it")
    if tally.race_windows < needed:
        return Verdict(INCONCLUSIVE, f"{seen}, but at the twin's rate it takes {needed:,}: run longer")
    return Verdict(HELD, f"not reproduced: {seen}; the twin's rate would have shown it {WINDOWS_PER_CATCH} times")
