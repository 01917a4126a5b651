"""A sweep's run directory: read as it was written, but for a torn last line; damage is refused in a line."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.folder import JournalError
from stress.campaign.reading import MANIFEST
from stress.campaign.sweep import ledger as ledgers
from stress.campaign.sweep.ledger import reopen
from stress.campaign.sweep.records import Ended
from stress.campaign.sweep.sweep import resume_sweep
from stress.campaign.sweep.sweepdir import CELLS, read_sweep
from stress.errors import UserError
from tests.campaign.sweep.made import ENDED, LOST, PAIR, ended, make_sweep, open_ledger, plan_of, session
from tests.support import bounded


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a directory."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    assert len(list(swept.left())) == len(plan_of().cells) * 2 - len(cells)
    assert not {(one.number, one.repeat) for one in cells} & set(swept.left())
    assert swept.values_of(cells[-1]) == plan_of().cells[3]


@pytest.mark.parametrize("tail", [b'{"at": "2026-', b"\x00\x00\n", b"[1, 2"])
def test_a_torn_last_line_is_left_out_and_cut_off_when_the_sweep_goes_on(tail: bytes, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    whole = (folder / CELLS).read_bytes()
    (folder / CELLS).write_bytes(whole + tail)
    swept = read_sweep(folder)
    assert (swept.ended, swept.size) == (ENDED, len(whole))
    ledger = reopen(swept, os.open(folder, os.O_RDONLY), session())
    ledger.append(ended(*next(swept.left())))
    ledger.close()
    again = read_sweep(folder)
    assert again.ended[:-1] == ENDED
    assert len(again.manifest.sessions) == 2


STRANGE: list[tuple[dict[str, Any], str]] = [
    ({"number": 99}, "a cell that the manifest does not have"),
    ({"repeat": 3}, "a cell that the manifest does not have"),
    ({"session": 1}, "a cell that the manifest does not have"),
    ({"run": None}, "which does not fit its run"),
    ({"end": "crashed"}, "which does not fit its run"),
]


@pytest.mark.parametrize(("changes", "told"), STRANGE)
def test_a_line_that_does_not_belong_there_is_refused(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    refused(make_sweep(tmp_path, [attrs.evolve(ENDED[0], **changes)]), told)


def test_a_cell_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    refused(make_sweep(tmp_path, [ENDED[0], ENDED[0]]), "twice in repeat")


@pytest.mark.parametrize(("key", "value"), [("schema", 2), ("schema", 0), ("kind", "kstress soak"), ("status", "gone")])
def test_a_manifest_of_another_kind_or_a_newer_one_is_refused(key: str, value: object, tmp_path: Path) -> None:
    folder = make_sweep(tmp_path)
    document = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**document, key: value}))
    refused(folder, "use a newer kstress" if value == 2 else MANIFEST)


def test_every_key_of_a_cell_must_be_there_and_no_other(tmp_path: Path) -> None:
    for number, name in enumerate([field.name for field in attrs.fields(Ended)]):
        folder = make_sweep(tmp_path / str(number))
        first, *rest = (folder / CELLS).read_text().splitlines()
        line = {key: value for key, value in json.loads(first).items() if key != name}
        for wrong in (line, {**json.loads(first), "more": 1}):
            (folder / CELLS).write_text("\n".join([json.dumps(wrong), *rest, ""]))
            refused(folder, f"{CELLS}, line 1")


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, bytes | None]:
    """A file of a good directory, and what is in it after a mishap; None if it is gone."""
    name = draw(st.sampled_from([MANIFEST, CELLS]))
    good = GOOD[name]
    at = draw(st.integers(0, len(good) - 1))
    damaged = [
        good[:at],
        good[:at] + bytes([draw(st.integers(0, 255))]) + good[at + 1 :],
        good[:at] + bytes(len(good) - at),
        good[:at] + draw(st.binary(max_size=20)) + good[at:],
        draw(st.binary(max_size=60)),
        None,
    ]
    return name, draw(st.sampled_from(damaged))


def make_good(folder: Path) -> dict[str, bytes]:
    """The files of a good directory."""
    return snapshot(make_sweep(folder))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where damaged directories lie."""
    home = tmp_path_factory.mktemp("damaged")
    GOOD.update(make_good(home / "good"))
    return home


GOOD: dict[str, bytes] = {}


@pytest.mark.usefixtures("home")
def test_damage_is_refused_in_a_line_or_what_is_read_is_a_sweep(home: Path) -> None:
    @bounded(250)
    @given(damages())
    def check(damage: tuple[str, bytes | None]) -> None:
        name, data = damage
        folder = home / "one"
        folder.mkdir(exist_ok=True)
        for file, good in GOOD.items():
            (folder / file).write_bytes(good)
        (folder / name).unlink() if data is None else (folder / name).write_bytes(data)
        try:
            swept = read_sweep(folder)
        except UserError as error:
            assert str(error).isprintable()
            assert str(folder) in str(error)
        else:
            assert len(swept.ended) <= len(ENDED)
            assert {values.scenario for values in swept.manifest.plan.cells} <= set(PAIR) or name == MANIFEST

    check()


def test_a_full_disk_half_way_through_a_line_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(tmp_path)

    def fsync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(JournalError, match=r"cannot write .*cells\.jsonl.*: No space left on device"):
        ledger.append(ended(3, 2))
    monkeypatch.undo()
    ledger.close()
    assert read_sweep(ledger.folder).ended == ENDED


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
        ledgers.create(tmp_path, plan_of(), session())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_of_one_process_at_a_time(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with pytest.raises(UserError, match=r"^--resume: another kstress is writing to "):
        resume_sweep(ledger.folder)
    ledger.close()
