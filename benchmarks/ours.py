"""One measurement of kstress itself, in a process of its own; prints one JSON object.

    python -m benchmarks.ours readers --engine native --cpus 1 --seconds 0.5

WHAT is the name of a scenario, or one of `BENCHED`: `readers` (lookups that nothing disturbs), `stops` and so on.
"""

import argparse
import json
from fractions import Fraction
from statistics import median

from benchmarks.stops import BENCHED
from stress.config import Config
from stress.corpus import bundled
from stress.judge.tally import Tally
from stress.machine.ram import Ram
from stress.runs.boot import build_world
from stress.runs.settled import settle
from stress.runs.track import Track, has_violation, prepare
from stress.scenario import Scenario
from stress.scenario_files import find_scenario

WARM_UP_SECONDS = 0.05


def scenario_of(what: str) -> Scenario:
    """The scenario to measure."""
    return BENCHED.get(what) or find_scenario(what)


def track_of(arguments: argparse.Namespace) -> Track:
    """The scenario's programs, compiled, and the image that its machines start from."""
    config = Config(
        cpus=arguments.cpus,
        duration_s=60.0,
        engine=arguments.engine,
        seed=arguments.seed,
        kasan=arguments.kasan,
        noise=None if arguments.noise is None else Fraction(arguments.noise).limit_denominator(1 << 20),
        pace_s=arguments.pace,
    )
    return prepare(scenario_of(arguments.what), settle(config), build_world(bundled()))


def never(ram: Ram, seconds: float) -> bool:
    """Run for all the time given."""
    return False


def at_violation(ram: Ram, seconds: float) -> bool:
    """Run until the first violation."""
    return has_violation(ram)


def rates(tally: Tally, track: Track) -> dict[str, object]:
    """What one slice counted, a second."""
    return {
        "lookups_per_s": tally.lookups / tally.seconds,
        "unloads_per_s": tally.unloads / tally.seconds,
        "violations_per_s": tally.violations / tally.seconds,
        "stops_per_s": tally.stops / tally.seconds,
        "stop_p50_us": tally.stop_latency_us(0.5),
        "stop_p99_us": tally.stop_latency_us(0.99),
        "outcomes": dict(tally.outcomes),
        "stall": track.stall.text if track.stall else None,
    }


def measure(track: Track, seconds: float) -> dict[str, object]:
    """A short slice to warm up, then one of `seconds`."""
    track.run_slice(WARM_UP_SECONDS, never)
    track.tally = Tally()
    track.run_slice(seconds, never)
    return rates(track.tally, track)


def first_violations(track: Track, boots: int, seconds: float) -> dict[str, object]:
    """The time to the first violation after all CPUs run, over `boots` machines; `seconds` where none came."""
    times = []
    for _ in range(boots):
        track.tally = Tally()
        track.run_slice(seconds, at_violation)
        times.append(track.tally.first_violation_s or seconds)
    return {"first_violation_s": median(times), "times_s": times}


def parser() -> argparse.ArgumentParser:
    """The arguments of one measurement."""
    parser = argparse.ArgumentParser(description="one measurement of kstress")
    parser.add_argument("what")
    parser.add_argument("--engine", choices=("python", "native"), default="native")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kasan", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--noise", type=float)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--first", type=int, metavar="BOOTS", help="measure the time to the first violation")
    return parser


def main() -> None:
    """Measure once and print what was seen."""
    arguments = parser().parse_args()
    track = track_of(arguments)
    seen = (
        first_violations(track, arguments.first, arguments.seconds)
        if arguments.first
        else measure(track, arguments.seconds)
    )
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
