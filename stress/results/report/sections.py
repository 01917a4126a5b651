"""What a report says besides verdicts and plots: violations, what broke, hosts, commands, and what was not seen."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import attrs

from stress.campaign.runs import Run, share
from stress.judge.trials import Trials, bound_text
from stress.judge.verdict import HELD, INCONCLUSIVE
from stress.results.load.axes import settings, varying
from stress.results.load.entries import BROKEN, SOAK, Entry, Source
from stress.results.pages.scales import share_text
from stress.results.report.explorations import explorations_of
from stress.results.report.trial_kinds import ROUNDS, TrialKind, kind_of
from stress.runs.conditions import LEAST_CPU_SECONDS, Conditions
from stress.units import counted, write_duration

LIMITS = (
    "A run that saw nothing bounds how often it can happen in such runs, on such a machine. It does not show that it "
    "cannot."
)
SEEDS = "A seed fixes the workload and the noise, not the interleaving: no run of real threads repeats exactly."
MOST_REPORTS = 3
MOST_TROUBLES = 20
MOST_WORKERS = 20


@attrs.frozen
class Passage:
    """A text, and what it is about."""

    title: str
    text: str


@attrs.frozen
class Section:
    """Passages, and a line on those that are left out; None if none are."""

    title: str
    passages: tuple[Passage, ...]
    rest: str | None = None


@attrs.frozen
class Report:
    """One of the reports of an entry, which has a number there, and what the entry is."""

    outcome: str
    what: str
    entry: Entry
    number: int


@attrs.frozen
class Host:
    """Where runs came from: facts as label and text, and how many runs."""

    facts: tuple[tuple[str, str], ...]
    runs: int


def label(entry: Entry, axes: Iterable[str]) -> str:
    """What an entry is, in words."""
    values, more = entry.values, settings(entry.values, axes)
    cpus = counted(values.cpus, "CPU")
    return ", ".join([values.scenario, f"{values.engine} engine", cpus, *([more] if more else [])])


def _entries(sources: Sequence[Source]) -> Iterator[tuple[Entry, str]]:
    """Every entry, and what it is."""
    for source in sources:
        axes, labels = varying(source.entries), dict[int, str]()
        for entry in source.entries:
            again = f", repeat {entry.repeat}" if source.kind != SOAK and entry.repeat > 1 else ""
            known = labels.get(id(entry.values)) or labels.setdefault(id(entry.values), label(entry, axes))
            yield entry, f"{known}{again}"


def violations(sources: Sequence[Source]) -> list[Section]:
    """Of each scenario the first report on each outcome, a few of them in all; UserError for a damaged one."""
    kept: dict[str, dict[str, Report]] = {}
    totals, reports = Counter[str](), Counter[str]()
    for entry, what in _entries(sources):
        name = entry.values.scenario
        totals[name] += entry.run.violations if entry.run else 0
        for number, outcome in enumerate(entry.reports):
            kept.setdefault(name, {}).setdefault(outcome, Report(outcome, what, entry, number))
            reports[name] += 1
    return [_reported(name, list(first.values()), totals[name], reports[name]) for name, first in kept.items()]


def _reported(name: str, kept: Sequence[Report], violations: int, reports: int) -> Section:
    """The reports on one scenario."""
    shown = kept[:MOST_REPORTS]
    passages = tuple(_passage(f"{one.outcome}, {one.what}", one.entry.report(one.number).text) for one in shown)
    others = reports - len(passages)
    more = f", {others:,} other reports in the files that this was made of" if others else ""
    return Section(name, passages, f"{violations:,} violations in all; {len(passages)} shown here{more}.")


def _passage(what: str, text: str) -> Passage:
    """One report without the rules around it; its title is what happened."""
    lines = [line for line in text.split("\n") if not re.fullmatch("=+", line)]
    return Passage(f"{lines[0]}: {what}" if lines else what, "\n".join(lines))


def troubles(sources: Sequence[Source]) -> list[Section]:
    """What crashed, hung, failed, stalled or lost turns, with what is known of it."""
    found: dict[str, list[Passage]] = {}
    for entry, what in _entries(sources):
        if entry.standing == BROKEN:
            text = entry.trouble.text if entry.trouble else "nothing is known of it"
            found.setdefault(entry.end, []).append(Passage(what, text))
        elif entry.stall is not None:
            found.setdefault("stalled", []).append(Passage(what, entry.stall.text))
        if lost := entry.lost_turns:
            found.setdefault("with turns that were lost", []).append(Passage(what, lost))
    return [_some(end, passages) for end, passages in found.items()]


def _some(title: str, passages: Sequence[Passage]) -> Section:
    """As many passages as a page bears."""
    left = len(passages) - MOST_TROUBLES
    heading = f"{title}: {len(passages):,}"
    return Section(heading, tuple(passages[:MOST_TROUBLES]), f"{left:,} more are left out here" if left > 0 else None)


class Worked(NamedTuple):
    """Who worked at an entry, which has a number, and under which conditions.

    `test_noise` is what took noise in a test's own bodies, in words; None for a scenario.
    """

    entry: int
    worker: str | None
    conditions: Conditions
    test_noise: str | None = None


def hosts(sources: Sequence[Source]) -> list[Host]:
    """The conditions of each host, once each; what varies from run to run is given as a range."""
    groups: dict[tuple[tuple[str, str], ...], list[Worked]] = {}
    known: dict[
        tuple[int, str | None, bool], list[Worked]
    ] = {}  # runs of one host mostly share one object of conditions
    for number, entry in enumerate(entry for source in sources for entry in source.entries):
        for one in _at_work(number, entry):
            key = id(one.conditions), one.worker, one.test_noise is None
            if key not in known:
                known[key] = groups.setdefault(_facts(one), [])
            known[key].append(one)
    return [Host((*facts, *_ranges(group)), len({one.entry for one in group})) for facts, group in groups.items()]


def _at_work(number: int, entry: Entry) -> Iterator[Worked]:
    """Whoever ran an entry; if it is a soak that had workers, every session that has brought something of it."""
    if entry.soak and entry.soak.workers:
        sessions = entry.soak.manifest.sessions
        of = {one.session for one in entry.soak.samples if one.standing.scenario == entry.values.scenario}
        yield from (Worked(number, sessions[at].worker, sessions[at].conditions) for at in sorted(of))
    elif entry.run is not None:
        noise = (entry.run.noise or "none") if entry.run.of_a_test else None
        yield Worked(number, entry.worker, _measured(entry.run), noise)


def _measured(run: Run) -> Conditions:
    """The conditions of a run; earlier versions gave a steal time of runs that were too short to measure one."""
    of = run.conditions
    return of if run.duration_s * of.cores >= LEAST_CPU_SECONDS else attrs.evolve(of, steal_percent=None)


def _facts(one: Worked) -> tuple[tuple[str, str], ...]:
    """What all runs of a host have alike; workers are named by their hosts, since they come and go."""
    of = one.conditions
    cores = "not known" if of.affinity is None else ", ".join(map(str, of.affinity))
    switch = "none" if of.switch_interval_s is None else write_duration(of.switch_interval_s)
    return (
        *([("host", host_of(one.worker))] if one.worker else []),
        ("Python", f"{of.python}, {'with a GIL' if of.gil else 'without a GIL'}"),
        *([("numba", of.numba)] if of.numba else []),
        ("llvmlite", of.llvmlite or "not there"),
        ("cores", f"{of.cores} (may use {cores})"),
        ("switch interval", switch),
        *([("KASAN", "on" if of.kasan else "off")] if one.test_noise is None else []),
    )


def _ranges(several: Sequence[Worked]) -> Iterator[tuple[str, str]]:
    """What differs from run to run."""
    of = [one.conditions for one in several]
    steal = [one.steal_percent for one in of if one.steal_percent is not None]
    ends = dict.fromkeys(f"{end:g}" for end in (min(steal), max(steal))) if steal else {}
    yield "steal time", f"{' to '.join(ends)} %" if steal else "not known"
    if tests := [one.test_noise for one in several if one.test_noise is not None]:
        yield "noise", f"{tests[0]} (the first of {len(tests):,} runs)" if len(set(tests)) > 1 else tests[0]
    else:
        yield "noise", _listed(str(share(noise)) for noise in {one.noise: None for one in of})
        yield "pace", _listed(write_duration(pace_s) for pace_s in {one.pace_s: None for one in of})
    yield "stall after", _listed(write_duration(after_s) for after_s in {one.stall_after_s: None for one in of})
    if workers := Counter(one.worker for one in several if one.worker):
        yield "run by", listed_workers(workers)


def host_of(worker: str) -> str:
    """The host that a worker is on, as it was noted; all that was noted if there is none."""
    return worker.rpartition(" on ")[2]


def listed_workers(runs: Counter[str]) -> str:
    """Workers, each with how many runs it made; those that made most if there are many."""
    first = [f"{worker} ({count:,})" for worker, count in runs.most_common(MOST_WORKERS)]
    left = len(runs) - len(first)
    return ", ".join([*first, *([f"{left:,} others"] if left else [])])


def _listed(texts: Iterable[str]) -> str:
    """Each text once."""
    return ", ".join(dict.fromkeys(texts))


def commands(source: Source) -> list[str]:
    """How to run each thing again: one command for each place in the matrix, and those that resume campaigns."""
    first: dict[object, Entry] = {}
    for entry in source.entries:
        first.setdefault(entry.values, entry)
    again = [entry.again for entry in first.values()]
    return [*([source.resume] if source.resume else []), *again]


def not_seen(sources: Sequence[Source]) -> list[str]:
    """What was not seen, by scenario, engine, CPU count and what else differs, and how far that goes."""
    held, open_ = defaultdict[tuple[str, TrialKind | None], list[Run]](list), defaultdict[str, list[Run]](list)
    for source in sources:
        axes = varying(source.entries)
        for entry in source.entries:
            if entry.run is not None and entry.run.applicable and entry.run.verdict in (HELD, INCONCLUSIVE):
                what = label(entry, axes)
                kept = held[what, kind_of(entry.run)] if entry.run.verdict == HELD else open_[what]
                kept.append(entry.run)
    lines = [f"{what}: not reproduced: {_bound(kind, runs)}" for (what, kind), runs in held.items()]
    lines += [f"{what}: inconclusive{_times(runs)}: {runs[0].reason}" for what, runs in open_.items()]
    return lines + [f"{one.scenario}, explored: {one.reason}" for one in explorations_of(sources) if not one.found]


def _times(runs: Sequence[Run]) -> str:
    """How many runs there were, if there were several; the reason that follows is the first one's."""
    return f" in {len(runs):,} runs, the first because of" if len(runs) > 1 else ""


def _bound(kind: TrialKind | None, runs: Sequence[Run]) -> str:
    """How many trials of a kind there were in runs, and the bound that they give, if any."""
    caught = sum((run.caught for run in runs), Trials())
    if kind is None:
        overlapped = counted(sum(run.race_windows for run in runs), "operation")
        return f"{overlapped} overlapped others; these are no independent trials, so nothing bounds the rate"
    if kind is not ROUNDS:
        return f"{bound_text(caught)}, if all these runs are alike"
    at_most = f"at most {share_text(caught.upper_95)} per round (95 %), if all these runs are alike"
    return f"{counted(caught.trials, 'round')}, {caught.catches:,} caught; {at_most}"
