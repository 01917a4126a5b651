"""The entries in sum: rows of the verdict table, repeats added up, and the sentence that answers first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs

from stress.campaign.life import INCOMPLETE
from stress.campaign.sweep.records import NOT_APPLICABLE, Values
from stress.judge.trials import Trials
from stress.results.load.axes import settings, varying
from stress.results.load.entries import BROKEN, EXPECTED, INCONCLUSIVE, STANDINGS, UNEXPECTED, Entry, Source
from stress.results.report.trial_kinds import TrialKind, kind_of
from stress.results.report.words import sense


@attrs.frozen
class Row:
    """One run, the repeats of one cell, or all of one scenario and engine; counts are of all of them together.

    `note` tells it from another row that differs in nothing but the kind of its trials.
    """

    values: Values
    axes: tuple[str, ...]
    source: str
    entries: tuple[Entry, ...]
    note: str = ""

    @property
    def standing(self) -> str:
        """That of the worst of its entries."""
        return min((entry.standing for entry in self.entries), key=STANDINGS.index)

    @property
    def cpus(self) -> str:
        """The CPU count, or from which to which."""
        counts = [entry.values.cpus for entry in self.entries]
        return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"

    @property
    def verdicts(self) -> list[str]:
        """The verdicts, and how often each if they differ."""
        counts = Counter(entry.verdict.upper() for entry in self.entries)
        if len(counts) == 1:
            return list(counts)
        return [f"{count:,} {verdict}" for verdict, count in counts.most_common()]

    @property
    def expect(self) -> str:
        """The verdict that was expected; a cell without any run does not know."""
        return next((entry.run.expect.upper() for entry in self.entries if entry.run), "-")

    @property
    def sense(self) -> str:
        """What the verdict of the worst of its entries means, in a few words."""
        worst = min(self.entries, key=lambda entry: STANDINGS.index(entry.standing))
        return sense(worst.run.expect if worst.run else None, worst.verdict)

    @property
    def as_expected(self) -> int:
        """How many of its entries are as expected."""
        return sum(entry.standing == EXPECTED for entry in self.entries)

    @property
    def applicable(self) -> int:
        """How many of its entries had CPUs enough."""
        return sum(entry.standing != NOT_APPLICABLE for entry in self.entries)

    @property
    def windows(self) -> int:
        """Race windows of all repeats."""
        return sum(entry.run.race_windows for entry in self.entries if entry.run)

    @property
    def violations(self) -> int:
        """Violations of all repeats."""
        return sum(entry.run.violations for entry in self.entries if entry.run)

    @property
    def rate(self) -> float | None:
        """Catches per trial over all repeats."""
        return self.caught.rate

    @property
    def bound(self) -> float | None:
        """The upper 95 % bound on that rate."""
        return self.caught.upper_95

    @property
    def kind(self) -> TrialKind | None:
        """What its trials are; None if it has none."""
        return next((kind_of(entry.run) for entry in self.entries if entry.run), None)

    @property
    def caught(self) -> Trials:
        """The trials of all repeats."""
        return sum((entry.run.caught for entry in self.entries if entry.run), Trials())

    @property
    def settings(self) -> str:
        """What tells it from other rows of the same scenario, engine and CPU count."""
        return ", ".join(filter(None, (settings(self.values, self.axes), self.note)))


def rows_of(source: Source) -> list[Row]:
    """A row for each cell of one source, or each run, in its order; one for each kind of trials that a cell has."""
    groups, axes = _grouped(source, lambda entry: entry.values), varying(source.entries)
    return [row for group in groups for row in _rows(source, axes, group)]


def summary_of(source: Source) -> list[Row]:
    """A row for each scenario and engine of one source; one for each kind of trials that they have."""
    return [row for group in _grouped(source, _engine_of) for row in _rows(source, (), group)]


def standings_of(source: Source) -> list[Row]:
    """A row for each scenario and engine of one source, whatever their trials are: of no use for rates and bounds."""
    return [Row(group[0].values, (), source.title, tuple(group)) for group in _grouped(source, _engine_of)]


def _engine_of(entry: Entry) -> object:
    """The scenario and engine of an entry."""
    return entry.values.scenario, entry.values.engine


def _grouped(source: Source, key: Callable[[Entry], object]) -> list[list[Entry]]:
    """The entries of one source, those with the same key together."""
    groups: dict[object, list[Entry]] = {}
    for entry in source.entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def _rows(source: Source, axes: tuple[str, ...], group: Sequence[Entry]) -> Iterator[Row]:
    """A row for each kind of trials of some entries; those without a run have none, and stand in the first row."""
    first = next((kind_of(entry.run) for entry in group if entry.run), None)
    kinds: dict[TrialKind | None, list[Entry]] = {}
    for entry in group:
        kinds.setdefault(kind_of(entry.run) if entry.run else first, []).append(entry)
    for kind, entries in kinds.items():
        note = kind.note if kind and len(kinds) > 1 else ""
        yield Row(group[0].values, axes, source.title, tuple(entries), note)


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Rows with what is not as expected on top; the order is kept otherwise."""
    return sorted(rows, key=lambda row: STANDINGS.index(row.standing))


@attrs.frozen
class Answer:
    """Whether everything was as expected: in a word, and in a sentence.

    `left` is how many have not ended, `missing` of how many the records are gone, `unfinished` how far each of the
    `sources` came that is not complete; `nouns` say what was counted.
    """

    counts: Mapping[str, int]
    left: int
    sources: int
    unfinished: Sequence[str] = ()
    nouns: Sequence[str] = ("run",)
    missing: int = 0

    @property
    def standing(self) -> str:
        """The worst there is; what is not complete is never better than inconclusive."""
        there = [standing for standing in STANDINGS if self.counts.get(standing)]
        if self.unfinished or not self.applicable:
            there.append(INCONCLUSIVE)
        return min(there, key=STANDINGS.index)

    @property
    def applicable(self) -> int:
        """How many had CPUs enough for their scenario, which is what the answer is about."""
        return sum(self.counts.values()) - self.counts.get(NOT_APPLICABLE, 0)

    @property
    def headline(self) -> str:
        """The answer."""
        if self.unfinished:
            return f"{self._how_far()}; {self._so_far()}"
        total, good = self.applicable, self.counts.get(EXPECTED, 0)
        if not total:
            return "No run had CPUs enough" if self.counts.get(NOT_APPLICABLE) else "Nothing has ended yet"
        if good == total:
            return "Everything was as expected" if total > 1 else "It was as expected"
        return "Not everything was as expected" if total > 1 else "It was not as expected"

    def _how_far(self) -> str:
        """What became of the one source, or of how many; it comes first, since it bounds all that follows."""
        if self.sources > 1:
            count = len(self.unfinished)
            return f"{count:,} of {self.sources:,} {'is' if count == 1 else 'are'} not complete"
        return self.unfinished[0][:1].upper() + self.unfinished[0][1:]

    def _so_far(self) -> str:
        """How what there is stands."""
        counts = {standing for standing in STANDINGS if self.counts.get(standing)} - {NOT_APPLICABLE}
        if not counts:
            return "nothing has ended yet"
        if counts == {EXPECTED}:
            return "what there is was as expected"
        return "not enough to tell" if counts <= {EXPECTED, INCONCLUSIVE} else "not everything was as expected"

    @property
    def sentence(self) -> str:
        """How many of how many, and the states of the others."""
        total, good = self.applicable, self.counts.get(EXPECTED, 0)
        what = self.nouns[0] if total == 1 else " and ".join(f"{noun}s" for noun in self.nouns)
        parts = [f"{good:,} of {total:,} {what} as expected"]
        meanings = {
            UNEXPECTED: "with another verdict",
            INCONCLUSIVE: "inconclusive: could not have seen it",
            BROKEN: "broken: crashed, hung or failed",
            NOT_APPLICABLE: "not applicable: too few CPUs for the scenario",
        }
        parts += [f"{self.counts[one]:,} {meaning}" for one, meaning in meanings.items() if self.counts.get(one)]
        parts += [f"{self.left:,} not run yet"] if self.left else []
        parts += [f"{self.missing:,} missing"] if self.missing else []
        return "; ".join(parts) + "."


def answer(sources: Sequence[Source]) -> Answer:
    """The answer over all sources."""
    explored = [exploration.standing for source in sources for exploration in source.explorations]
    counts = Counter([*(entry.standing for source in sources for entry in source.entries), *explored])
    unfinished = [source.unfinished for source in sources if source.unfinished]
    missing, left = (
        sum(source.planned - source.ended for source in sources if (source.status == INCOMPLETE) == gone)
        for gone in (True, False)
    )
    ran = len(explored) < counts.total() or not explored
    nouns = [*(["run"] if ran else []), *(["exploration"] if explored else [])]
    return Answer(counts, left, len(sources), unfinished, nouns, missing)
