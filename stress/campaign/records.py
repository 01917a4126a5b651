"""What every campaign writes down of what it runs: its scenarios, without their files, and who worked on it when."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import attrs
from attrs.validators import in_, min_len, optional

from stress.beside import read_source
from stress.campaign.identity import corpus_digest, digest_of, sources_digest
from stress.errors import UserError
from stress.judge.outcomes import Outcome
from stress.runs.conditions import Conditions
from stress.safe_text import shown
from stress.scenario import TYPE_STABLE, VERDICTS, Scenario
from stress.scenario_files import (
    Source,
    chosen,
    find_scenario,
    load_source,
    loaded_source,
    scenario_file,
    source_of,
    twin_name,
    twin_of,
)
from stress.settings import FATES

STATUSES = ("running", "complete", "interrupted", "failed")


def _check_outcomes(instance: object, attribute: object, outcomes: Mapping[str, Outcome]) -> None:
    """Raise ValueError for outcomes that cannot be counted by their names or shown in a table."""
    for name, outcome in outcomes.items():
        if name != outcome.name or "[" in name:
            raise ValueError(f"{name!r:.60} is not an outcome")


def check_names(instance: object, attribute: object, parts: "Sequence[ScenarioRecord]") -> None:
    """Raise ValueError unless every scenario is there once."""
    if len({part.name for part in parts}) != len(parts):
        raise ValueError("a scenario is there twice")


@attrs.frozen
class ScenarioRecord:
    """One scenario of a campaign: what it takes to judge and show it without its file, and a digest of that file.

    `twin_expect` is the verdict that its twin expects; None without a twin, and where an earlier version wrote it.
    `structure` is the name of its own structure, None for the module list. `has_writer` is False where none of its
    programs says that it writes; True where an earlier version wrote nothing of it.
    """

    name: str
    origin: str
    claim: str
    source: str
    expect: str = attrs.field(validator=in_(VERDICTS))
    twin: str | None
    outcomes: dict[str, Outcome] = attrs.field(validator=_check_outcomes)
    digest: str
    twin_expect: str | None = attrs.field(default=None, validator=optional(in_(VERDICTS)))
    fate: str = attrs.field(default=FATES[0], validator=in_((*FATES, TYPE_STABLE)))
    structure: str | None = None
    has_writer: bool = True

    @property
    def expected_of_twin(self) -> str | None:
        """The verdict that its twin expects, of the catalogue's if it was not written down; None if nobody knows."""
        if self.twin_expect is None and self.twin is not None and self.twin.isidentifier():
            return find_scenario(self.twin).expect
        return self.twin_expect

    def scenario(self) -> Scenario:
        """The scenario without its programs: for verdicts and tables, not to be run."""
        return Scenario(
            self.name,
            self.claim,
            self.source,
            (),
            self.expect,
            self.twin,
            outcomes=self.outcomes,
            fate=self.fate,
            origin=self.origin,
            structure_name=self.structure,
        )


@attrs.frozen
class Session:
    """One process that worked on a campaign: when it began (UTC), and under which conditions.

    `worker` is its name where workers play, None for the campaign's own process.
    """

    began: str
    conditions: Conditions
    worker: str | None = None


PlanT = TypeVar("PlanT")


@attrs.frozen
class Manifest(Generic[PlanT]):
    """The head of a run directory. `status` is "running" until an end is written, whatever became of the process.

    `boot` is the `boot_id` of the kernel that the last session's process ran on.
    """

    schema: int
    made_by: str
    status: str = attrs.field(validator=in_(STATUSES))
    plan: PlanT
    sessions: tuple[Session, ...] = attrs.field(validator=min_len(1))
    boot: str | None = None


def record_of(scenario: Scenario) -> ScenarioRecord:
    """What is written down of a scenario."""
    twin = twin_of(scenario)
    return ScenarioRecord(
        scenario.name,
        scenario.origin,
        scenario.claim,
        scenario.source,
        scenario.expect,
        scenario.twin,
        dict(scenario.outcomes),
        _digest_of(loaded_source(scenario_file(one.origin)) for one in (scenario, twin) if one),
        twin.expect if twin else None,
        scenario.fate,
        scenario.structure_name,
        scenario.has_writer,
    )


def _digest_of(sources: Iterable[Source]) -> str:
    """The digest of all files of scenarios."""
    return digest_of(content for source in sources for content in source.contents)


def _sources(part: ScenarioRecord) -> list[Source]:
    """The files that a part names, read here and now: its scenario's, its twin's, those beside. Nothing of them runs.

    Raises:
        UserError: when one cannot be read, or is not named as kstress does it.
    """
    origin = part.origin
    if not (origin.replace(":", "", 1).isidentifier() or Path(origin).is_absolute()):
        raise UserError(f"{shown(repr(origin))} is neither a scenario of the catalogue nor an absolute path")
    names = [origin, *([] if part.twin is None else [twin_name(origin, part.twin)])]
    return [source_of(file, read_source(file)) for file in map(scenario_file, names)]


def digest_here(part: ScenarioRecord) -> str:
    """The digest of what there is here of a part; UserError if something is missing."""
    return _digest_of(_sources(part))


def load_recorded(part: ScenarioRecord) -> Scenario:
    """The scenario of a part, ready to be run, and its twin's file loaded: only if they are what was written down.

    The bytes that are compared are those that run: nothing is read twice, and nothing runs before.

    Raises:
        UserError: when something differs, or its file cannot be run.
    """
    source, *twins = sources = _sources(part)
    if (here := _digest_of(sources)) != part.digest:
        raise UserError(_change(_whose_file(part), here, part.digest))
    scenario = chosen(load_source(source), part.origin)
    if scenario.twin != part.twin:
        raise UserError(f"{_whose_file(part)} names the twin {shown(scenario.twin)}, and not {shown(part.twin)}")
    for twin in twins:
        load_source(twin)
    # Earlier versions wrote down one of several without its file's name; counts are kept by what was written down.
    return scenario if scenario.name == part.name else attrs.evolve(scenario, name=part.name)


def _whose_file(part: ScenarioRecord) -> str:
    """What differs where a scenario's digest does."""
    return f"the file of scenario {shown(part.name)}, or of its twin,"


def changed(parts: Sequence[ScenarioRecord], sources: str, corpora: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """How what there is here differs from what was written down: scenario files, kstress's own sources, corpora.

    `sources` is their digest then, `corpora` are paths, None for the bundled one, and digests.
    """
    for part in parts:
        yield from _differs(_whose_file(part), part.digest, digest_here, part)
    yield from _differs("kstress itself, its kernel, machine, programs or judge,", sources, sources_digest)
    for corpus, digest in corpora:
        what = f"the corpus {shown(corpus or 'that comes with kstress')}"
        yield from _differs(what, digest, corpus_digest, Path(corpus) if corpus else None)


def refuse_changes(what: str, folder: Path, differences: Iterable[str]) -> None:
    """Raise UserError where something differs from what the counts of a `what`, like a "soak", were made with."""
    if text := "; ".join(differences):
        raise UserError(f"--resume: {shown(folder)} cannot be added to: {text}; start a new {what} instead")


def _differs(what: str, planned: str, digest: Callable[..., str], *of: object) -> Iterator[str]:
    """That something is not what it was, or cannot be read."""
    try:
        here = digest(*of)
    except UserError as error:
        yield f"{what} cannot be read: {error}"
    else:
        if here != planned:
            yield _change(what, here, planned)


def _change(what: str, here: str, planned: str) -> str:
    """A text for two digests that differ."""
    return f"{what} has changed: its digest is {here} here, and was {planned}"
