"""`kstress explore --resume`: what was explored in two parts is what is explored in one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.frontdoor.command import called

SAME = ("schedules", "distinct", "accesses", "shown", "found", "verdict", "exhausted", "strategy", "seed")
EXPLORE = ("explore", "linked_list:none", "linked_list:rcu", "--engine", "python", "--seed", "1")


def explored(file: Path) -> list[dict[str, Any]]:
    """What a file has, without times."""
    found = json.loads(file.read_text())["explorations"]
    for one in found:
        for find in one["found"]:
            del find["seconds"]
    return [{name: one[name] for name in SAME} for one in found]


def kept(folder: Path, *arguments: str) -> Path:
    """The file of an exploration."""
    done = called(*EXPLORE, *arguments, "--results", str(folder))
    assert done.returncode in (0, 3), done.stderr
    [file] = folder.glob("*.json")
    return file


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("once"), "--schedules", "20")


@pytest.fixture
def half(once: Path, tmp_path: Path) -> Path:
    """A copy of a file that was kept, and of what lies beside it."""
    return Path(shutil.copytree(once.parent, tmp_path / "half")) / once.name


@pytest.mark.parametrize(
    ("strategy", "first", "second"),
    [("mixed", 25, 60), ("depth-first", 25, 60), ("mixed", 51, 53)],  # the last begins with SURW, after POS
)
def test_two_parts_are_the_same_as_one(strategy: str, first: int, second: int, tmp_path: Path) -> None:
    whole = kept(tmp_path / "whole", "--schedules", str(second), "--strategy", strategy)
    half = kept(tmp_path / "half", "--schedules", str(first), "--strategy", strategy)
    done = called("explore", "--resume", str(half), "--schedules", str(second))
    assert done.returncode in (0, 3), done.stderr
    assert f"{second} schedules" in done.stdout
    assert explored(half) == explored(whole)


def test_a_scenario_that_was_not_begun_is_explored_too(half: Path) -> None:
    document = json.loads(half.read_text())
    del document["explorations"][1]
    half.write_text(json.dumps(document))
    called("explore", "--resume", str(half))
    assert [one["schedules"] for one in explored(half)] == [20, 20]


def test_without_more_to_do_it_says_so_and_shows_what_there_is(half: Path) -> None:
    before = explored(half)
    done = called("explore", "--resume", str(half))
    assert "nothing was left to explore" in done.stderr
    assert explored(half) == before


def test_without_the_fingerprints_it_goes_on(half: Path) -> None:
    half.with_suffix(".seen").unlink()
    called("explore", "--resume", str(half), "--schedules", "40")
    first = explored(half)[0]
    assert first["schedules"] == 40
    assert 0 < first["distinct"] <= 20


@pytest.mark.parametrize("left", [None, 8])
def test_fingerprints_that_are_missing_are_told_in_one_line(left: int | None, half: Path) -> None:
    seen = half.with_suffix(".seen")
    assert ".seen" not in called("explore", "--resume", str(half)).stderr
    content = seen.read_bytes()
    seen.unlink()
    if left is not None:
        seen.write_bytes(content[:left])
    told = [line for line in called("explore", "--resume", str(half)).stderr.splitlines() if ".seen" in line]
    assert len(told) == 1
    assert "is missing, or not whole: distinct schedules that it lacks count anew" in told[0]


@pytest.mark.parametrize("digest", ["00000000", None])
def test_another_twin_is_refused_and_one_of_which_an_earlier_version_wrote_nothing_is_not(
    digest: str | None, half: Path
) -> None:
    document = json.loads(half.read_text())
    standing = document["explorations"][1]["standing"]
    assert standing.pop("twin_digest")
    if digest:
        standing["twin_digest"] = digest
    half.write_text(json.dumps(document))
    done = called("explore", "--resume", str(half), "--schedules", "21")
    refused = "the twin of linked_list:rcu has changed since; explore it from the start" in done.stderr
    assert (refused, done.returncode == 2) == (bool(digest), bool(digest))


def test_fingerprints_of_a_process_that_was_killed_between_two_files_are_those_of_their_scenarios(
    half: Path, tmp_path: Path
) -> None:
    before = half.read_bytes()
    called("explore", "--resume", str(half), "--schedules", "35")
    half.write_bytes(before)
    called("explore", "--resume", str(half), "--schedules", "45")
    assert explored(half) == explored(kept(tmp_path / "whole", "--schedules", "45"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "another version of kstress"),
        ({"plan": None}, "is not a plan"),
        ({"plan": {"search": {}, "scenarios": []}}, "is not a plan"),
        ({"explorations": None}, "no explorations to go on with"),
        ({"explorations": [1]}, "cannot be gone on with"),
        ({"explorations": [{"scenario": "x", "standing": {}, "distinct": 1, "found": 1}]}, "cannot be gone on with"),
        ({"explorations": [{"scenario": "x", "standing": {}, "distinct": 1, "found": [1]}]}, "what was found"),
        ({"explorations": [{"scenario": "x", "standing": {}, "distinct": 1, "found": []}]}, "is not a standing"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_in_one_line(half: Path, change: dict[str, Any], told: str) -> None:
    half.write_text(json.dumps(json.loads(half.read_text()) | change))
    refused(told, "explore", "--resume", str(half))


def test_other_code_is_not_gone_on_with(half: Path) -> None:
    half.write_text(
        half.read_text().replace(json.loads(half.read_text())["explorations"][0]["standing"]["digests"][1], "00000000")
    )
    refused("has changed since", "explore", "--resume", str(half))


@pytest.mark.parametrize(
    ("what", "value"), [("state", [1]), ("path", [0] * 100_000), ("schedules", -1), ("seconds", "long"), ("shown", [])]
)
def test_a_standing_that_cannot_be_is_refused(half: Path, what: str, value: object) -> None:
    document = json.loads(half.read_text())
    document["explorations"][0]["standing"]["mine"][what] = value
    half.write_text(json.dumps(document))
    refused("is not a standing", "explore", "--resume", str(half))


@pytest.mark.parametrize(("old", "new"), [("~c2.", "~c9."), ("ks1~", "ks9~")])
def test_a_token_that_is_not_its_own_is_refused(half: Path, old: str, new: str) -> None:
    half.write_text(half.read_text().replace(old, new))
    refused("--resume: ", "explore", "--resume", str(half))


@pytest.mark.parametrize(
    "more",
    [("--seed", "1"), ("linked_list:none",), ("--results", "x"), ("--protocol", "rcu"), ("--stop-on-violation",)],
)
def test_what_the_file_decides_is_refused_beside_it(half: Path, more: tuple[str, ...]) -> None:
    refused("has no place beside --resume", "explore", "--resume", str(half), *more)


def refused(told: str, *arguments: str) -> None:
    """A command is refused in one line that says so."""
    done = called(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") <= 2  # one may be the note of the engine
