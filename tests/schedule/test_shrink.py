"""Shrinking, on schedules whose least form is known: of what a replay shows, nothing that matters is lost."""

from collections.abc import Callable, Sequence

import pytest

from stress.machine.control.words import EXPIRED, OVER
from stress.schedule.schedule import Made, Run, as_runs
from stress.schedule.shrink import changed, shrink, size_of


def played(runs: Sequence[Run]) -> list[Made]:
    """The runs as a machine makes them: an endless one is over after ten accesses."""
    return [Made(run.cpu, run.steps or 10, run.event, EXPIRED if run.steps else OVER, False) for run in runs]


def needs(*wanted: Run) -> Callable[[Sequence[Run]], list[Made] | None]:
    """A replay that shows something if these runs come in this order, each at least as long."""

    def replay(runs: Sequence[Run]) -> list[Made] | None:
        left = list(wanted)
        for run in runs:
            if left and run.cpu == left[0].cpu and (run.steps or 10) >= left[0].steps:
                left.pop(0)
        return None if left else played(runs)

    return replay


NOISE = [Run(2, 7), Run(0, 1), Run(3), Run(1, 9), Run(0, 4, 1), Run(2, 2)]


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        ((Run(0, 3), Run(1, 2)), [*NOISE, Run(0, 8), *NOISE, Run(1, 6), *NOISE]),
        ((Run(1, 4),), [*NOISE, *NOISE, Run(1, 9)]),
        ((Run(0, 1), Run(1, 1), Run(0, 1), Run(1, 1)), [*NOISE, Run(0, 1), *NOISE, Run(1, 5), Run(0, 5), Run(1, 5)]),
    ],
)
def test_a_schedule_shrinks_to_what_matters(wanted: tuple[Run, ...], runs: list[Run]) -> None:
    shrunk = shrink(runs, needs(*wanted))
    assert shrunk is not None
    assert shrunk.is_least
    assert [made.cpu for made in shrunk.made] == [run.cpu for run in wanted]
    assert shrunk.preemptions <= len(wanted) - 1
    assert not any(run.event for run in shrunk.runs)


def test_no_single_change_makes_it_smaller_and_it_never_grew() -> None:
    replay, runs = needs(Run(0, 3), Run(1, 2), Run(0, 2)), [*NOISE, Run(0, 8), *NOISE, Run(1, 6), Run(0, 5), *NOISE]
    shown: list[Sequence[Made]] = []

    def watched(candidate: Sequence[Run]) -> list[Made] | None:
        made = replay(candidate)
        shown.extend([made] if made is not None else [])
        return made

    shrunk = shrink(runs, watched)
    assert shrunk is not None
    assert size_of(shrunk.made) == min(map(size_of, shown))
    others = filter(None, map(replay, changed(as_runs(shrunk.made))))
    assert all(size_of(made) >= size_of(shrunk.made) for made in others)


def test_a_schedule_that_does_not_show_it_again_is_not_shrunk() -> None:
    assert shrink([Run(0, 1)], lambda runs: None) is None


def test_a_search_that_was_cut_says_so() -> None:
    shrunk = shrink(NOISE * 20, needs(Run(0, 3), Run(1, 2)), most=5)
    assert shrunk is not None
    assert not shrunk.is_least
    assert shrunk.replays < 12  # those of its end come after
