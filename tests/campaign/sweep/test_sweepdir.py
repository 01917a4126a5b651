"""A sweep's run directory: read as it was written, but for a torn last line; damage is refused in a line."""

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from rich.console import Console

from stress.campaign.converter import to_json
from stress.campaign.folder import Lock, encode, manifest_bytes
from stress.campaign.journal import Journal, JournalError
from stress.campaign.reading import MANIFEST
from stress.campaign.sweep.agenda import Cell, Grid
from stress.campaign.sweep.records import SWEEP, CellResult, Manifest
from stress.campaign.sweep.sweep import resume_sweep
from stress.campaign.sweep.sweepdir import CELLS, KIND, StoredSweep, read_sweep
from stress.errors import UserError
from stress.results.terminal.sweep_summary import show_sweep
from tests.campaign.damage import Content, Damage, damages, edit, put_down, snapshot
from tests.campaign.sweep.made import ENDED, LOST, ended, make_sweep, open_journal, plan_of, session
from tests.support import bounded

GOOD = {
    MANIFEST: manifest_bytes(SWEEP, Manifest(1, "a test", "running", plan_of(), (session(),))),
    CELLS: b"".join(map(encode, ENDED)),
}


def left_of(swept: StoredSweep) -> Cell:
    """The cell that comes next."""
    cell = Grid(swept.manifest.plan, swept.ended).take()
    assert cell
    return cell


def refused(folder: Path, *parts: str) -> None:
    """The directory is refused in a printable line that has all parts, and stays as it is."""
    before = snapshot(folder)
    for read in (read_sweep, resume_sweep):
        with pytest.raises(UserError) as caught:
            read(folder)
        assert str(caught.value).isprintable()
        for part in (str(folder), *parts):
            assert part in str(caught.value)
    assert snapshot(folder) == before


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cells = (*ENDED, ended(3, 2, end="crashed", run=None, trouble=LOST, first_lookup_s=None))
    swept = read_sweep(make_sweep(tmp_path, cells))
    assert swept.ended == cells
    assert swept.manifest.plan == plan_of()
    assert Grid(plan_of(), swept.ended).left == len(plan_of().cells) * 2 - len(cells)


def test_what_stays_in_the_file_is_read_again_whenever_it_is_asked_for(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    [stored, *_] = [one.run for one in read_sweep(folder, stored=True).ended]
    [whole, *_] = [one.run for one in read_sweep(folder).ended]
    assert stored is not None
    assert whole is not None
    assert (dict(stored), len(stored)) == (whole, len(whole))
    assert stored["reports"] is not stored["reports"]
    (folder / CELLS).write_bytes(b"{}\n")
    with pytest.raises(UserError, match="has changed while it was read; try again"):
        stored["reports"]


@pytest.mark.parametrize("tail", [b'{"at": "2026-', b"\x00\x00\n", b"[1, 2"])
def test_a_torn_last_line_is_left_out_and_cut_off_when_the_sweep_goes_on(tail: bytes, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    whole = (folder / CELLS).read_bytes()
    (folder / CELLS).write_bytes(whole + tail)
    swept = read_sweep(folder)
    assert (swept.ended, swept.sizes) == (ENDED, {CELLS: len(whole)})
    journal = Journal.reopen(SWEEP, swept, Lock(os.open(folder, os.O_RDONLY)), plan_of(), session())
    journal.add_line(CELLS, ended(*left_of(swept)))
    journal.close()
    again = read_sweep(folder)
    assert again.ended[:-1] == ENDED
    assert len(again.manifest.sessions) == 2


STRANGE: list[tuple[dict[str, Any], str]] = [
    ({"number": 99}, "a cell that the manifest does not have"),
    ({"repeat": 3}, "a cell that the manifest does not have"),
    ({"session": 1}, "a cell that the manifest does not have"),
    ({"run": None}, "does not fit its run"),
    ({"end": "crashed"}, "does not fit its run"),
]


def strange(changes: dict[str, Any]) -> bytes:
    """A line of a cell with other values, which no record would take."""
    return json.dumps({**to_json(ENDED[0]), **changes}).encode() + b"\n"


@pytest.mark.parametrize(("changes", "told"), STRANGE)
def test_a_line_that_does_not_belong_there_is_refused(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    (folder / CELLS).write_bytes(strange(changes))
    refused(folder, told)


def test_a_cell_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    refused(make_sweep(tmp_path, [ENDED[0], ENDED[0]]), "twice in repeat")


@pytest.mark.parametrize(("key", "value"), [("schema", 2), ("schema", 0), ("kind", "kstress soak"), ("status", "gone")])
def test_a_manifest_of_another_kind_or_a_newer_one_is_refused(key: str, value: object, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    edit(folder / MANIFEST, -1, lambda document: document.update({key: value}))
    refused(folder, "use a newer kstress" if value == 2 else MANIFEST)


def test_every_key_of_a_cell_must_be_there_and_no_other(tmp_path: Path) -> None:
    for number, name in enumerate([field.name for field in attrs.fields(CellResult) if field.default is attrs.NOTHING]):
        folder = make_sweep(tmp_path / str(number))
        first, *rest = (folder / CELLS).read_text().splitlines()
        line = {key: value for key, value in json.loads(first).items() if key != name}
        for wrong in (line, {**json.loads(first), "more": 1}):
            (folder / CELLS).write_text("\n".join([json.dumps(wrong), *rest, ""]))
            refused(folder, f"{CELLS}, line 1")


def test_a_sweep_from_before_there_were_workers_is_read(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    lines = [json.loads(line) for line in (folder / CELLS).read_text().splitlines()]
    (folder / CELLS).write_text("".join(json.dumps({**line, "worker": "w"}) + "\n" for line in lines))
    assert {one.worker for one in read_sweep(folder).ended} == {"w"}
    for line in lines:
        del line["worker"]
    (folder / CELLS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert {one.worker for one in read_sweep(folder).ended} == {None}


def other_cells(draw: st.DrawFn, good: bytes, file: str) -> Content:
    """Cells of another sweep, or of another campaign's."""
    if file == MANIFEST:
        return manifest_bytes(SWEEP, Manifest(1, "a test", "running", plan_of("lookup_name"), (session(),)))
    lines = good.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines)))
    others = [strange(changes) for changes, _ in STRANGE]
    return b"".join([*lines[:at], draw(st.sampled_from([*others, lines[0], encode(session())])), *lines[at:]])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run directories of a module's cases are, one after the other."""
    return tmp_path_factory.mktemp("cases")


def assert_true(swept: StoredSweep) -> None:
    """What was read is what is on the disk, no more and no less, but for a torn last line."""
    document = json.loads((swept.folder / MANIFEST).read_bytes())
    assert document == json.loads(manifest_bytes(SWEEP, swept.manifest))
    raw = (swept.folder / CELLS).read_bytes()
    assert b"".join(map(encode, swept.ended)).splitlines() == [
        json.dumps(json.loads(line), separators=(",", ":")).encode() for line in raw[: swept.sizes[CELLS]].splitlines()
    ]
    assert raw[swept.sizes[CELLS] :].count(b"\n") <= 1


@bounded(400)
@given(damage=damages(GOOD, [other_cells]))
def test_damage_is_refused_in_one_line_or_what_is_read_is_what_was_written(home: Path, damage: Damage) -> None:
    folder = put_down(home, damage.contents)
    before = snapshot(folder)
    try:
        swept = read_sweep(folder)
    except UserError as error:
        event(f"{damage.kind}: refused")
        assert str(error).isprintable()
        assert str(folder) in str(error)
        assert len(str(error)) < 1000
    else:
        event(f"{damage.kind}: read")
        assert_true(swept)
    assert snapshot(folder) == before


@bounded(200)
@given(damage=damages(GOOD, [other_cells]))
def test_what_is_damaged_is_refused_and_left_as_it_is_or_gone_on_with_and_shown(home: Path, damage: Damage) -> None:
    folder = put_down(home, damage.contents)
    before = snapshot(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stress.campaign.sweep.sweep.work_through", lambda pool, tasks: None)
        try:
            ending = resume_sweep(folder)
        except UserError as error:
            assert "another kstress" not in str(error), "the lock was kept"
            assert str(error).isprintable()
            assert snapshot(folder) == before
            return
    show_sweep(ending, Console(file=io.StringIO()))
    assert ending.swept.manifest.status in ("interrupted", "complete", "failed")
    assert [ending.failed, *ending.others] != []


@pytest.mark.parametrize("name", ["cpus", "noise", "readers_per_writer", "gap_s", "pace_s"])
def test_a_cell_that_no_machine_can_be_is_refused_before_any_runs(name: str, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    wrong = "7" if name == "noise" else 1e10 if name.endswith("_s") else 10**6
    edit(folder / MANIFEST, -1, lambda document: document["plan"]["cells"][-1].update({name: wrong}))
    refused(folder, MANIFEST)


NO_RUNS: list[tuple[str, object]] = [
    ("verdict", 7),
    ("as_expected", None),
    ("lookups", "many"),
    ("twin", 0),
    ("stop_machine", {}),
    ("reports", 1),
]


@pytest.mark.parametrize(("key", "value"), NO_RUNS)
def test_a_run_that_is_none_is_refused(key: str, value: object, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    edit(folder / CELLS, 1, lambda line: line["run"].update({key: value}))
    refused(folder, f"{CELLS}: the run of cell {ENDED[1].number}")


def test_a_full_disk_half_way_through_a_line_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path)

    def fsync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(JournalError, match=r"cannot write .*cells\.jsonl.*: No space left on device"):
        journal.add_line(CELLS, ended(3, 2))
    monkeypatch.undo()
    journal.close()
    assert read_sweep(journal.folder).ended == ENDED


@pytest.mark.parametrize("calls", [0, 1])
def test_a_run_directory_that_cannot_be_made_leaves_nothing(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[Path] = []

    def fsync(handle: int) -> None:
        writes.append(tmp_path)
        if len(writes) > calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match=r"^--results: cannot make a run directory in .*: No space left on device; "):
        Journal.create(KIND, tmp_path, plan_of(), session())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_of_one_process_at_a_time(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(UserError, match=r"^--resume: another kstress is writing to "):
        resume_sweep(journal.folder)
    journal.close()
