"""Where a CPU stands in its body: the frames of the code under test, however deep they are, and none of the harness."""

import sys
import threading
from collections.abc import Callable
from random import Random
from types import FrameType

import pytest

from stress.machine.gil import gil_enabled
from stress.marks.crews.crew import stack_of
from stress.marks.noise.last_switches import LastSwitches
from stress.marks.noise.switches import Countdown, NoiseCounts, Yields
from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.player import Player
from stress.marks.operations.positions import frames_in_body, stack_in_body
from stress.marks.operations.roles import Duty, Role
from stress.marks.operations.rounds import Rounds
from stress.marks.operations.tally import Judging

pytestmark = pytest.mark.threads

DEEP = 100


class Looking(Random):
    """Draws for noise, and looks from there."""

    def __init__(self, look: Callable[[], object]) -> None:
        """Look by `look`."""
        super().__init__(1)
        self.look = look

    def random(self) -> float:
        """Look the first time, and draw."""
        look, self.look = self.look, lambda: None
        look()
        return super().random()


def in_body(look: Callable[[], object], deep: int = 0) -> None:
    """Call `look` within a body, so many calls deep."""

    def body(cpu: object) -> None:
        calls(deep)

    def calls(more: int) -> None:
        calls(more - 1) if more else look()

    role = Role(body, Duty.THREAD, None)
    Player(StressCpu(0, role.name, Random(1), Signals()), role)._acceptable(body)


def noise(look: Callable[[], object]) -> Callable[[], None]:
    """What a CPU does where noise switches it, which calls `look`."""
    countdown = Countdown(Yields(1, 0), Looking(look), NoiseCounts())
    return lambda: countdown.event(noise.__code__, 1)


def names(frames: list[FrameType]) -> list[str]:
    """The functions of frames."""
    return [frame.f_code.co_name for frame in frames]


def test_a_body_begins_where_the_harness_calls_it_however_deep_its_thread_stands() -> None:
    seen: list[list[str]] = []
    in_body(lambda: seen.append(names(frames_in_body(sys._getframe()))), DEEP)
    assert seen == [["<lambda>", *["calls"] * (DEEP + 1), "body"]]


@pytest.mark.skipif(not gil_enabled(), reason="without a GIL a stack is the innermost function alone")
def test_a_cpu_that_stands_deep_in_its_body_is_not_between_two_operations() -> None:
    seen: list[int] = []
    in_body(lambda: seen.append(len(stack_in_body(threading.get_ident()))), DEEP)
    assert seen[0] > 0


def test_what_noise_calls_within_a_body_is_no_part_of_it() -> None:
    seen: list[list[str]] = []
    in_body(noise(lambda: seen.append(names(frames_in_body(sys._getframe())))))
    assert seen == [["<lambda>", "calls", "body"]]


def test_what_the_harness_calls_outside_of_a_body_is_none() -> None:
    seen: list[list[str]] = []
    noise(lambda: seen.append(names(frames_in_body(sys._getframe()))))()
    assert seen == [[]]


def test_the_functions_of_rounds_stand_in_the_code_under_test_too() -> None:
    seen: list[list[str]] = []

    def look(*given: object) -> None:
        seen.append(names(frames_in_body(sys._getframe())))

    rounds = Rounds(2, look, look, Judging(), LastSwitches())
    assert rounds.open_next(rounds.current, lambda: False)
    rounds.judge(rounds.current)
    assert seen == [["look"], ["look"]]


def test_the_stack_of_a_cpu_that_noise_switches_has_its_body_alone() -> None:
    stacks: list[str] = []
    in_body(noise(lambda: stacks.append("".join(stack_of(threading.current_thread())))))
    assert "in body" in stacks[0]
    assert "in calls" in stacks[0]
    assert "marks" not in stacks[0]
    assert "randrange" not in stacks[0]
