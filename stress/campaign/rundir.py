"""What every run directory has: a manifest, and files of lines. Soaks and sweeps say which, and add what they read."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import is_locked, state_of
from stress.campaign.reading import MANIFEST, read_head
from stress.campaign.records import Manifest
from stress.safe_text import shown

PlanT = TypeVar("PlanT")


@attrs.frozen
class Kind:
    """A kind of campaign, like a "soak": the newest schema that is known, the manifest's type, the files of lines."""

    what: str
    schema: int
    manifest: type[Manifest[Any]]
    files: tuple[str, ...]

    def is_in(self, folder: Path) -> bool:
        """Whether all files of a run directory of this kind are still there, and no link stands for one."""
        files = [folder / name for name in (MANIFEST, *self.files)]
        return all(os.path.isfile(file) and not os.path.islink(file) for file in files)


@attrs.frozen(kw_only=True)
class StoredCampaign(Generic[PlanT]):
    """A run directory that was read. `sizes` has, for each file of lines, how many of its bytes are whole lines.

    `state` is the manifest's status or, for a campaign that recorded no end, its state (`stress.campaign.life`).
    """

    folder: Path
    manifest: Manifest[PlanT]
    sizes: Mapping[str, int] = attrs.field(factory=dict)
    state: str = attrs.field()

    @state.default
    def _state(self) -> str:
        return self.manifest.status


def read_manifest(folder: Path, kind: Kind) -> tuple[Any, str]:
    """The manifest of a run directory of a kind, and the state of its campaign.

    Raises:
        UserError: when there is none, it is damaged, of another kind, or was written by a newer kstress.
    """
    locked = is_locked(folder)  # before the manifest is read, as `state_of` needs it
    manifest = from_json(read_head(folder, kind.what, kind.schema), kind.manifest, shown(folder / MANIFEST))
    return manifest, state_of(manifest.status, manifest.boot, locked)
