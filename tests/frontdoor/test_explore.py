"""`kstress explore` and `kstress replay`: what they print and write, their exit codes, and what they refuse."""

import json
import re
from pathlib import Path

import pytest

from stress.scenario_files import catalogue
from tests.frontdoor.command import CHECKOUT, called, kstress

EXPLORE = ("explore", "linked_list:none", "--engine", "python", "--seed", "1", "--schedules", "40")
TOKEN = re.compile(r"ks1~\S+")


@pytest.fixture(scope="module")
def token() -> str:
    done = called(*EXPLORE, "--stop-on-violation")
    assert done.returncode == 0, done.stderr
    found = TOKEN.search(done.stdout)
    assert found
    return found[0]


def test_it_shows_what_was_found_and_how_to_replay_it(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    done = called(*EXPLORE, "--json", str(file), "--results", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    assert "linked_list:none: VIOLATED (as expected)" in done.stdout
    assert ">>" in done.stdout
    [exploration] = json.loads(file.read_text())["explorations"]
    assert exploration["verdict"] == "violated"
    assert exploration["schedules"] == 40
    assert exploration["found"][0]["token"] in done.stdout
    assert [path.read_text() for path in (tmp_path / "kept").glob("*.json")] == [file.read_text()]


def test_a_token_is_replayed_from_the_command_line_and_from_a_log(token: str, tmp_path: Path) -> None:
    done = called("replay", token, "--engine", "python")
    assert done.returncode == 0, done.stderr
    assert "linked_list:none: wild" in done.stdout
    assert "BUG: kstress: " in done.stdout
    log = tmp_path / "ci.log"
    log.write_text(f"some lines\n  found: {token}\n  again: '{token}'\n")
    again = called("replay", str(log), "--engine", "python")
    assert again.stdout == done.stdout


@pytest.mark.parametrize("name", ["modlist_spinlock", "linked_list:none"])
def test_in_another_process_nothing_has_changed(name: str) -> None:
    catalogue()  # each process has other words declared, and so other addresses
    done = called("explore", name, *EXPLORE[2:], "--stop-on-violation")
    again = kstress("replay", TOKEN.findall(done.stdout)[0], "--engine", "python")
    assert again.returncode == 0, again.stderr
    assert "changed" not in again.stdout


def test_a_replay_of_changed_code_says_so(token: str) -> None:
    version, name, world, digests, runs = token.split("~")
    other = "~".join((version, name, world, f"{'0' * 8}.{digests[9:]}", runs))
    done = called("replay", other, "--engine", "python")
    assert done.returncode == 0
    assert "the scenario's file has changed" in done.stdout


def test_a_replay_that_shows_nothing_where_something_is_expected_has_code_3(token: str) -> None:
    *head, _ = token.split("~")
    done = called("replay", "~".join((*head, "0_1")), "--engine", "python")
    assert done.returncode == 3
    assert "nothing forbidden, and no stall" in done.stdout


def test_a_scenario_that_holds_is_inconclusive_after_few_schedules() -> None:
    done = called("explore", "linked_list:rcu", "--engine", "python", "--schedules", "3", "--seed", "1")
    assert done.returncode == 3
    assert "none in all 3 schedules" in done.stdout


def test_it_looks_for_what_a_run_on_real_threads_has_reported(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    run = ("run", "linked_list:none", "--engine", "python", "--duration", "1s", "--seed", "1", "--json", str(file))
    assert called(*run).returncode == 0
    reported = {report["outcome"] for report in json.loads(file.read_text())["runs"][0]["reports"]}
    done = called("explore", "--like", str(file), "--engine", "python", "--duration", "20s", "--json", "-")
    [exploration] = json.loads(done.stdout)["explorations"]
    assert exploration["scenario"] == "linked_list:none"
    assert any(reported & set(found["shows"]) for found in exploration["found"])


def test_it_looks_for_what_another_exploration_has_found(tmp_path: Path) -> None:
    file = tmp_path / "explorations.json"
    found_there = ("explore", "linked_list:none", "--engine", "python", "--seed", "1", "--stop-on-violation")
    assert called(*found_there, "--json", str(file)).returncode == 0
    [first] = json.loads(file.read_text())["explorations"]
    done = called("explore", "--like", str(file), "--engine", "python", "--duration", "20s", "--json", "-")
    [exploration] = json.loads(done.stdout)["explorations"]
    wanted = {outcome for found in first["found"] for outcome in found["shows"]}
    assert any(wanted & set(found["shows"]) for found in exploration["found"])


def test_what_a_file_reports_is_looked_for_in_no_other_scenario_and_found_by_its_path(tmp_path: Path) -> None:
    file, mine = tmp_path / "found.json", tmp_path / "mine.py"
    mine.write_text((CHECKOUT / "scenarios" / "studies" / "linked_list.py").read_text())
    found = ("explore", f"{mine}:none", "--engine", "python", "--seed", "1", "--stop-on-violation", "--json", str(file))
    assert called(*found).returncode == 0
    few = ("--like", str(file), "--engine", "python", "--schedules", "3")
    for arguments, told in (
        (("explore", *few), "there is no scenario 'mine'; "),
        (("explore", *few), "; where a scenario lies in a file of your own, give SCENARIO too"),
        (("explore", "linked_list:none", *few), "of linked_list:none; give one that it reports: mine:none"),
    ):
        done = called(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert told in done.stderr
    done = called("explore", f"{mine}:none", *few, "--json", "-")
    [exploration] = json.loads(done.stdout)["explorations"]
    assert exploration["scenario"] == "mine:none"
    assert 1 <= exploration["schedules"] <= 3  # it ends where the wanted outcome is shown, which a random seed decides


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explore", "linked_list:none", "--strategy", "luck"), "there is no strategy 'luck'"),
        (("explore", "linked_list:none", "--preemptions", "3"), "add --strategy depth-first, or leave it out"),
        (("explore", "linked_list:none", "--schedules", "0"), "--schedules must be at least 1, not 0"),
        (("explore", "linked_list:none", "--operations", "0"), "--operations must be at least 1, not 0"),
        (("explore", "linked_list:none", "--operations", "10001"), "--operations must be at most 10,000, not 10,001"),
        (("explore", "linked_list:none", "--duration", "soon"), "--duration"),
        (("explore", "linked_list:none", "--duration", "0s"), "--duration must be greater than 0 (got 0 s)"),
        (("explore", "--like", "no/such/file"), "cannot read no/such/file"),
        (("explore", "nothing"), "there is no scenario 'nothing'"),
        (("explore", "linked_list:none", "--cpus", "1"), "--cpus 1 is too few"),
        (("explore",), "Missing argument"),
        (("replay", "ks1~x"), "is not a schedule"),
        (("replay", "no/such/file"), "is not a token, and cannot be read as a file"),
        (("replay", "ks1~nothing~c2.o2.m0.s9~502b44d2.ae48370d~0"), "there is no scenario"),
        (("replay", "ks1~linked_list:none~c1.o2.m0.s9~502b44d2.ae48370d~0"), "needs at least 2"),
        (("replay", "ks1~linked_list:none~c2.o2.m0.s9~502b44d2.ae48370d~7"), "CPU 7"),
        (("replay", "ks1~linked_list:none~c2.o99999.m0.s9~502b44d2.ae48370d~0"), "operations are more than"),
    ],
)
def test_bad_input_has_one_line_and_code_2(arguments: tuple[str, ...], told: str) -> None:
    done = called(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_log_without_a_token_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "ci.log"
    log.write_text("nothing here\n")
    done = called("replay", str(log))
    assert done.returncode == 2
    assert "has no schedule" in done.stderr
