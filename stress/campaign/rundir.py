"""Reading a run directory back: for `kstress report`, for `--resume`, for whoever wants to know what a soak has learnt.

Nothing in it is trusted: a process may have been killed while it wrote, a disk may have lost what came last, or it may
be no run directory at all. Only the last line of a file may be torn; everything else must be right.
"""

import json
import stat
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import attrs

from stress.campaign.converter import from_json
from stress.campaign.records import SCHEMA, Finding, Manifest, Sample, Standing, parts_by_name
from stress.corpus.untrusted import shown
from stress.errors import UserError

MANIFEST, SAMPLES, FINDINGS = "manifest.json", "samples.jsonl", "violations.jsonl"
LARGEST_BYTES = 256 << 20
KIND = "kstress soak"

T = TypeVar("T")


@attrs.frozen
class Run:
    """All that a run directory holds. `sizes` has, for each file of lines, how many of its bytes are whole lines."""

    folder: Path
    manifest: Manifest
    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]
    sizes: Mapping[str, int]

    def standings(self) -> dict[str, Standing]:
        """Where each scenario of the plan stands: what its last sample says, or nothing done yet."""
        standings = {part.name: Standing(scenario=part.name) for part in self.manifest.plan.scenarios}
        standings.update({sample.standing.scenario: sample.standing for sample in self.samples})
        return standings

    def samples_of(self, scenario: str) -> tuple[Sample, ...]:
        """The samples of one scenario."""
        return tuple(sample for sample in self.samples if sample.standing.scenario == scenario)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of bearable size.

    Raises:
        UserError: for anything else; a device or a pipe might never end.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(f"{shown(path)} is no plain file; give the directory of a soak")
        if facts.st_size > LARGEST_BYTES:
            raise UserError(f"{shown(path)} has {facts.st_size:,} bytes, more than a soak writes")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror}; give the directory of a soak") from None


def parse(raw: bytes, where: str) -> dict[str, Any]:
    """A JSON object; UserError for anything else."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise UserError(f"{where} is not JSON: it is damaged, or no file of a soak") from None
    if not isinstance(document, dict):
        raise UserError(f"{where} is no JSON object: it is damaged, or no file of a soak")
    return document


def read_manifest(folder: Path) -> Manifest:
    """The manifest; UserError says what is wrong with it."""
    path = folder / MANIFEST
    where = shown(path)
    document = parse(read_file(path), where)
    schema = document.get("schema")
    if document.pop("kind", None) != KIND or type(schema) is not int or schema < 1:
        raise UserError(f"{where} is not the manifest of a soak: it has no kind {KIND!r} and schema")
    if schema > SCHEMA:
        raise UserError(f"{where} has schema {shown(schema)}, this kstress knows up to {SCHEMA}; use a newer kstress")
    manifest = from_json(document, Manifest, where)
    try:
        manifest.plan.config()
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return manifest


def whole_lines(path: Path) -> tuple[list[bytes], int]:
    """The whole lines of a file, and how many bytes they are; a torn last line is left out."""
    raw = read_file(path)
    lines = raw.split(b"\n")[:-1]
    if lines and not _is_json(lines[-1]):
        lines.pop()
    return lines, sum(len(line) + 1 for line in lines)


def _is_json(line: bytes) -> bool:
    """Whether a line can be parsed at all."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def records(lines: list[bytes], kind: type[T], path: Path) -> Iterator[T]:
    """The records of a file's lines; UserError names the line that is none."""
    for number, line in enumerate(lines, 1):
        where = f"{shown(path)}, line {number}"
        yield from_json(parse(line, where), kind, where)


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
    manifest = read_manifest(folder)
    samples, samples_size = whole_lines(folder / SAMPLES)
    findings, findings_size = whole_lines(folder / FINDINGS)
    run = Run(
        folder,
        manifest,
        tuple(records(samples, Sample, folder / SAMPLES)),
        tuple(records(findings, Finding, folder / FINDINGS)),
        {SAMPLES: samples_size, FINDINGS: findings_size},
    )
    check(run)
    return run
