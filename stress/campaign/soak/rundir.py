"""Reading a soak's run directory: for `kstress report`, for `--resume`, for whoever wants to know."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import is_locked, state_of
from stress.campaign.reading import MANIFEST, WholeLines, read_head, records
from stress.campaign.soak.records import SCHEMA, SOAK, Finding, Manifest, Sample, Standing, parts_by_name
from stress.errors import UserError
from stress.safe_text import shown

SAMPLES, FINDINGS = "samples.jsonl", "violations.jsonl"


@attrs.frozen
class Run:
    """All that a run directory holds. `sizes` has, for each file of lines, how many of its bytes are whole lines.

    `state` is the manifest's status or, of a soak that wrote down no end, what became of it.
    """

    folder: Path
    manifest: Manifest
    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]
    sizes: Mapping[str, int]
    state: str = attrs.field()

    @state.default
    def _state(self) -> str:
        return self.manifest.status

    def standings(self) -> dict[str, Standing]:
        """Where each scenario of the plan stands: what its last sample says, or nothing done yet."""
        standings = {part.name: Standing(scenario=part.name) for part in self.manifest.plan.scenarios}
        standings.update({sample.standing.scenario: sample.standing for sample in self.samples})
        return standings

    def samples_of(self, scenario: str) -> tuple[Sample, ...]:
        """The samples of one scenario."""
        return tuple(sample for sample in self.samples if sample.standing.scenario == scenario)


def read_manifest(folder: Path) -> Manifest:
    """The manifest; UserError says what is wrong with it."""
    where = shown(folder / MANIFEST)
    manifest = from_json(read_head(folder, SOAK, SCHEMA), Manifest, where)
    try:
        manifest.plan.config()
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return manifest


def check(run: Run) -> None:
    """Raise UserError where manifest and lines do not belong together."""
    known = set(parts_by_name(run.manifest.plan))
    for scenario in [sample.standing.scenario for sample in run.samples] + [one.scenario for one in run.findings]:
        if scenario not in known:
            raise UserError(f"{shown(run.folder)}: a line is of {shown(scenario)}, which the manifest does not name")
    elapsed = [sample.standing.elapsed_s for sample in run.samples]
    if any(later < earlier for earlier, later in pairwise(elapsed)):
        raise UserError(f"{shown(run.folder / SAMPLES)} goes back in time: it is damaged, or put together from two")
    if any(not 0 <= sample.session < len(run.manifest.sessions) for sample in run.samples):
        raise UserError(f"{shown(run.folder / SAMPLES)} is of a session that the manifest does not have")


def read_run(folder: Path) -> Run:
    """Read a run directory.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    locked = is_locked(folder)
    manifest = read_manifest(folder)
    samples, findings = WholeLines(folder / SAMPLES), WholeLines(folder / FINDINGS)
    run = Run(
        folder,
        manifest,
        tuple(records(samples, Sample)),
        tuple(records(findings, Finding)),
        {SAMPLES: samples.size, FINDINGS: findings.size},
        state_of(manifest.status, manifest.boot, locked),
    )
    check(run)
    return run
