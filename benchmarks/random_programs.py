"""Random kernel code on both engines: `python -m benchmarks.random_programs [--times 10000] [--seed 1]`.

Each program is made from a number of its own, and called three times on each engine, from the same RAM. What must hold:
the same value, fault or line in error, and the same RAM. A program that differs, or is refused, is printed with its
number; `--times 1 --seed NUMBER` repeats it and prints its source. The exit code is 1 if there was one. Ten thousand
take about fifteen minutes: nearly all of it is LLVM's.
"""

import argparse
import os
import random
import threading
from collections import Counter
from collections.abc import Sequence

from tests.machine.agreement import Pair
from tests.machine.random_batches import batch
from tests.machine.random_programs import EDGES

TOGETHER = 40
SECONDS = 60.0
"""No batch may take longer to compile, or to run: a loop that does not end on one engine is a difference too."""


def calls(seed: int) -> Sequence[tuple[int, int]]:
    """What a program is called with."""
    draw = random.Random(-seed)
    return [(draw.choice(EDGES) * draw.choice((1, -1)), draw.choice(EDGES)) for _ in range(3)]


def check(source: str, seeds: Sequence[int], ends: Counter[str]) -> None:
    """Run programs that lie in one source, and count how their calls end."""
    pair = Pair(source)
    for number, seed in enumerate(seeds):
        for words in calls(seed):
            python, native = pair.outcomes(number, *words)
            kind = "in a line" if isinstance(python.ended, str) else "in a fault" if python.cause else "in a value"
            ends[kind if python == native else "differently"] += 1
            if python != native:
                print(f"program {seed}, called with {words}: python {python}, native {native}", flush=True)


def give_up(seeds: Sequence[int]) -> None:
    """End the process, since compiled code cannot be ended."""
    print(f"one of the programs {seeds[0]} to {seeds[-1]} did not end in {SECONDS:.0f} s", flush=True)
    os._exit(1)


def guarded(seeds: Sequence[int], ends: Counter[str]) -> None:
    """Check a batch; count it as refused if one of its programs is, and repeat them one by one."""
    source = batch([random.Random(seed) for seed in seeds])
    timer = threading.Timer(SECONDS, give_up, [seeds])
    timer.start()
    try:
        check(source, seeds, ends)
    except Exception as error:
        if len(seeds) > 1:
            for seed in seeds:
                guarded([seed], ends)
            return
        ends["refused"] += 1
        print(f"program {seeds[0]}: {type(error).__name__}: {error}", flush=True)
    finally:
        timer.cancel()


def main() -> int:
    """Check as many programs as asked for; 1 if any differs."""
    parser = argparse.ArgumentParser(description="random kernel code on both engines")
    parser.add_argument("--times", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.times == 1:
        print(batch([random.Random(chosen.seed)]))
    ends: Counter[str] = Counter()
    last = chosen.seed + chosen.times
    for first in range(chosen.seed, last, TOGETHER):
        guarded(range(first, min(first + TOGETHER, last)), ends)
    print(f"{chosen.times:,} programs; calls ended {', '.join(f'{kind}: {n:,}' for kind, n in sorted(ends.items()))}")
    return 1 if ends["refused"] or ends["differently"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
