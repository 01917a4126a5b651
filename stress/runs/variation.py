"""Variations: a scenario with more writers, longer gaps or another fate of freed memory than its file states.

The twin is varied in the same way, so that both still differ in the protection under test alone. Called by
`stress.runs.runner` and by campaigns, which check their plans before anything runs.
"""

from pathlib import Path

import attrs

from stress.config import Config
from stress.errors import UserError
from stress.host.disk import check_utf8
from stress.safe_text import shown
from stress.scenario import TYPE_STABLE, Program, Scenario
from stress.scenario_files import twin_of
from stress.units import show_duration


def least_cpus(scenario: Scenario, config: Config) -> int:
    """The fewest CPUs on which every program of the scenario runs, with as many readers for each writer as wanted."""
    return max(scenario.least_cpus, (config.readers_per_writer or 0) + 1)


def too_few_cpus(scenario: Scenario, config: Config) -> str | None:
    """Why the scenario does not apply to a machine with so few CPUs; None if it does."""
    needed = least_cpus(scenario, config)
    return f"needs at least {needed} CPUs, not {config.cpus}" if config.cpus < needed else None


def check_variation(scenario: Scenario, config: Config) -> None:
    """Raise UserError for a variation that the scenario, or its twin, does not have; before anything runs."""
    for one in filter(None, (scenario, twin_of(scenario))):
        if not too_few_cpus(one, config):
            vary(one, config)


def vary(scenario: Scenario, config: Config) -> Scenario:
    """The scenario as `config` wants it, which has CPUs enough for it.

    Raises:
        UserError: for a variation that this scenario does not have.
    """
    check_corpus(scenario, config.corpus)
    if config.fate is not None:
        scenario = _with_fate(scenario, config.fate)
    if config.gap_s is not None:
        scenario = _with_gaps(scenario, config.gap_s)
    if config.readers_per_writer is not None:
        scenario = _with_writers(scenario, config.readers_per_writer, config.cpus)
    return scenario


def check_corpus(scenario: Scenario, corpus: Path | None) -> None:
    """Raise UserError for a corpus that nothing of the scenario is made of, or that no results could name."""
    if corpus is not None:
        check_utf8(corpus, "--corpus")
    if corpus is not None and scenario.structure is not None:
        raise UserError(
            f"--corpus: {scenario.name} fills a structure of its own, and takes nothing of {shown(repr(str(corpus)))};"
            " leave it out for this scenario"
        )


def _with_fate(scenario: Scenario, fate: str) -> Scenario:
    """The scenario with another fate of freed memory, unless its code relies on the one that it has."""
    if scenario.fate == TYPE_STABLE:
        raise UserError(f"--fate: the memory of {scenario.name} is type-stable, not {fate}; leave it out here")
    return attrs.evolve(scenario, fate=fate)


def _with_gaps(scenario: Scenario, seconds: float) -> Scenario:
    """The scenario with gaps of another length."""
    if not scenario.hardware.gap:
        raise UserError(
            f"--gap: {scenario.name} has no hypervisor, so nothing takes cores away for {show_duration(seconds)};"
            " leave it out for this scenario"
        )
    return attrs.evolve(scenario, hardware=attrs.evolve(scenario.hardware, gap_s=seconds))


def _with_writers(scenario: Scenario, readers: int, cpus: int) -> Scenario:
    """The scenario with a writer for each so many readers, where one program writes, and others do not."""
    writing = [program for program in scenario.programs if program.writes]
    reading = [program for program in scenario.programs if not program.writes]
    if len(writing) != 1 or not any(program.cpus is None for program in reading):
        raise UserError(
            f"--readers-per-writer: {scenario.name} fixes how many CPUs read and write; it cannot have {readers}"
            " readers for each writer; leave it out here"
        )
    writers = cpus // (readers + 1)
    return attrs.evolve(scenario, programs=tuple(_on(program, writers) for program in scenario.programs))


def _on(program: Program, writers: int) -> Program:
    """A program on so many CPUs if it writes."""
    return attrs.evolve(program, cpus=writers) if program.writes else program
