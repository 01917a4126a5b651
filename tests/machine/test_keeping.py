"""Compiled programs are kept where only this user can write, and loaded only as they were kept."""

import os
import pickle
import stat
import time
from pathlib import Path

import pytest

from stress.machine.native import keeping
from stress.machine.native.keeping import DRAFT, SUMS, draft_in, fault_of_kept, find_root, keep, throw_away


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place outside of the test's folder."""
    monkeypatch.delenv("KSTRESS_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def kept(root: Path, name: str = "program", data: bytes = b"machine code") -> Path:
    """A program's folder with an index and data in a folder of numba's."""
    with draft_in(root) as draft:
        (draft / "inner").mkdir()
        (draft / "inner" / "program.nbi").write_bytes(b"index")
        (draft / "inner" / "program.1.nbc").write_bytes(data)
        keep(draft, root / name)
    return root / name


def test_the_chosen_place_comes_first_then_the_caches_then_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSTRESS_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for path in (tmp_path / "mine", tmp_path / "xdg" / "kstress", tmp_path / "home" / ".cache" / "kstress"):
        found, passed = find_root()
        assert found == path
        assert all("it is a link" in line for line in passed)
        path.rmdir()
        path.symlink_to(tmp_path)
    found, passed = find_root()
    assert found == tmp_path / f"kstress-{os.geteuid()}-compiled"
    assert [line.split(":")[0] for line in passed] == ["KSTRESS_CACHE_DIR", "XDG_CACHE_HOME", "HOME"]


def test_a_folder_that_is_made_is_the_users_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        root, _ = find_root()
        assert root
        folder = kept(root)
    finally:
        os.umask(before)
    for path in (root, folder, *folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o022, path
    assert fault_of_kept(folder) is None


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o1777])
def test_a_folder_that_others_can_write_is_passed_over_sticky_or_not(mode: int, tmp_path: Path) -> None:
    place = tmp_path / "home" / ".cache" / "kstress"
    place.mkdir(parents=True)
    place.chmod(mode)
    found, [line] = find_root()
    assert found != place
    assert line == (
        f"HOME: compiled code is not kept in {place}: others can write it (mode {mode:o}); name a folder of your own"
    )


def test_a_folder_of_somebody_else_is_passed_over_and_if_all_are_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    found, passed = find_root()
    assert found is None
    assert f"it belongs to user {user}" in passed[0]
    assert passed[-1] == "compiled code is not kept, so every process compiles it again"


@pytest.mark.parametrize("chosen", ["/dev/null/no", "a\0b", "x" * 300])
def test_a_place_that_cannot_be_is_one_line(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "places", lambda: iter([("KSTRESS_CACHE_DIR", Path(chosen))]))
    found, passed = find_root()
    assert found is None
    assert passed[0].startswith("KSTRESS_CACHE_DIR: compiled code is not kept in ")
    assert "\n" not in passed[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found, passed = find_root()
    assert found
    assert passed == []
    return found


@pytest.mark.parametrize("name", ["inner/program.nbi", "inner/program.1.nbc"])
def test_every_flipped_bit_is_noticed(name: str, root: Path) -> None:
    path = kept(root) / name
    good = path.read_bytes()
    for bit in range(8 * len(good)):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert fault_of_kept(root / "program") == "its content is damaged"
    path.write_bytes(good)
    assert fault_of_kept(root / "program") is None


def test_a_file_more_or_less_is_noticed(root: Path) -> None:
    folder = kept(root)
    (folder / "inner" / "planted.nbi").write_bytes(b"")
    assert fault_of_kept(folder) == "its content is damaged"
    (folder / "inner" / "planted.nbi").unlink()
    (folder / "inner" / "program.1.nbc").unlink()
    assert fault_of_kept(folder) == "its content is damaged"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_a_damaged_list_of_digests_is_noticed(damage: bytes, root: Path) -> None:
    folder = kept(root)
    (folder / SUMS).write_bytes(damage)
    assert fault_of_kept(folder) in ("its list of digests is damaged", "its content is damaged")
    (folder / SUMS).unlink()
    assert fault_of_kept(folder) == "No such file or directory"


@pytest.mark.parametrize("inner", ["", "inner", "inner/program.nbi", SUMS])
def test_what_others_can_write_is_not_loaded_wherever_it_is_in_the_folder(inner: str, root: Path) -> None:
    folder = kept(root)
    (folder / inner).chmod(0o777)
    assert fault_of_kept(folder) == "others can write it (mode 777)"


def test_of_two_that_keep_the_same_program_the_first_stays_and_is_whole(root: Path) -> None:
    kept(root, data=b"of one")
    folder = kept(root, data=b"of another")
    assert (folder / "inner" / "program.1.nbc").read_bytes() == b"of one"
    assert fault_of_kept(folder) is None
    assert list(root.iterdir()) == [folder]


def test_what_was_thrown_away_can_be_kept_again(root: Path) -> None:
    throw_away(kept(root, data=b"bad"))
    assert list(root.iterdir()) == []
    throw_away(root / "nothing")
    assert fault_of_kept(kept(root)) is None


def test_what_killed_processes_have_left_goes_after_a_day(root: Path) -> None:
    old, new = root / f"{DRAFT}old", root / f"{DRAFT}new"
    for path in (old, new):
        path.mkdir()
    os.utime(old, (0, time.time() - 2 * 86400))
    kept(root)
    assert sorted(root.iterdir()) == sorted([new, root / "program"])


class Planted:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.mark), "w")


@pytest.mark.parametrize("sealed", [False, True])
def test_a_planted_pickle_is_not_loaded(sealed: bool, root: Path, tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from stress.machine.native.engine import load_kept

    folder, mark = kept(root), tmp_path / "mark"
    for path in folder.rglob("*.nb?"):
        path.write_bytes(pickle.dumps(Planted(mark)))
    if not sealed:
        (folder / SUMS).unlink()
    assert load_kept(print, folder) is None
    assert not mark.exists()
    assert not folder.exists()
