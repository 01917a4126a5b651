"""Run directories that kstress 0.1.0 wrote are read, reported, compared and resumed; they are data in `before/`.

Beside them are `report.csv`, `soak.json` and `compare.json`, which the same version made of them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stress.campaign.folder import encode, manifest_bytes
from stress.campaign.identity import sources_digest
from stress.campaign.reading import MANIFEST
from stress.campaign.records import ScenarioRecord, digest_here
from stress.campaign.soak.rundir import FINDINGS, SAMPLES, read_run
from stress.campaign.soak.soak import resume
from stress.campaign.sweep.sweep import resume_sweep
from stress.campaign.sweep.sweepdir import CELLS, read_sweep
from stress.errors import UserError
from tests.frontdoor.command import kstress
from tests.frontdoor.sweeping import all_once, times_of_cells

BEFORE = Path(__file__).parent / "before"
SWEEPS = ("sweep", "search")
COMPARE = "compare.json"
BOUNDS = {"0.374128366353668": "0.37413611619625087", "0.48108052004411667": "0.48115373834601444"}
"""Upper bounds that were a little too low in that version, and what they are."""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A folder with a copy of all of them."""
    return shutil.copytree(BEFORE, tmp_path / "before")


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects in a file of lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def set_digests(folder: Path, sources: str | None = None) -> None:
    """Make the run directory one of these sources, or of those with the digest `sources`, and of these scenarios."""
    manifest = json.loads((folder / MANIFEST).read_text())
    plan = manifest["plan"]
    plan["sources_digest"] = sources or sources_digest()
    for part in plan["scenarios"]:
        known = {**part, "outcomes": {}}
        part["digest"] = digest_here(ScenarioRecord(**known))
    (folder / MANIFEST).write_text(json.dumps(manifest))


def brought_up(read: bytes) -> list[Any]:
    """The JSON objects of a file, with the keys that conditions and scenarios have now."""

    def add(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if "switch_interval_s" in found and "gil" in found:
            return {**found, "llvmlite": found.get("llvmlite")}
        if "fate" in found and "lookups" in found:
            return {"structure": None, "updates": None, **found}
        if "claim" in found and "digest" in found:
            return {**found, "structure": found.get("structure"), "has_writer": found.get("has_writer", True)}
        return found

    text = read.decode()
    parts = [text] if text.startswith(("{\n", "[\n", "[{")) else text.splitlines()
    return [json.loads(part, object_pairs_hook=add) for part in parts]


def with_bounds(name: str) -> str:
    """What that version made, with the bounds as they are now."""
    text = (BEFORE / name).read_text()
    for low, bound in BOUNDS.items():
        assert text.count(low) == 1
        text = text.replace(low, bound)
    return text


def test_a_soak_is_read_whole() -> None:
    run = read_run(BEFORE / "soak")
    assert brought_up(manifest_bytes("soak", run.manifest)) == brought_up((run.folder / MANIFEST).read_bytes())
    assert b"".join(map(encode, run.samples)) == (run.folder / SAMPLES).read_bytes()
    assert b"".join(map(encode, run.findings)) == (run.folder / FINDINGS).read_bytes()


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_is_read_whole(name: str) -> None:
    swept = read_sweep(BEFORE / name)
    assert brought_up(manifest_bytes("sweep", swept.manifest)) == brought_up((swept.folder / MANIFEST).read_bytes())
    assert brought_up(b"".join(map(encode, swept.ended))) == brought_up((swept.folder / CELLS).read_bytes())


def test_reports_have_what_they_had(before: Path) -> None:
    done = kstress("report", "soak", *SWEEPS, "--csv", "new.csv", "--json", "new.json", cwd=before)
    assert (done.returncode, done.stderr) == (0, "")
    assert (before / "new.csv").read_text() == with_bounds("report.csv")
    runs = json.loads((before / "new.json").read_text())["runs"]
    [soaks] = brought_up(with_bounds("soak.json").encode())
    assert all({"wild", "torn", "missed"} <= set(run.pop("forbidden")) for run in runs[:2])
    assert [{**run, "reports": []} for run in runs[:2]] == soaks
    told = [line["told"]["json"] for line in lines(BEFORE / "soak" / FINDINGS)]
    assert [report for run in runs[:2] for report in run["reports"]] == told
    cells = [sorted(lines(BEFORE / name / CELLS), key=lambda one: (one["number"], one["repeat"])) for name in SWEEPS]
    assert runs[2:] == [cell["run"] for of_one in cells for cell in of_one]


def test_a_comparison_says_what_it_said(before: Path) -> None:
    shutil.copytree(before / "sweep", before / "other")
    done = kstress("compare", "sweep", "other", "--json", "new.json", cwd=before)
    assert (done.returncode, done.stderr) == (3, "")
    new, old = (json.loads((folder / name).read_text()) for folder, name in ((before, "new.json"), (BEFORE, COMPARE)))
    for side in (new["b"], old["b"]):
        del side["name"]
    for cell in new["cells"]:  # what later versions say beside
        assert (cell.pop("only_a"), cell.pop("only_b")) == ([], [])
        assert {figure.pop("repeats_needed") for figure in cell["figures"]} == {new["repeats_needed"]}
    assert new == old


def test_a_soak_is_added_to(before: Path) -> None:
    folder = before / "soak"
    set_digests(folder)
    old = read_run(folder)
    ending = resume(folder, duration_s=old.manifest.plan.duration_s + 0.5)
    assert (ending.state, len(ending.manifest.sessions)) == ("complete", 2)
    assert (folder / SAMPLES).read_bytes().startswith((BEFORE / "soak" / SAMPLES).read_bytes())
    for name, standing in old.standings().items():
        assert ending.standings[name].tally.lookups >= standing.tally.lookups
    assert ending.elapsed_s > max(one.elapsed_s for one in old.standings().values())


def test_a_sweep_runs_the_cell_that_it_lacks(before: Path) -> None:
    folder = before / "sweep"
    set_digests(folder)
    kept = cut(folder)
    ending = resume_sweep(folder)
    assert (ending.swept.manifest.status, len(ending.swept.manifest.sessions)) == ("complete", 2)
    assert (folder / CELLS).read_bytes().startswith(kept)
    assert times_of_cells(folder) == all_once(4, 2)
    assert lines(folder / CELLS)[-1]["seed"] == lines(BEFORE / "sweep" / CELLS)[-1]["seed"]


def test_a_search_goes_on_to_its_answer(before: Path) -> None:
    folder = before / "search"
    set_digests(folder)
    kept = cut(folder)
    ending = resume_sweep(folder)
    assert (folder / CELLS).read_bytes().startswith(kept)
    assert [quest.search.wanted for quest in ending.quests] == [None]


def cut(folder: Path) -> bytes:
    """Take the last cell away, as if the process had been killed before it ended; what is left of the file."""
    kept = b"".join((folder / CELLS).read_bytes().splitlines(keepends=True)[:-1])
    (folder / CELLS).write_bytes(kept)
    return kept


@pytest.mark.parametrize(("name", "going_on"), [("soak", resume), ("sweep", resume_sweep), ("search", resume_sweep)])
def test_nothing_is_added_to_counts_of_other_sources(
    name: str, going_on: Callable[[Path], object], before: Path
) -> None:
    folder = before / name
    set_digests(folder, "0" * 16)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=r"^--resume: .* kstress itself, its kernel, .* was 0000000000000000; start a "):
        going_on(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents
