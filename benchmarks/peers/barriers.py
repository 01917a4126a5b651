"""A stop as plain Python would do it: every thread polls a flag between two units of work, then two barriers.

The unit of work is the very lookup that the readers of the python engine do, on the same RAM, with the shadow
check and without noise; what the engine does around it (windows, counts, outcomes) is left out. One thread asks
for stops without pause. A stop's time is from the request until the asking thread is through the second barrier.

    python -m benchmarks.peers.barriers --cpus 4 --seconds 1
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable

from stress.corpus import bundled
from stress.machine.features import Features
from stress.machine.gil import share_one_core
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.random import seed_of
from stress.machine.words import RANDOM
from stress.programs.read_symbol import kallsyms_reader
from stress.runs.boot import boot_ram, build_world

PATIENCE_SECONDS = 20.0


class BarrierStop:
    """A stop among `count` threads: all come in, one does what it wants, all leave."""

    def __init__(self, count: int) -> None:
        """No stop is asked for."""
        self.asked = False
        self.all_in = threading.Barrier(count, timeout=PATIENCE_SECONDS)
        self.all_out = threading.Barrier(count, timeout=PATIENCE_SECONDS)

    def poll(self) -> None:
        """Join a stop that is asked for."""
        if self.asked:
            self.all_in.wait()
            self.all_out.wait()

    def stop_and_restart(self) -> None:
        """Stop every other thread and let all go on."""
        self.asked = True
        self.all_in.wait()
        self.asked = False
        self.all_out.wait()


class Race:
    """One thread that stops the others, which do lookups between two polls."""

    def __init__(self, cpus: int, seed: int, one_core: bool) -> None:
        """Boot RAM for `cpus` threads."""
        self.ram: Ram = boot_ram(build_world(bundled()), cpus)
        self.stop = BarrierStop(cpus)
        self.cpus, self.one_core = cpus, one_core
        self.going = True
        self.over = False
        self.started = threading.Barrier(cpus + 1, timeout=PATIENCE_SECONDS)
        self.latencies: list[int] = []
        self.lookups = [0] * cpus
        for number in range(cpus):
            self.ram.poke(self.ram.map.log(number) + RANDOM, seed_of(seed, 0, number))

    def enter(self) -> None:
        """What each thread does first."""
        if self.one_core:
            share_one_core()
        self.started.wait()

    def read(self, number: int) -> None:
        """A thread that works."""
        cpu = PythonCpu(self.ram, number, Features(kasan=True))
        self.enter()
        while not self.over:
            self.stop.poll()
            kallsyms_reader(cpu)
            self.lookups[number] += 1

    def ask(self) -> None:
        """The thread that stops the others; once it asks no more, the others may leave."""
        self.enter()
        while self.going:
            begun = time.monotonic_ns()
            self.stop.stop_and_restart()
            self.latencies.append(time.monotonic_ns() - begun)
        self.over = True

    def run(self, seconds: float) -> None:
        """Run for `seconds`."""
        bodies: list[Callable[[], None]] = [self.ask]
        bodies += [lambda number=number: self.read(number) for number in range(1, self.cpus)]  # type: ignore[misc]
        threads = [threading.Thread(target=body, daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        self.started.wait()
        time.sleep(seconds)
        self.going = False
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def percentile_us(nanoseconds: list[int], share: float) -> float | None:
    """The time that `share` of all do not exceed, in microseconds; None without any."""
    ordered = sorted(nanoseconds)
    return ordered[int(share * (len(ordered) - 1))] / 1000 if ordered else None


def main() -> None:
    """Measure once and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description="stops with two barriers")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--switch-interval", type=float, default=sys.getswitchinterval())
    parser.add_argument("--one-core", action="store_true", help="keep all threads on one core, as the engine does")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.setswitchinterval(arguments.switch_interval)
    race = Race(arguments.cpus, arguments.seed, arguments.one_core)
    race.run(arguments.seconds)
    seen = {
        "stops_per_s": len(race.latencies) / arguments.seconds,
        "lookups_per_s": sum(race.lookups) / arguments.seconds,
        "stop_p50_us": percentile_us(race.latencies, 0.5),
        "stop_p99_us": percentile_us(race.latencies, 0.99),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
