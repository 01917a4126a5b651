"""Compiled programs are kept where only this user can write, and loaded only as they were kept."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from stress.machine.native import keeping
from stress.machine.native.keeping import find_root, keep, kept, throw_away


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place outside of the test's folder."""
    monkeypatch.delenv("KSTRESS_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


CODE = b"machine code"


def file_in(root: Path, code: bytes = CODE) -> Path:
    """A program's file."""
    keep(root / "program.code", code)
    return root / "program.code"


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


def test_what_is_made_is_the_users_alone() -> None:
    before = os.umask(0)
    try:
        root, _ = find_root()
        assert root
        path = file_in(root)
    finally:
        os.umask(before)
    for made in (root, path):
        assert not stat.S_IMODE(made.stat().st_mode) & 0o022, made
    assert kept(path) == (CODE, "")


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


def test_every_flipped_bit_is_noticed(root: Path) -> None:
    path = file_in(root)
    good = path.read_bytes()
    for bit in range(8 * len(good)):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert kept(path) == (None, "its content is damaged")
    path.write_bytes(good)
    assert kept(path) == (CODE, "")


@pytest.mark.parametrize("length", [0, 1, 31, 32, 40])
def test_a_file_that_was_cut_is_noticed(length: int, root: Path) -> None:
    path = file_in(root)
    path.write_bytes(path.read_bytes()[:length])
    assert kept(path) == (None, "its content is damaged")


def test_what_others_can_write_or_is_no_plain_file_is_not_loaded(root: Path, tmp_path: Path) -> None:
    path = file_in(root)
    path.chmod(0o666)
    assert kept(path) == (None, "others can write it (mode 666)")
    path.chmod(0o600)
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    assert kept(path) == (None, "No such file or directory")
    path.symlink_to(tmp_path / "elsewhere")
    assert kept(path) == (None, "it is a link")
    path.unlink()
    os.mkfifo(path)
    assert kept(path)[0] is None


def test_what_is_kept_replaces_what_was_there_in_one_step_and_leaves_no_draft(root: Path) -> None:
    (root / "program.code").symlink_to(root / "nowhere")
    assert kept(file_in(root)) == (CODE, "")
    assert kept(file_in(root, b"of another")) == (b"of another", "")
    assert list(root.iterdir()) == [root / "program.code"]


def test_what_was_thrown_away_can_be_kept_again(root: Path) -> None:
    throw_away(file_in(root, b"bad"))
    assert list(root.iterdir()) == []
    throw_away(root / "nothing")
    assert kept(file_in(root)) == (CODE, "")


def test_code_is_not_loaded_under_another_name(root: Path) -> None:
    path = file_in(root).rename(root / "other.code")
    assert kept(path) == (None, "its content is damaged")


@pytest.mark.native
def test_a_folder_in_place_of_a_file_is_deleted_if_it_is_empty_and_else_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stress.machine.native.engine import kept_code

    path, full = root / "program.code", root / "full.code"
    for folder in (path, full / "of something"):
        folder.mkdir(parents=True)
    assert (kept_code(path), kept_code(full)) == (None, None)
    assert list(root.iterdir()) == [full]
    assert (full / "of something").is_dir()
    deleted, named = capsys.readouterr().err.splitlines()
    assert deleted.startswith(f"kstress: compiled code in {path} is deleted and compiled again: it")
    what = "is in the way of compiled code, and cannot be deleted: Directory not empty; remove it"
    assert named == f"kstress: {full} {what}"


@pytest.mark.native
@pytest.mark.parametrize("content", [b"planted", b"", hashlib.sha256(b"planted").digest() + b"planted"])
def test_what_was_not_kept_here_is_deleted_with_a_line_and_not_run(
    content: bytes, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stress.machine.native.engine import kept_code

    path = root / "program.code"
    path.write_bytes(content)
    path.chmod(0o600)
    assert kept_code(path) is None
    assert not path.exists()
    assert f"compiled code in {path} is deleted and compiled again: it" in capsys.readouterr().err
