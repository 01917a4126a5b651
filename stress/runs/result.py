"""The result of one scenario's run, and the JSON that is promised for it."""

import json
import shlex
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import attrs

from stress.config import Config
from stress.judge.outcomes import FORBIDDEN
from stress.judge.tally import Tally
from stress.judge.trials import Trials
from stress.judge.verdict import Verdict, rate_upper_95
from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.runs.conditions import Conditions
from stress.scenario import TYPE_STABLE, Scenario
from stress.settings import FIELDS

SCHEMA = 1


@attrs.frozen
class Result:
    """The result of a scenario's run. `twin_tally` is None for a scenario without one, `stall` if it did not stall.

    `reports` has the first violation of each outcome, those that tell most first. `verb` is the command that it was
    run with, `options` its words that are no settings of a run. `early` says why a run is not complete: interrupted or,
    for a soak, its state.
    `applicable` is False for a machine with too few CPUs for the scenario, on which nothing ran.
    """

    scenario: Scenario
    engine: str
    config: Config
    tally: Tally
    verdict: Verdict
    conditions: Conditions
    twin_tally: Tally | None = None
    early: str | None = None
    stall: Stall | None = None
    reports: tuple[Violation, ...] = ()
    verb: str = "run"
    options: tuple[str, ...] = ()
    applicable: bool = True

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the scenario expects."""
        return self.verdict.name == self.scenario.expect

    @property
    def fate(self) -> str:
        """What became of freed memory."""
        return self.config.fate or self.scenario.fate

    @property
    def reason(self) -> str:
        """The verdict's reason, and what was allowed that is a finding elsewhere."""
        allowed = "; its memory is type-stable: touching it after its free is allowed, and not detected"
        return self.verdict.reason + (allowed if self.fate == TYPE_STABLE else "")

    def as_json(self) -> dict[str, Any]:
        """The object of this run in the JSON of `kstress run`, schema 1."""
        from stress.runs.codec import stall_json, violation_json  # which most runs on a terminal never need

        tally = self.tally
        return {
            "scenario": self.scenario.name,
            "engine": self.engine,
            "cpus": self.config.cpus,
            "seed": self.config.seed,
            "duration_s": round(tally.seconds, 6),
            "expect": self.scenario.expect,
            "verdict": self.verdict.name,
            "reason": self.reason,
            "as_expected": self.as_expected,
            "applicable": self.applicable,
            "interrupted": self.early is not None,
            "fate": self.fate,
            "structure": self.scenario.structure_name,
            "lookups": tally.lookups,
            "loads": tally.loads,
            "unloads": tally.unloads,
            "race_windows": tally.race_windows,
            "violations": tally.violations,
            **trials_json(tally.caught),
            "first_violation_s": tally.first_violation_s,
            "rate_upper_95": rate_upper_95(tally),
            "outcomes": {name: tally.outcomes[name] for name in self.scenario.outcomes},
            "forbidden": [name for name, outcome in self.scenario.outcomes.items() if outcome.grade == FORBIDDEN],
            "stop_machine": {
                "count": tally.stops,
                "p50_us": tally.stop_latency_us(0.5),
                "p99_us": tally.stop_latency_us(0.99),
                "max_us": tally.stop_latency_us(1.0),
            },
            "updates": tally.updates.as_json(),
            "stall": None if self.stall is None else stall_json(self.stall),
            "reports": [violation_json(violation, rerun_command(self)) for violation in self.reports],
            "twin": self._twin_json(),
            "conditions": attrs.asdict(self.conditions),
        }

    def _twin_json(self) -> dict[str, Any] | None:
        """The twin's part: what shows that this run could have seen a violation."""
        if self.twin_tally is None:
            return None
        twin = self.twin_tally
        return {
            "scenario": self.scenario.twin_label,
            "race_windows": twin.race_windows,
            "violations": twin.violations,
            **trials_json(twin.caught),
        }


def trials_json(caught: Trials) -> dict[str, Any]:
    """What a rate is made of; nulls where an earlier version counted nothing that is independent."""
    known = caught if caught.independent else None
    return {
        "trials": known and known.trials,
        "catches": known and known.catches,
        "catch_rate_upper_95": known and known.upper_95,
    }


def command_of(verb: str, origin: str, config: Config, options: Iterable[str] = ()) -> str:
    """The command that runs a scenario with `config`, in which the engine's defaults are filled in, and `options`."""
    given = ((FIELDS[field.name], getattr(config, field.name)) for field in attrs.fields(Config))
    words = (word for setting, value in given for word in setting.words(value))
    return shlex.join(["kstress", verb, origin, *words, *options])


def rerun_command(result: Result) -> str:
    """The command that runs the same again: same workload and noise, though never the same interleaving."""
    conditions = result.conditions
    noise = Fraction(conditions.noise).limit_denominator(1_000_000)
    config = attrs.evolve(result.config, engine=result.engine, noise=noise, pace_s=conditions.pace_s)
    return command_of(result.verb, result.scenario.origin, config, result.options)


def json_text(runs: list[dict[str, Any]], **more: Any) -> str:
    """The JSON of some runs, each the object of one scenario; `more` has other keys of the document."""
    return json.dumps({"schema": SCHEMA, "runs": runs, **more}, indent=2) + "\n"
