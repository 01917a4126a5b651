"""Whoever resumes a run directory writes in it alone: through no link, and no other name of a file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stress.campaign.folder import lock_folder
from stress.campaign.journal import Journal, JournalError
from stress.campaign.reading import MANIFEST
from stress.campaign.soak.journal import SoakJournal
from stress.campaign.soak.rundir import FINDINGS, SAMPLES, read_run
from stress.campaign.sweep.sweepdir import CELLS, read_sweep
from stress.errors import UserError
from tests.campaign.soak.made import make_run, plan_of, sample_at, session_of
from tests.campaign.sweep.made import ended, make_sweep
from tests.campaign.sweep.made import plan_of as plan_of_sweep

PRECIOUS = b"what a stranger wants to have lost\n"


def reopened_soak(folder: Path) -> SoakJournal:
    """A soak that goes on."""
    return SoakJournal.reopen("soak", read_run(folder), lock_folder(folder), plan_of(), session_of())


def reopened_sweep(folder: Path) -> Journal:
    """A sweep that goes on."""
    return Journal.reopen("sweep", read_sweep(folder), lock_folder(folder), plan_of_sweep(), session_of())


Make = Callable[[Path], Path]
Reopen = Callable[[Path], Journal]
KINDS: list[tuple[Make, Reopen, str]] = [
    (make_run, reopened_soak, SAMPLES),
    (make_run, reopened_soak, FINDINGS),
    (make_sweep, reopened_sweep, CELLS),
]


@pytest.mark.parametrize(("make", "reopen", "name"), KINDS)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_of_lines_that_is_a_link_is_refused_and_what_it_leads_to_stays(
    make: Make, reopen: Reopen, name: str, link: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    folder, elsewhere = make(tmp_path), tmp_path / "elsewhere"
    (folder / name).rename(elsewhere)
    with elsewhere.open("ab") as file:
        file.write(b'{"torn')
    before = elsewhere.read_bytes()
    link(elsewhere, folder / name)
    with pytest.raises(UserError, match=r"^--resume: cannot write to .*: it is a (hard )?link.*; make it writable$"):
        reopen(folder)
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize(("make", "reopen"), [(make_run, reopened_soak), (make_sweep, reopened_sweep)])
@pytest.mark.parametrize("name", [MANIFEST, f".{MANIFEST}.draft"])
def test_a_link_in_place_of_the_manifest_or_its_draft_is_replaced_and_what_it_leads_to_stays(
    make: Make, reopen: Reopen, name: str, tmp_path: Path
) -> None:
    folder, elsewhere = make(tmp_path), tmp_path / "elsewhere"
    content = (folder / MANIFEST).read_bytes() if name == MANIFEST else PRECIOUS
    elsewhere.write_bytes(content)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(elsewhere)
    reopen(folder).close()
    assert elsewhere.read_bytes() == content
    assert sorted(path.name for path in folder.iterdir() if path.is_symlink() or path.name.startswith(".")) == []


def test_thinning_writes_through_no_link(tmp_path: Path) -> None:
    journal, elsewhere = reopened_soak(make_run(tmp_path)), tmp_path / "elsewhere"
    elsewhere.write_bytes(PRECIOUS)
    (journal.folder / f".{SAMPLES}.draft").symlink_to(elsewhere)
    journal.most_samples = 4
    journal.append(sample_at(9))
    journal.close()
    assert elsewhere.read_bytes() == PRECIOUS
    assert not (journal.folder / SAMPLES).is_symlink()


def removed(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replaced(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def linked(path: Path) -> None:
    moved(path)
    path.symlink_to(path.with_name("elsewhere"))


def moved_whole(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


LOSSES = [removed, moved, replaced, linked, moved_whole]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_sweeps_cells_that_are_not_where_they_were_are_told_at_the_next(
    lose: Callable[[Path], None], tmp_path: Path
) -> None:
    journal = reopened_sweep(make_sweep(tmp_path, []))
    journal.add_line(CELLS, ended(0))
    lose(journal.folder / CELLS)
    with pytest.raises(JournalError, match=r"^cannot write .*cells\.jsonl: it was removed, moved or replaced while"):
        journal.add_line(CELLS, ended(1))
    journal.close()


@pytest.mark.parametrize("name", [SAMPLES, FINDINGS])
@pytest.mark.parametrize("lose", LOSSES)
def test_a_journal_that_is_not_where_it_was_is_told_at_the_end_at_last(
    lose: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    journal = reopened_soak(make_run(tmp_path))
    lose(journal.folder / name)
    with pytest.raises(JournalError, match=r"^cannot write .*: it was removed, moved or replaced while"):
        journal.end("complete")
    journal.close()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n")


CHANGES = [emptied, cut, grown]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_another_program_has_changed_takes_no_more_lines(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    journal = reopened_sweep(make_sweep(tmp_path, []))
    journal.add_line(CELLS, ended(0))
    change(journal.folder / CELLS)
    left = (journal.folder / CELLS).read_bytes()
    with pytest.raises(JournalError, match=r"^cannot write .*cells\.jsonl: another program changed it while"):
        journal.add_line(CELLS, ended(1))
    journal.close()
    assert (journal.folder / CELLS).read_bytes() == left


@pytest.mark.parametrize("change", CHANGES)
def test_a_journal_that_another_program_has_changed_is_told_at_the_end_at_last(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    journal = reopened_soak(make_run(tmp_path))
    change(journal.folder / SAMPLES)
    with pytest.raises(JournalError, match=r"^cannot write .*samples\.jsonl: another program changed it while"):
        journal.end("complete")
    journal.close()


@pytest.mark.parametrize("name", [SAMPLES, FINDINGS])
def test_a_manifest_is_not_put_into_a_directory_that_took_the_place_of_the_one_that_is_open(
    name: str, tmp_path: Path
) -> None:
    journal = reopened_soak(make_run(tmp_path))
    moved_whole(journal.folder / MANIFEST)
    journal.folder.mkdir()
    with pytest.raises(JournalError, match=r"manifest\.json: it was removed, moved or replaced"):
        journal.join(session_of())
    assert list(journal.folder.iterdir()) == []
    journal.close()
