"""A body on a thread of its own with noise of a kind, and what an item's report says of the noise."""

import sys
import threading
from collections.abc import Callable

import pytest

from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.noise import Noise
from stress.marks.noise.switches import Kind, NoiseCounts

MANY = 2000


def code_under_test(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        total += number
    return total


def run(
    kind: Kind, under_test: CodeUnderTest, body: Callable[[int], object] = code_under_test, before: object = None
) -> NoiseCounts:
    """Run a body on a thread of its own that is traced by `before`, with noise of a kind."""
    noise = Noise(under_test, 1, [body])
    around = noise.slice(kind)

    def thread() -> None:
        sys.settrace(before)  # type: ignore[arg-type]
        around.around(body)(MANY)
        assert sys.gettrace() is before
        sys.settrace(None)

    with around.everywhere():
        cpu = threading.Thread(target=thread, name="cpu")
        cpu.start()
        cpu.join(30)
        assert not cpu.is_alive()
    return noise.counts


def noise_lines(result: pytest.RunResult) -> list[str]:
    """What is told of the noise of each item."""
    return [line.partition("noise: ")[2] for line in result.outlines if "noise: " in line]


def notes(result: pytest.RunResult) -> list[str]:
    """The notes at the end of pytest's output, less those on a busy host."""
    _, _, told = result.stdout.str().partition(" stress notes ")
    lines = told.partition("\n===")[0].splitlines()[1:]
    return [line for line in lines if line and "]: the host gave this run " not in line]
