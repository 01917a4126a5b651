"""How soaks went over time, as plots: a line for each scenario, an upright one where another session took over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

from stress.campaign.soak.ending import Ending
from stress.campaign.soak.records import Sample
from stress.campaign.soak.view import Span, stretches
from stress.results.pages.scales import BYTES, COUNT, RATE, TIME
from stress.results.report.curves import ALL_SCENARIOS, Chart, Family, Mark, Series

MOST_MARKS = 240
MOST_LINES = 6
HOUR, MINUTE = 3600.0, 60.0

MEASURES: tuple[tuple[str, str, Callable[[Span], float | None]], ...] = (
    ("lookups a second", COUNT, lambda span: span.lookups_per_s),
    ("race windows a second", COUNT, lambda span: span.windows_per_s),
    ("the twin's catches per trial", RATE, lambda span: span.twin_rate),
    ("length of a stop, 99 %", TIME, lambda span: span.stop_p99_us and span.stop_p99_us / 1e6),
)


def histories(ending: Ending, numbers: Mapping[str, int] | None = None) -> list[Family]:
    """The plots of a soak, with a few scenarios in each; none before its first interval has ended.

    `numbers` gives each scenario the colour that it has in other plots.
    """
    planned = [part.name for part in ending.manifest.plan.scenarios]
    known = {name: number for number, name in enumerate(planned)} | dict(numbers or {})
    names = iter(planned)
    families: list[Family] = []
    while group := tuple(islice(names, MOST_LINES)):
        spans = {name: _spans(ending.samples, name) for name in group}
        if any(spans.values()):
            families.append(_family(ending, spans, known, with_memory=not families))
    return families


def _spans(samples: Sequence[Sample], scenario: str) -> list[Span]:
    """What happened to one scenario, stretch by stretch."""
    return stretches([sample for sample in samples if sample.standing.scenario == scenario], MOST_MARKS)


def _family(ending: Ending, spans: dict[str, list[Span]], numbers: Mapping[str, int], with_memory: bool) -> Family:
    """The plots of some scenarios."""
    longest = max(sample.standing.elapsed_s for sample in ending.samples)
    unit, name = (
        (HOUR, "hours") if longest > 2 * HOUR else (MINUTE, "minutes") if longest > 2 * MINUTE else (1.0, "seconds")
    )
    borders = tuple(border / unit for border in _borders(ending.samples))
    ticks = tuple((float(tick), f"{tick:g}") for tick in _ticks(longest / unit))
    drawn = [
        (title, kind, tuple(Series(one, numbers[one], 0, _marks(spans[one], measure, unit)) for one in spans))
        for title, kind, measure in MEASURES
    ]
    drawn += [("memory of the machine's process", BYTES, (_memory(ending.samples, unit),))] if with_memory else []
    charts = tuple(
        Chart(
            title=title, unit=kind, log=False, series=series, x_name=f"{name} of soak", ticks=ticks, borders=borders,
            dots=False,
        )
        for title, kind, series in drawn
        if any(one.marks for one in series)
    )  # fmt: skip
    return Family("over time", tuple(spans), tuple(Series(one, numbers[one], 0, ()) for one in spans), (("", charts),))


def _borders(samples: Sequence[Sample]) -> Iterator[float]:
    """When another session began, in seconds of the soak's own time; those of workers go on side by side."""
    latest = samples[0].session if samples else 0
    for before, after in pairwise(samples):
        if after.session > latest:
            latest = after.session
            yield before.standing.elapsed_s


def _marks(spans: Sequence[Span], measure: Callable[[Span], float | None], unit: float) -> tuple[Mark, ...]:
    """The stretches that have this measure."""
    known = [(span.elapsed_s / unit, measure(span)) for span in spans]
    return tuple(Mark(at, value) for at, value in known if value is not None)


def _memory(samples: Sequence[Sample], unit: float) -> Series:
    """The memory of the machine's process, which all scenarios share."""
    step = -(-len(samples) // MOST_MARKS)
    known = [(sample.standing.elapsed_s / unit, sample.memory_bytes) for sample in samples[::step]]
    return Series("all scenarios", ALL_SCENARIOS, 0, tuple(Mark(at, value) for at, value in known if value is not None))


def _ticks(longest: float) -> list[float]:
    """Round times from zero on."""
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60, 120, 240) if longest / step <= 7), longest / 6)
    return [step * count for count in range(int(longest / step) + 1)]
