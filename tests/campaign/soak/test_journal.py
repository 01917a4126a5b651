"""Journals: each line is on the disk before it counts, what fails half way leaves whole lines, and size is bounded."""

import errno
import itertools
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest

from stress.campaign import folder as folders
from stress.campaign import journal as bases
from stress.campaign.folder import encode, lock_folder, make_folder
from stress.campaign.journal import JournalError
from stress.campaign.reading import MANIFEST
from stress.campaign.records import Session
from stress.campaign.soak import journal as journals
from stress.campaign.soak.journal import SoakJournal, thinned
from stress.campaign.soak.rundir import FINDINGS, KIND, SAMPLES, read_run
from stress.errors import UserError
from tests.campaign.damage import snapshot
from tests.campaign.soak.made import (
    FILES,
    FOUND,
    PAIR,
    SAMPLED,
    make_run,
    open_journal,
    plan_of,
    sample_at,
    samples_in,
    session_of,
    tally_at,
)
from tests.support import part_of

FULL = OSError(errno.ENOSPC, "No space left on device")
LATER = Session("2026-01-02T00:00:00Z", session_of().conditions)


def failing(calls: int) -> Callable[[int, bytes, int], int]:
    """An os.pwrite that takes five bytes at a time, and none from call number `calls` on: the disk is full."""
    numbers = itertools.count()
    write = os.pwrite

    def pwrite(handle: int, data: bytes, at: int) -> int:
        if next(numbers) >= calls:
            raise FULL
        return write(handle, data[:5], at)

    return pwrite


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of lines are written without waiting for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    run = read_run(folder)
    assert (run.samples, run.findings) == (SAMPLED, FOUND)
    assert (run.manifest.status, run.manifest.plan, run.manifest.sessions) == ("running", plan_of(), (session_of(),))
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_the_end_is_in_the_manifest_and_nowhere_else(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    before = snapshot(journal.folder)
    journal.end("interrupted")
    journal.close()
    assert read_run(journal.folder).manifest == attrs.evolve(journal.manifest, status="interrupted")
    assert {**snapshot(journal.folder), MANIFEST: before[MANIFEST]} == before


def test_each_line_is_synced_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(tmp_path, (), ())
    synced: list[tuple[str, int]] = []
    sync = os.fsync

    def fsync(handle: int) -> None:
        sync(handle)
        synced.append((Path(os.readlink(f"/proc/self/fd/{handle}")).name, os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    for sample in SAMPLED:
        journal.append(sample)
    for finding in FOUND:
        journal.keep(finding)
    sizes = [(SAMPLES, size) for size in itertools.accumulate(len(encode(one)) for one in SAMPLED)]
    sizes += [(FINDINGS, size) for size in itertools.accumulate(len(encode(one)) for one in FOUND)]
    assert synced == sizes
    journal.close()


def test_the_manifest_is_synced_before_it_takes_its_place_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path)
    synced: list[tuple[str, str]] = []

    def fsync(handle: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{handle}")).name
        synced.append((name, json.loads((journal.folder / MANIFEST).read_bytes())["status"]))

    monkeypatch.setattr(os, "fsync", fsync)
    journal.end("complete")
    journal.close()
    assert synced == [(f".{MANIFEST}.draft", "running"), (journal.folder.name, "complete")]


@pytest.mark.parametrize("calls", [0, 1, 7])
def test_a_full_disk_half_way_through_a_line_leaves_whole_lines_and_later_ones_can_follow(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path)
    before = snapshot(journal.folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", failing(calls))
        with pytest.raises(JournalError, match=r"^cannot write .*samples\.jsonl: No space left on device$"):
            journal.append(sample_at(9))
        patch.setattr(os, "pwrite", failing(calls))
        with pytest.raises(JournalError, match=r"^cannot write .*violations\.jsonl: No space left on device$"):
            journal.keep(FOUND[0])
    assert snapshot(journal.folder) == before
    journal.append(sample_at(10))
    journal.keep(FOUND[1])
    journal.close()
    run = read_run(journal.folder)
    assert run.samples == (*SAMPLED, sample_at(10))
    assert run.findings == (*FOUND, FOUND[1])


def test_a_line_that_goes_to_the_disk_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing(10**6))
    assert samples_in(make_run(tmp_path)) == SAMPLED


def test_a_line_that_cannot_be_synced_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(tmp_path)
    before = snapshot(journal.folder)

    def fsync(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(JournalError, match="Input/output error"):
            journal.append(sample_at(9))
        with pytest.raises(JournalError, match=r"manifest\.json: Input/output error"):
            journal.end("complete")
    assert snapshot(journal.folder) == before
    journal.close()


def test_a_full_disk_while_samples_are_thinned_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(tmp_path)
    journal.most_samples = len(SAMPLED) + 1

    def write_whole(path: Path, data: bytes) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(journals, "write_whole", write_whole)
        with pytest.raises(JournalError, match=r"samples\.jsonl: No space left"):
            journal.append(sample_at(9))
    assert samples_in(journal.folder) == (*SAMPLED, sample_at(9))
    journal.append(sample_at(10))
    journal.close()
    assert samples_in(journal.folder)[-1] == sample_at(10)


@pytest.mark.parametrize("counts", [(1, 0), (2, 0), (9, 0), (10, 1), (7, 8), (50, 3)])
def test_thinning_keeps_the_last_of_each_scenario_the_order_and_no_more_than_it_may(counts: tuple[int, int]) -> None:
    names = [PAIR[0]] * counts[0] + [PAIR[1]] * counts[1]
    names = names[::2] + names[1::2]
    lines = [encode(sample_at(second, name)) for second, name in enumerate(names)]
    kept = thinned(lines, 8)
    places = [lines.index(line) for line in kept]
    assert places == sorted(set(places))
    assert len(kept) <= 8
    for name, count in zip(PAIR, counts, strict=True):
        mine = [place for place, one in enumerate(names) if one == name]
        assert not count or mine[-1] in places


def test_thinning_again_and_again_keeps_the_whole_time_in_the_same_detail() -> None:
    lines: list[bytes] = []
    for second in range(1, 2001):
        lines.append(encode(sample_at(second)))
        if len(lines) == 64:
            lines = thinned(lines, 32)
    times = [json.loads(line)["standing"]["elapsed_s"] for line in lines]
    gaps = [later - earlier for earlier, later in itertools.pairwise([0, *times])]
    assert times[-1] == 2000
    assert max(gaps) <= 4 * 2000 / 32


@pytest.mark.usefixtures("no_sync")
def test_the_file_stays_below_its_bound_and_the_last_of_each_scenario_in_it_however_many_come(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, (), ())
    journal.most_samples = 64
    path, tally = journal.folder / SAMPLES, tally_at(1)
    rare, last, most = sample_at(1), sample_at(2, PAIR[1]), 0
    journal.append(rare)
    for second in range(2, part_of(10_000) + 1):
        last = sample_at(second, PAIR[1], tally=tally)
        journal.append(last)
        most = max(most, path.stat().st_size)
    journal.close()
    samples = samples_in(journal.folder)
    assert most <= len(encode(rare)) + 63 * len(encode(last))
    assert 8 <= len(samples) < 64
    assert rare in samples
    assert samples[-1] == last
    times = [sample.standing.elapsed_s for sample in samples]
    assert times == sorted(set(times))


@pytest.mark.usefixtures("no_sync")
def test_lines_that_follow_a_thinning_are_in_the_file_that_took_the_place_of_the_old_one(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, (), ())
    journal.most_samples = 8
    for second in range(1, 11):
        journal.append(sample_at(second))
    journal.close()
    assert [sample.standing.slices for sample in samples_in(journal.folder)] == [3, 7, 8, 9, 10]


def test_a_directory_is_of_one_process_at_a_time(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(UserError, match=rf"^--resume: another kstress is writing to .*{journal.folder.name}; end it"):
        lock_folder(journal.folder)
    journal.close()
    lock_folder(journal.folder).close()


def test_what_is_no_directory_cannot_be_locked(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    os.mkfifo(tmp_path / "fifo")
    for path in (plain, tmp_path / "fifo", tmp_path / "nosuch", plain / "below"):
        with pytest.raises(UserError, match=r"^--resume: .* cannot be opened: .*; give a run directory$"):
            lock_folder(path)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_run_directory_appears_whole_or_not_at_all(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, write = itertools.count(), folders.write_whole

    def write_whole(path: Path, data: bytes) -> None:
        if next(numbers) == calls:
            path.write_bytes(data[:10])
            raise FULL
        write(path, data)

    monkeypatch.setattr(folders, "write_whole", write_whole)
    with pytest.raises(UserError, match=r"^--results: cannot make a run directory in .*: No space left on device; "):
        SoakJournal.create(KIND, tmp_path, plan_of(), session_of())
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert samples_in(make_run(tmp_path)) == SAMPLED


def test_a_run_directory_has_its_name_only_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    write = folders.write_whole

    def write_whole(path: Path, data: bytes) -> None:
        write(path, data)
        seen.append([found.name for found in tmp_path.glob("soak-*")])

    monkeypatch.setattr(folders, "write_whole", write_whole)
    journal = SoakJournal.create(KIND, tmp_path, plan_of(), session_of())
    journal.close()
    assert seen == [[], [], []]
    assert [found.name for found in tmp_path.iterdir()] == [journal.folder.name]


def test_a_place_where_no_directory_can_be_made_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain\nfile"
    plain.write_text("")
    for results in (plain, plain / "below", Path("/proc/nosuch")):
        with pytest.raises(UserError, match=r"^--results: .*; name a folder that you may write in$") as caught:
            SoakJournal.create(KIND, results, plan_of(), session_of())
        assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == [plain]


def test_directories_of_the_same_second_are_all_there(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            folder for folder, _ in pool.map(lambda at: make_folder(tmp_path, "soak", {"at": b"%d" % at}), range(40))
        ]
    assert len(set(made)) == 40
    assert [(folder / "at").read_bytes() for folder in made] == [b"%d" % at for at in range(40)]
    assert sorted(tmp_path.iterdir()) == sorted(made), "no draft is left"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    assert samples_in(make_run(tmp_path / "a" / "b")) == SAMPLED


@pytest.mark.parametrize("tail", [b"", b'{"at": "2026-', bytes(700), bytes(5) + b"\n", b'broken, {"brok'])
def test_a_torn_tail_is_cut_off_when_a_soak_goes_on_and_nothing_else_is(tail: bytes, tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    before = snapshot(folder)
    for name in (SAMPLES, FINDINGS):
        with (folder / name).open("ab") as file:
            file.write(tail)
    lock, other = lock_folder(folder), attrs.evolve(plan_of(), duration_s=120.0)
    run = read_run(folder)
    journal = SoakJournal.reopen("soak", run, lock, other, LATER)
    after = snapshot(folder)
    assert {**after, MANIFEST: before[MANIFEST]} == before
    journal.append(sample_at(9, tally=SAMPLED[0].standing.tally))
    journal.close()
    again = read_run(folder)
    assert again.samples == (*SAMPLED, sample_at(9, tally=SAMPLED[0].standing.tally))
    assert again.findings == FOUND
    assert again.manifest == attrs.evolve(run.manifest, plan=other, sessions=(session_of(), LATER))


def test_a_soak_that_goes_on_runs_again_whatever_its_status_was(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.end("complete")
    journal.close()
    SoakJournal.reopen("soak", read_run(journal.folder), lock_folder(journal.folder), plan_of(), LATER).close()
    assert read_run(journal.folder).manifest.status == "running"


def test_what_was_written_before_counts_for_the_bound_when_a_soak_goes_on(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    journal = SoakJournal.reopen("soak", read_run(folder), lock_folder(folder), plan_of(), LATER)
    journal.most_samples = len(SAMPLED) + 1
    journal.append(sample_at(9))
    journal.close()
    assert len(samples_in(folder)) < len(SAMPLED)


def test_a_directory_that_cannot_be_written_to_any_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path)
    run, lock, before = read_run(folder), lock_folder(folder), snapshot(folder)

    def write_whole(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(bases, "write_whole", write_whole)
    with pytest.raises(UserError, match=r"^--resume: cannot write to .*: Read-only file system; make it writable$"):
        SoakJournal.reopen("soak", run, lock, plan_of(), LATER)
    lock.close()
    assert snapshot(folder) == before
