"""Reading a soak's run directory: for `kstress report` and `--resume`."""

from itertools import pairwise
from pathlib import Path

import attrs

from stress.campaign.reading import MANIFEST, WholeLines, records
from stress.campaign.rundir import Kind, StoredCampaign, read_manifest
from stress.campaign.soak.records import SCHEMA, SOAK, Finding, Manifest, Plan, Sample, Standing, scenarios_by_name
from stress.errors import UserError
from stress.safe_text import shown

SAMPLES, FINDINGS = "samples.jsonl", "violations.jsonl"


KIND = Kind(SOAK, SCHEMA, Manifest, (SAMPLES, FINDINGS))


@attrs.frozen(kw_only=True)
class StoredSoak(StoredCampaign[Plan]):
    """All that a soak's run directory holds."""

    samples: tuple[Sample, ...] = ()
    findings: tuple[Finding, ...] = ()

    def standings(self) -> dict[str, Standing]:
        """Where each scenario of the plan stands: what its last sample says, or nothing done yet."""
        standings = {part.name: Standing(scenario=part.name) for part in self.manifest.plan.scenarios}
        standings.update({sample.standing.scenario: sample.standing for sample in self.samples})
        return standings


def check(run: StoredSoak) -> None:
    """Raise UserError where manifest and lines do not belong together."""
    known = set(scenarios_by_name(run.manifest.plan))
    for scenario in [sample.standing.scenario for sample in run.samples] + [one.scenario for one in run.findings]:
        if scenario not in known:
            raise UserError(f"{shown(run.folder)}: a line is of {shown(scenario)}, which the manifest does not name")
    elapsed = [sample.standing.elapsed_s for sample in run.samples]
    if any(later < earlier for earlier, later in pairwise(elapsed)):
        raise UserError(f"{shown(run.folder / SAMPLES)} goes back in time: it is damaged, or has lines of two soaks")
    if any(not 0 <= sample.session < len(run.manifest.sessions) for sample in run.samples):
        raise UserError(f"{shown(run.folder / SAMPLES)} is of a session that the manifest does not have")


def read_run(folder: Path) -> StoredSoak:
    """Read a run directory.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    manifest, state = read_manifest(folder, KIND)
    try:
        manifest.plan.config()
    except UserError as error:
        raise UserError(f"{shown(folder / MANIFEST)}: {error}") from None
    samples, findings = WholeLines(folder / SAMPLES), WholeLines(folder / FINDINGS)
    run = StoredSoak(
        folder=folder,
        manifest=manifest,
        samples=tuple(records(samples, Sample)),
        findings=tuple(records(findings, Finding)),
        sizes={SAMPLES: samples.size, FINDINGS: findings.size},
        state=state,
    )
    check(run)
    return run
