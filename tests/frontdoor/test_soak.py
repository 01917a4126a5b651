"""`kstress soak` and `kstress report` as commands: what is printed, what is on the disk, that both say the same."""

import json
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from stress.scenario_files import catalogue
from tests.frontdoor.command import BOUND_SECONDS, called, command_line, environment, kstress
from tests.frontdoor.promised import CONDITION_KEYS, RUN_KEYS
from tests.frontdoor.soaking import (
    END,
    SHORT,
    STARTING,
    contents,
    end_lines,
    facts,
    interval_lines,
    manifest,
    on_disk,
    samples,
    soak,
    the_run,
)

TWO_SECONDS = (*SHORT, "--duration", "2s")
SOAK_KEYS = {
    "directory",
    "status",
    "state",
    "elapsed_s",
    "planned_s",
    "sessions",
    "workers",
    "failure",
    "lost_turns",
    "last_loss",
}
SHARE_OF_TWIN = 0.5
ENOUGH_OR_NOT = {"HELD as expected": 0, "INCONCLUSIVE expected HELD": 3}
"""What two seconds come to, with the exit code: on a busy host they may be too short to tell."""

Done = tuple[subprocess.CompletedProcess[str], Path]


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A soak of the patch, and its run directory."""
    results = tmp_path_factory.mktemp("patched") / "results"
    return soak(results, "stop_machine", *TWO_SECONDS, "--seed", "7"), the_run(results)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A soak of the patch and of what was before, its JSON on standard output, and its run directory."""
    results = tmp_path_factory.mktemp("both")
    names = ("stop_machine", "modlist_spinlock")
    return soak(results, *names, *TWO_SECONDS, "--json", "-", "--reports", "0"), the_run(results)


def test_a_soak_prints_a_line_for_each_interval_and_last_a_line_that_says_it_all(patched: Done) -> None:
    done, folder = patched
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert STARTING in lines[0]
    assert lines[1] == f"run directory: {folder}"
    assert interval_lines(lines[2 : 2 + len(samples(folder))]) == interval_lines(lines)
    [verdict] = [verdict for verdict, code in ENOUGH_OR_NOT.items() if code == done.returncode]
    assert lines[-1].startswith(f"{END}{verdict}, complete: scenario=stop_machine ")
    assert end_lines(done.stdout) == [lines[-1]]


def test_every_interval_line_is_a_sample_and_every_sample_a_line(patched: Done) -> None:
    done, folder = patched
    printed = interval_lines(done.stdout.splitlines())
    assert printed == on_disk(folder)
    assert 2 <= len(printed) <= 5


@pytest.mark.threads
def test_the_samples_add_up_to_what_is_printed(patched: Done) -> None:
    done, folder = patched
    said = facts(done.stdout.splitlines()[-1])
    tallies = [sample["standing"]["tally"] for sample in samples(folder)]
    for name in ("lookups", "loads", "unloads", "race_windows", "violations"):
        counts = [tally[name] for tally in tallies]
        assert counts == sorted(counts)
        assert said[name] == str(counts[-1])
    assert int(said["stops"]) == sum(tallies[-1]["latencies"].values())
    assert int(said["lookups"]) == sum(tallies[-1]["outcomes"].values()) > 0
    assert f"\nlookups       {int(said['lookups']):,} (" in done.stdout


def test_the_soak_takes_as_long_as_asked_and_its_twin_takes_part_of_it(patched: Done) -> None:
    done, folder = patched
    last = samples(folder)[-1]["standing"]
    assert last["elapsed_s"] >= 1.9
    assert 0 < last["twin"]["seconds"] < SHARE_OF_TWIN * last["tally"]["seconds"]
    assert last["tally"]["seconds"] + last["twin"]["seconds"] <= last["elapsed_s"]
    said = facts(done.stdout.splitlines()[-1])
    assert (said["twin"], said["twin_violations"]) == ("modlist_spinlock", str(last["twin"]["violations"]))
    assert last["twin"]["violations"] > 0


def test_the_last_line_has_every_parameter(patched: Done) -> None:
    done, folder = patched
    said = facts(done.stdout.splitlines()[-1])
    given = {"engine": "python", "cpus": "3", "duration": "2s", "interval": "500ms", "seed": "7"}
    settled = {"kasan": "on", "noise": "1/64", "pace": "1ms", "corpus": "bundled", "sessions": "1"}
    assert given.items() | settled.items() <= said.items()
    assert said["run"] == str(folder)
    assert {"elapsed_s", "stall_after", "rate_upper_95", "twin_race_windows"} <= set(said)


def test_the_command_to_run_it_again_has_all_that_was_given(patched: Done) -> None:
    done, _ = patched
    [again] = [line for line in done.stdout.splitlines() if line.startswith("again  ")]
    words = shlex.split(again.removeprefix("again  "))
    assert words[:3] == ["kstress", "soak", "stop_machine"]
    given = {"--engine": "python", "--cpus": "3", "--interval": "500ms", "--duration": "2s", "--seed": "7"}
    assert given.items() <= dict(pairwise(words)).items()


def test_report_shows_what_the_soak_has_shown(patched: Done) -> None:
    done, folder = patched
    before = contents(folder)
    shown = kstress("report", str(folder), "--csv", "/dev/null")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[-1] == done.stdout.splitlines()[-1]
    assert done.stdout.endswith(shown.stdout)
    assert contents(folder) == before


def test_the_run_directory_has_a_manifest_and_lines_of_a_known_schema(patched: Done) -> None:
    _, folder = patched
    assert set(contents(folder)) == {"manifest.json", "samples.jsonl", "violations.jsonl"}
    head = manifest(folder)
    assert (head["kind"], head["schema"], head["status"]) == ("kstress soak", 1, "complete")
    assert len(head["sessions"]) == 1
    assert [part["name"] for part in head["plan"]["scenarios"]] == ["stop_machine"]


def test_the_json_is_that_of_runs_and_of_the_soak(both: Done) -> None:
    done, folder = both
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    held, violated = document["runs"]
    for run in (held, violated):
        assert set(run) == RUN_KEYS | {"soak"}
        assert set(run["conditions"]) == CONDITION_KEYS
        assert set(run["soak"]) == SOAK_KEYS
        assert (run["soak"]["directory"], run["soak"]["status"]) == (str(folder), "complete")
        assert (run["soak"]["sessions"], run["soak"]["failure"]) == (1, None)
        assert run["lookups"] == sum(run["outcomes"].values())
    assert held["scenario"] == "stop_machine"
    assert (held["verdict"], done.returncode) in (("held", 0), ("inconclusive", 3))
    assert (violated["scenario"], violated["verdict"]) == ("modlist_spinlock", "violated")


def test_report_gives_the_same_json(both: Done) -> None:
    done, folder = both
    reported = json.loads(called("report", str(folder), "--json", "-").stdout)
    assert [campaign["state"] for campaign in reported.pop("campaigns")] == ["complete"]
    assert reported == json.loads(done.stdout)


@pytest.mark.threads
def test_scenarios_take_turns_and_each_has_its_last_line(both: Done) -> None:
    done, folder = both
    names = [sample["standing"]["scenario"] for sample in samples(folder)]
    assert names[:2] == ["stop_machine", "modlist_spinlock"]
    assert all(one != other for one, other in pairwise(names))
    marks = [line.removeprefix(END).partition(":")[0] for line in end_lines(done.stderr)]
    assert marks[0].removesuffix(", complete") in ENOUGH_OR_NOT
    assert marks[1:] == ["VIOLATED as expected, complete"]
    assert done.stderr.splitlines()[-2:] == end_lines(done.stderr)


@pytest.mark.threads
def test_the_first_violation_of_each_outcome_is_on_the_disk_in_full(both: Done) -> None:
    done, folder = both
    findings = [json.loads(line) for line in (folder / "violations.jsonl").read_text().splitlines()]
    kinds = [(finding["scenario"], finding["outcome"]) for finding in findings]
    assert kinds
    assert len(set(kinds)) == len(kinds)
    assert {name for name, _ in kinds} == {"modlist_spinlock"}
    [_, violated] = json.loads(done.stdout)["runs"]
    assert [finding["told"]["json"] for finding in findings] == violated["reports"]
    assert {outcome for _, outcome in kinds} <= {name for name, count in violated["outcomes"].items() if count}


def test_a_soak_outlives_whoever_reads_it(tmp_path: Path) -> None:
    arguments = ["soak", "stop_machine", *SHORT, "--duration", "1500ms", "--results", str(tmp_path)]
    done = subprocess.run(
        ["sh", "-c", f"{{ {shlex.join(command_line(arguments))}; echo $? >&2; }} | head -n 1"],
        env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert STARTING in done.stdout
    [end] = end_lines(called("report", str(the_run(tmp_path)), cwd=tmp_path).stdout)
    saw_enough = "HELD as expected" in end  # or on a busy host it did not
    assert saw_enough or "INCONCLUSIVE" in end
    assert done.stderr == ("0\n" if saw_enough else "3\n")
    assert manifest(the_run(tmp_path))["status"] == "complete"
    assert samples(the_run(tmp_path))[-1]["standing"]["elapsed_s"] >= 1.4


def test_all_soaks_every_scenario_of_the_catalogue(tmp_path: Path) -> None:
    done = soak(tmp_path, "--all", "--engine", "python", "--duration", "500ms", "--interval", "100ms", "--reports", "0")
    names = [scenario.name for scenario in catalogue()]
    assert done.returncode in (1, 3), done.stderr
    assert [part["name"] for part in manifest(the_run(tmp_path))["plan"]["scenarios"]] == names
    assert [facts(line)["scenario"] for line in end_lines(done.stdout)] == names


def test_an_outcome_is_told_once_whatever_number_of_sessions_see_it(tmp_path: Path) -> None:
    assert soak(tmp_path, "modlist_spinlock", *SHORT, "--duration", "1s").returncode == 0
    folder = the_run(tmp_path)
    again = called("soak", "--resume", str(folder), "--duration", "2s")
    assert again.returncode == 0, again.stderr
    told = [json.loads(line)["outcome"] for line in (folder / "violations.jsonl").read_text().splitlines()]
    assert told
    assert sorted(told) == sorted(set(told))


@pytest.mark.threads
def test_a_scenario_that_had_no_turn_is_said_not_to_have_run(tmp_path: Path) -> None:
    names = ("modlist_spinlock", "stop_machine", "nmi_list_del_rcu")
    done = soak(tmp_path, *names, *SHORT, "--duration", "400ms")
    said = " ".join(done.stdout.split())
    advice = "give --duration of at least 1500ms, or a shorter --interval"
    assert f"the time is too short for a turn of each of 3 scenarios: {advice}" in said
    assert said.count(f"not run: the soak was over before its turn; {advice}") == 2
    assert "no twin shows" not in said
