"""Replay the same schedules in many processes, on both engines and several Pythons, and compare all that they did.

    python -m benchmarks.replays
    python -m benchmarks.replays --schedules 100 --processes 10 --python /path/to/python3.13

What is compared is one digest of each schedule: outcome, runs, every access with its value and its call trace, and RAM
as kernel code sees it. Each process has another hash seed, and another address layout where the host has that. The exit
code is 1 if two digests differ.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stress.corpus import bundled
from stress.machine.engines import has_llvmlite
from stress.machine.words import LOW
from stress.runs.controlled.machine import Controlled
from stress.runs.controlled.search import MIXTURE
from stress.runs.controlled.small_world import machine_for, world_of
from stress.scenario_files import find_scenario
from stress.schedule.schedule import Run, Small, as_runs

SCENARIOS = (
    "modlist_spinlock", "stop_machine", "nmi_stopped", "preempted_reader", "reused_memory", "unmapped_memory",
    "insmod_publish_first", "linked_list:none", "hash_table:hazard", "latched_tree:rcu",
)  # fmt: skip
SECONDS = 1200
Given = tuple[str, int, list[Run]]


def machine(name: str, engine: str, traced: bool) -> Controlled:
    """A machine of a scenario, in its small world."""
    scenario = find_scenario(name)
    modules = 0 if scenario.structure else 2
    world = Small(cpus=max(2, scenario.least_cpus), operations=2, modules=modules, seed=1)
    return machine_for(scenario, world_of(scenario, bundled(), world), engine, world, traced)


def chosen(count: int) -> list[Given]:
    """Schedules of every strategy and scenario: the scenario, the seed, the runs."""
    found: list[Given] = []
    for name in SCENARIOS:
        one = machine(name, "python", traced=False)
        for seed in range(count // len(SCENARIOS)):
            one.follow(MIXTURE[seed % len(MIXTURE)], seed)
            found.append((name, seed, list(as_runs(one.made()))))
        one.finish()
    return found


def digests(given: Sequence[Given], engine: str) -> list[str]:
    """What each of them did, in this process."""
    made: list[str] = []
    machines: dict[str, Controlled] = {}
    for name, seed, runs in given:
        if name not in machines:
            machines[name] = machine(name, engine, traced=True)
        one = machines[name]
        shows = one.replay(runs, seed)
        ram = one.ram.mapping[LOW : one.ram.map.bound]
        told = (shows, one.steps, one.departed, one.made(), one.trace(), hashlib.sha256(ram).hexdigest())
        made.append(hashlib.sha256(repr(told).encode()).hexdigest())
    for one in machines.values():
        one.finish()
    return made


def work() -> None:
    """Replay what standard input has, and print the digests of each engine that this Python has."""
    given = [(name, seed, [Run(*run) for run in runs]) for name, seed, runs in json.load(sys.stdin)]
    engines = ("python", "native") if has_llvmlite() else ("python",)
    print(json.dumps({engine: digests(given, engine) for engine in engines}))


def asked(python: str, seed: int, given: Sequence[Given]) -> dict[str, list[str]]:
    """The digests that a process makes."""
    text = json.dumps([(name, at, [(run.cpu, run.steps, run.event) for run in runs]) for name, at, runs in given])
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [python, "-m", "benchmarks.replays", "--work"],
        input=text, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr[-2000:]}")
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Replay schedules in many processes and compare what they did.")
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--python", action="append", help="a Python that has what kstress needs; may come again")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return
    given, pythons = chosen(options.schedules), options.python or [sys.executable]
    first: list[str] | None = None
    differ = 0
    for number in range(options.processes):
        python = pythons[number % len(pythons)]
        for engine, found in asked(python, number, given).items():
            first = first or found
            different = sum(one != other for one, other in zip(first, found, strict=True))
            differ += different
            print(
                f"process {number}  {python}  engine {engine}  schedules {len(found)}  different {different}",
                flush=True,
            )
    raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    main()
