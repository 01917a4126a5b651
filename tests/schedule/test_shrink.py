"""Shrinking, on schedules whose least form is known: of what a replay shows, nothing that matters is lost."""

from collections import Counter
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


CROWD = [Run(cpu, 1) for _ in range(6) for cpu in range(10, 110)]


@pytest.mark.parametrize("centre", [None, 1])
def test_of_many_cpus_those_that_do_not_matter_are_left_out_whole(centre: int | None) -> None:
    matters = needs(Run(0, 3), Run(1, 4))

    def replay(runs: Sequence[Run]) -> list[Made] | None:
        """What shows it only if each other CPU makes all of its runs, or none."""
        counts = Counter(run.cpu for run in runs if run.cpu >= 10)
        return matters(runs) if set(counts.values()) <= {CROWD.count(CROWD[0])} else None

    shrunk = shrink([*CROWD, Run(0, 3), Run(1, 4)], replay, centre=centre)
    assert shrunk is not None
    assert [made.cpu for made in shrunk.made] == [0, 1]


def test_the_cpu_that_showed_it_is_kept_with_few_others() -> None:
    def replay(runs: Sequence[Run]) -> list[Made] | None:
        """What shows it where all others run, or one of them alone does: none can be left out by itself."""
        others = {run.cpu for run in runs if run.cpu >= 10}
        return played(runs) if len(others) in (1, 100) and Run(1, 4) in runs else None

    shrunk = shrink([*CROWD, Run(1, 4)], replay, centre=1)
    assert shrunk is not None
    assert len({made.cpu for made in shrunk.made}) == 2
