"""Where locks are: nobody else's files can block or break them, and no environment leads a user's runs apart."""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stress.host import cores, lock_folder, system
from stress.host.lock_folder import NAMED, NoFolderError, open_folder, open_own, places

NOBODY = 65534


def path_of(handle: int) -> Path:
    """The folder of a handle, which is closed."""
    try:
        return Path(f"/proc/self/fd/{handle}").readlink()
    finally:
        os.close(handle)


@pytest.fixture
def unnamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who names no folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.setattr(lock_folder, "home", lambda user: home)
    return home


def test_the_folder_is_made_in_the_users_home_for_nobody_else(unnamed: Path) -> None:
    place = path_of(open_folder())
    assert place.is_relative_to(unnamed)
    assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("variable", ["HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"])
def test_no_variable_but_ours_leads_elsewhere(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAMED, raising=False)
    before = list(places())
    monkeypatch.setenv(variable, str(tmp_path))
    assert list(places()) == before
    monkeypatch.delenv(variable)
    assert list(places()) == before
    assert before[0][0] == Path(pwd.getpwuid(os.getuid()).pw_dir)


def writable(place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


def linked(place: Path) -> None:
    (place.parent / "other").mkdir(0o700)
    place.symlink_to(place.parent / "other")


def a_file(place: Path) -> None:
    place.touch()


def missing(place: Path) -> None:
    place.parent.rmdir()


@pytest.mark.parametrize("make", [writable, linked, a_file, missing])
def test_a_folder_that_is_not_ours_alone_is_told_and_the_run_goes_on(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "base" / "locks"
    place.parent.mkdir()
    make(place)
    monkeypatch.setenv(NAMED, str(place))
    monkeypatch.setattr(cores, "_unlocked", set())
    told: list[str] = []
    for _ in range(2):
        with cores.having_cores(pytest.fail, told.append) as shared:
            assert shared is None
    [only] = told
    assert only.startswith(f"may share its cores with other stress runs: no folder for locks ({NAMED}={place}: ")
    assert not list((tmp_path / "base").glob("*/*"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give folders away")
def test_a_folder_of_another_user_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir(0o700)
    os.chown(tmp_path / "locks", NOBODY, NOBODY)
    with pytest.raises(PermissionError, match=f"it belongs to user {NOBODY}$"):
        open_own(tmp_path, ("locks",))


def test_the_next_place_is_taken_where_the_first_cannot_be_had(
    unnamed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = places()
    (unnamed / ".cache").touch()
    monkeypatch.setattr(lock_folder, "places", lambda: iter([first, (tmp_path, ("second",))]))
    assert path_of(open_folder()) == tmp_path / "second"


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        open_own(tmp_path / "home", ("locks",))
    assert not (tmp_path / "home").exists()


def test_a_user_without_an_entry_has_places_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert [str(base) for base, _ in places()] == ["/run/user/3999999999", "/tmp"]


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, str(tmp_path))
    monkeypatch.setattr(cores, "_unlocked", set())
    (tmp_path / cores.lock_name(cores.cores()[-1])).symlink_to(tmp_path / "other")
    told: list[str] = []
    with cores.having_cores(pytest.fail, told.append):
        pass
    assert len(told) == 1
    assert not (tmp_path / "other").exists()


def test_nothing_to_be_had_is_told_with_every_place_and_what_to_do(
    unnamed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_folder, "places", lambda: iter([(tmp_path / name, ("x",)) for name in "ab"]))
    with pytest.raises(NoFolderError) as error:
        open_folder()
    assert str(error.value).startswith("no folder for locks (")
    assert str(error.value).endswith(f"); set {NAMED} to a folder of your own")
    assert str(error.value).count("No such file") == 2


def test_the_session_of_these_tests_has_locks_of_its_own() -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import os; print(os.environ['{NAMED}'])"], capture_output=True, text=True, check=True
    )
    assert Path(told.stdout.strip()) == Path(os.environ[NAMED])
    assert system.offers("locks")
