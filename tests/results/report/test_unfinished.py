"""What is not complete is reported as such wherever a report goes: how far it came, and what resumes it."""

import json
import shutil
from pathlib import Path

import attrs
import pytest

from stress.campaign.life import boot_id
from stress.results.load.entries import EXPECTED, INCONCLUSIVE, UNEXPECTED, Source
from stress.results.load.gather import gather
from stress.results.report.as_json import make_json
from stress.results.report.markdown import make_markdown
from stress.results.report.page import make_page
from stress.results.report.statistics import Answer, answer
from tests.campaign.soak.made import PAIR, make_run, open_journal, sample_at, tally_at
from tests.frontdoor.command import CHECKOUT
from tests.results.report.made import (
    Parsed,
    a_run,
    an_exploration,
    pair,
    reported,
    small_sweep,
    write_explorations,
    write_runs,
)

CAUGHT = (sample_at(58), sample_at(59, PAIR[1], tally=attrs.evolve(tally_at(59), violations=9)))
"""Both as expected after 59 of 60 seconds."""


def killed(place: Path) -> Path:
    """A soak whose process is gone, with nothing in it that was not expected."""
    return make_run(place, CAUGHT, ())


def test_a_killed_soak_is_told_everywhere_with_how_far_it_came_and_what_resumes_it(tmp_path: Path) -> None:
    folder = killed(tmp_path / "a b")
    told, resume = "illed after 59 s of 1 min", f"kstress soak --resume '{folder}'"
    sources = gather([folder])
    assert (answer(sources).headline, answer(sources).standing) == (
        "Killed after 59 s of 1 min; what there is was as expected", INCONCLUSIVE,
    )  # fmt: skip
    code, out, err = reported(folder, "--csv", tmp_path / "out.csv")
    assert code == 0, err
    assert out.splitlines()[-1].startswith("Killed after 59 s of 1 min; what there is was as expected: 2 of 2 runs")
    assert f"resume  {resume}" in out.splitlines()
    assert ", killed: scenario=" in out
    assert " (killed): " in out
    assert "(interrupted)" not in out
    text = make_markdown(sources)
    assert text.startswith("# Killed after 59 s of 1 min; ")
    for words in (out, text):
        assert told in words
        assert resume in words
        assert "Everything was" not in words


@pytest.mark.report
def test_the_page_tells_it_too(tmp_path: Path) -> None:
    folder = killed(tmp_path)
    page = Parsed(make_page(gather([folder])))
    assert "? Killed after 59 s of 1 min; what there is was as expected" in " ".join(page.text.split())
    assert f"killed after 59 s of 1 min; resume it with kstress soak --resume {folder}" in page.text


def test_a_soak_that_runs_is_not_resumed(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, CAUGHT, ())
    [source] = gather([journal.folder])
    code, out, _ = reported(journal.folder, "--csv", tmp_path / "out.csv")
    journal.close()
    assert (code, source.status, source.resume) == (0, "running", None)
    assert out.splitlines()[-1].startswith("Running: 59 s of 1 min so far; what there is was as expected: ")
    assert "kstress: --- Soak so far: " in out
    assert "End of soak" not in out


@pytest.mark.parametrize(
    ("status", "boot", "state"),
    [
        ("running", boot_id(), "Killed after 3 of 24 runs; "),
        ("running", "another", "Unfinished: 3 of 24 runs so far; "),
        ("interrupted", None, "Interrupted after 3 of 24 runs; "),
    ],
)
def test_a_sweep_that_is_not_complete_says_so_first(status: str, boot: str | None, state: str, tmp_path: Path) -> None:
    folder = small_sweep(tmp_path / "sweep", status=status)
    head = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**head, "boot": boot}))
    cells = (folder / "cells.jsonl").read_text().splitlines(keepends=True)
    (folder / "cells.jsonl").write_text("".join(cells[:3]))
    [source] = gather([folder])
    assert answer([source]).headline == f"{state}what there is was as expected"
    [campaign] = json.loads(make_json([source]))["campaigns"]
    assert campaign == {
        "kind": "sweep", "directory": str(folder), "state": source.status, "ended": 3, "planned": 24,
        "unfinished": source.unfinished, "resume": f"kstress sweep --resume {folder}",
    }  # fmt: skip


def cut(file: Path, lines: int) -> None:
    """Leave the first lines of a file."""
    kept = file.read_bytes().splitlines(keepends=True)[:lines]
    file.write_bytes(b"".join(kept))


def told_everywhere(folder: Path, told: str, resume: str, tmp_path: Path) -> str:
    """What the terminal says last of a campaign whose records are missing, which every report says too."""
    [source] = sources = gather([folder])
    assert (source.status, source.unfinished, source.resume) == ("incomplete", told, resume)
    assert answer(sources).headline == f"I{told[1:]}; what there is was as expected"
    assert answer(sources).standing == INCONCLUSIVE
    [campaign] = json.loads(make_json(sources))["campaigns"]
    assert (campaign["state"], campaign["unfinished"], campaign["resume"]) == ("incomplete", told, resume)
    code, out, err = reported(folder, "--csv", tmp_path / "out.csv")
    assert code == 0, err
    assert f"resume  {resume}" in out.splitlines()
    text = make_markdown(sources)
    for words in (out, text):
        assert resume in words
        assert "Everything was" not in words
        assert ", complete" not in words
    return out.splitlines()[-1]


@pytest.mark.parametrize("status", ["complete", "failed"])
def test_a_sweep_that_lost_whole_lines_is_not_complete(status: str, tmp_path: Path) -> None:
    folder = small_sweep(tmp_path / "sweep", status=status)
    assert gather([folder])[0].unfinished is None
    cut(folder / "cells.jsonl", 17)
    told = f"incomplete: {folder}/cells.jsonl lacks 7 of 24 runs"
    last = told_everywhere(folder, told, f"kstress sweep --resume {folder}", tmp_path)
    assert last.endswith(": 17 of 17 runs as expected; 7 missing.")


def test_a_search_that_lost_whole_lines_is_not_complete(tmp_path: Path) -> None:
    folder = shutil.copytree(CHECKOUT / "tests" / "campaign" / "before" / "search", tmp_path / "search")
    assert gather([folder])[0].unfinished is None
    cut(folder / "cells.jsonl", 6)
    told = f"incomplete: {folder}/cells.jsonl lacks runs: it has 6, with which the search is not over"
    [source] = gather([folder])
    assert (source.unfinished, source.resume) == (told, f"kstress sweep --resume {folder}")


def test_a_soak_that_lost_whole_lines_is_not_complete(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, (*CAUGHT, sample_at(60)), ())
    journal.end("complete")
    journal.close()
    assert gather([journal.folder])[0].unfinished is None
    for lines, there in ((2, "goes to 59 s of 1 min"), (1, "goes to 58 s of 1 min"), (0, "has none")):
        cut(journal.folder / "samples.jsonl", lines)
        [source] = gather([journal.folder])
        told = f"incomplete: {journal.folder}/samples.jsonl lacks samples: it {there}"
        assert (source.status, source.unfinished) == ("incomplete", told)
        if lines == 2:
            told_everywhere(journal.folder, told, f"kstress soak --resume {journal.folder}", tmp_path)
    assert "nothing is known of it: its samples are missing" in make_markdown([source])


def test_a_soak_in_which_every_scenario_ended_before_its_time_lacks_nothing(tmp_path: Path) -> None:
    ended = [sample_at(second, name, done=True) for second, name in enumerate(PAIR, 3)]
    journal = open_journal(tmp_path, ended, ())
    journal.end("complete")
    journal.close()
    assert gather([journal.folder])[0].unfinished is None
    cut(journal.folder / "samples.jsonl", 1)
    assert gather([journal.folder])[0].status == "incomplete"


def test_a_soak_of_workers_may_end_later_than_its_last_turn_but_not_without_any(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, CAUGHT, ())
    journal.join(attrs.evolve(journal.manifest.sessions[0], worker="w"))
    journal.end("complete")
    journal.close()
    assert gather([journal.folder])[0].unfinished is None
    cut(journal.folder / "samples.jsonl", 0)
    assert gather([journal.folder])[0].status == "incomplete"


def test_a_sweep_in_which_a_cell_failed_has_nothing_left(tmp_path: Path) -> None:
    [source] = gather([small_sweep(tmp_path / "sweep", {1: "failed"}, status="failed")])
    assert (source.unfinished, source.resume) == (None, None)
    assert answer([source]).headline == "Not everything was as expected"


def test_of_several_it_is_told_how_many_are_not_complete(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path / "sweep")
    said = answer(gather([killed(tmp_path), sweep]))
    assert said.headline == "1 of 2 is not complete; what there is was as expected"
    assert answer(gather([sweep])).headline == "Everything was as expected"


def test_runs_that_a_signal_ended_early_are_not_complete(tmp_path: Path) -> None:
    file = write_runs(tmp_path / "run-1.json", a_run(interrupted=True), *pair())
    [source] = gather([file])
    assert (source.unfinished, source.resume) == ("interrupted in 1 of 3 runs", None)
    assert answer([source]).headline == "Interrupted in 1 of 3 runs; what there is was as expected"
    assert source.summary == source.unfinished


PLAN = {"scenarios": ["linked_list:none", "linked_list:rcu"]}


def test_an_exploration_that_was_not_begun_is_told_everywhere_with_what_explores_it(tmp_path: Path) -> None:
    file = write_explorations(tmp_path / "a b.json", an_exploration(), plan=PLAN)
    told, resume = "nfinished: 1 of 2 explorations so far", f"kstress explore --resume '{file}'"
    [source] = sources = gather([file])
    assert answer(sources).headline == f"U{told}; what there is was as expected"
    assert answer(sources).sentence == "1 of 1 exploration as expected; 1 not run yet."
    code, out, err = reported(file, "--csv", tmp_path / "out.csv")
    assert code == 0, err
    assert f"resume  {resume}" in out.splitlines()
    text = make_markdown(sources)
    for words in (out, text):
        assert told in words
        assert resume in words
        assert "omplete" not in words
    assert json.loads(make_json(sources))["campaigns"] == [{
        "kind": "explorations", "directory": str(file), "state": "unfinished", "ended": 1, "planned": 2,
        "unfinished": source.unfinished, "resume": resume,
    }]  # fmt: skip


@pytest.mark.report
def test_the_page_says_that_an_exploration_was_not_begun(tmp_path: Path) -> None:
    file = write_explorations(tmp_path / "x.json", an_exploration(), plan=PLAN)
    page = Parsed(make_page(gather([file])))
    assert f"unfinished: 1 of 2 explorations so far; resume it with kstress explore --resume {file}" in page.text


@pytest.mark.parametrize(
    ("interrupted", "names", "unfinished"),
    [
        ([False, False], PLAN["scenarios"], None),
        ([True, False], PLAN["scenarios"], "interrupted in 1 of 2 explorations"),
        ([True], PLAN["scenarios"], "interrupted in 1 of 2 explorations, 1 not begun"),
        ([], PLAN["scenarios"], "unfinished: 0 of 2 explorations so far"),
    ],
)
def test_how_far_a_plan_of_explorations_came(
    interrupted: list[bool], names: list[str], unfinished: str | None, tmp_path: Path
) -> None:
    there = [an_exploration(interrupted=one) for one in interrupted]
    file = write_explorations(tmp_path / "x.json", *there, plan={"scenarios": names})
    [source] = gather([file])
    assert source.unfinished == unfinished
    assert source.resume == (f"kstress explore --resume {file}" if unfinished else None)


def test_only_one_file_that_can_be_gone_on_with_has_a_command(tmp_path: Path) -> None:
    first, second = (write_explorations(tmp_path / name, an_exploration(), plan=PLAN) for name in ("a.json", "b.json"))
    whole = write_explorations(tmp_path / "c.json", an_exploration(interrupted=True))
    [both], [one], [other] = gather([first, second]), gather([first, whole]), gather([whole])
    assert (both.unfinished, both.resume) == ("unfinished: 2 of 4 explorations so far", None)
    assert (one.unfinished, one.resume) == (
        "interrupted in 1 of 3 explorations, 1 not begun", f"kstress explore --resume {first}",
    )  # fmt: skip
    assert (other.unfinished, other.resume) == ("interrupted in 1 of 1 explorations", None)


@pytest.mark.parametrize("plan", [7, {}, {"scenarios": 7}, {"scenarios": [7]}])
def test_a_plan_of_explorations_that_is_damaged_is_refused(plan: object, tmp_path: Path) -> None:
    file = write_explorations(tmp_path / "x.json", an_exploration(), plan=plan)
    code, out, err = reported(file, "--csv", tmp_path / "out.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{file}, what its plan has to explore, is not" in err


@pytest.mark.parametrize(
    ("counts", "so_far"),
    [
        ({}, "nothing has ended yet"),
        ({EXPECTED: 2}, "what there is was as expected"),
        ({EXPECTED: 2, INCONCLUSIVE: 1}, "not enough to tell"),
        ({INCONCLUSIVE: 1, UNEXPECTED: 1}, "not everything was as expected"),
    ],
)
def test_what_there_is_stands_beside_how_far_it_came(counts: dict[str, int], so_far: str) -> None:
    said = Answer(counts, 0, 1, ["killed after 1 s of 2 s"])
    assert said.headline == f"Killed after 1 s of 2 s; {so_far}"
    assert said.standing == (UNEXPECTED if UNEXPECTED in counts else INCONCLUSIVE)


def test_a_page_of_what_is_complete_is_as_it_was() -> None:
    whole = Source(name="x", kind="soak", entries=(), planned=0)
    assert (whole.unfinished, whole.summary) == (None, "complete")


def asked(*scenarios: str, ended: str = "failed") -> dict[str, object]:
    """The key of a file of runs that says what was asked for."""
    return {"asked": {"scenarios": list(scenarios), "ended": ended}}


NAMES = ("modlist_spinlock", "stop_machine", "reused_memory")


@pytest.mark.parametrize(
    ("ended", "interrupted", "told"),
    [
        ("failed", False, "failed after 1 of 3 runs, not run: stop_machine, reused_memory"),
        ("interrupted", False, "interrupted after 1 of 3 runs, not run: stop_machine, reused_memory"),
        ("interrupted", True, "interrupted in 1 of 3 runs, not run: stop_machine, reused_memory"),
    ],
)
def test_scenarios_that_were_asked_for_and_not_run_are_told(
    ended: str, interrupted: bool, told: str, tmp_path: Path
) -> None:
    file = write_runs(tmp_path / "run.json", a_run(interrupted=interrupted), **asked(*NAMES, ended=ended))
    [source] = sources = gather([file])
    assert (source.status, source.unfinished, source.planned, source.resume) == (ended, told, 3, None)
    assert answer(sources).headline == f"{told[0].upper()}{told[1:]}; what there is was as expected"
    assert answer(sources).standing == INCONCLUSIVE
    [campaign] = json.loads(make_json(sources))["campaigns"]
    assert (campaign["kind"], campaign["ended"], campaign["planned"]) == ("runs", 1, 3)
    assert told.replace("_", "\\_") in make_markdown(sources)
    whole = write_runs(tmp_path / "whole.json", *pair(), **asked(*NAMES[:2], ended="complete"))
    assert gather([whole])[0].unfinished is None
    assert "of 5 runs" in str(gather([file, whole])[0].unfinished)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (asked(*NAMES, ended="complete"), "has other runs than it was asked for"),
        (asked("modlist_spinlock"), "has other runs than it was asked for"),
        (asked("stop_machine", "modlist_spinlock"), "has other runs than it was asked for"),
        (asked(*NAMES, ended="soon"), "its key asked, is not a request"),
        ({"asked": [*NAMES]}, "its key asked, is not a request"),
    ],
)
def test_a_request_that_contradicts_the_runs_is_refused(given: dict[str, object], part: str, tmp_path: Path) -> None:
    file = write_runs(tmp_path / "run.json", *pair(), **given)
    code, out, err = reported(file)
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert part in line
    assert str(file) in line
