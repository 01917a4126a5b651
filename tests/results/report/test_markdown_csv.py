"""Markdown takes no name for markup, CSV is RFC 4180 and no spreadsheet takes a name for a formula."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import attrs
import pytest

from benchmarks.made_sweep import cells, matrix, plan_of, write_sweep
from stress.campaign.sweep.records import COLUMNS
from stress.results.load.gather import gather
from stress.results.report.markdown import fenced, make_markdown, plain
from stress.results.report.sections import MOST_WORKERS, hosts
from stress.results.report.sections import listed_workers as listed
from stress.results.report.table_csv import make_csv
from tests.campaign.soak.made import PAIR, make_run, open_journal, sample_at, session_of
from tests.results.report.made import HOSTILE, a_run, hostile_sweep, pair, small_sweep, write_runs


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_a_row_for_each_cell_with_all_axes_and_figures(tmp_path: Path) -> None:
    text = make_csv(gather([small_sweep(tmp_path / "sweep", {1: "crashed"}), write_runs(tmp_path / "r.json", *pair())]))
    rows = table(text)
    assert len(rows) == 26
    assert text.count("\r\n") == 27
    assert set(COLUMNS) < set(rows[0])
    by_end = [row["end"] for row in rows]
    assert (by_end.count("done"), by_end.count("crashed")) == (25, 1)
    [crashed] = [row for row in rows if row["end"] == "crashed"]
    assert (crashed["cpus"], crashed["noise"], crashed["verdict"], crashed["lookups"]) == ("4", "0.015625", "", "")
    run = pair()[1]
    row = rows[1]
    assert (row["lookups"], row["twin_violations"]) == (str(run["lookups"]), str(run["twin"]["violations"]))
    assert (row["as_expected"], row["outcome_found"]) == ("true", str(run["outcomes"]["found"]))
    assert float(row["stop_p99_us"]) == run["stop_machine"]["p99_us"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", 'a"b,c\r\nd'])
def test_no_name_becomes_a_formula_or_another_cell(name: str, tmp_path: Path) -> None:
    run = a_run(name)
    run["outcomes"][name] = 1
    [row] = table(make_csv(gather([write_runs(tmp_path / "r.json", run)])))
    assert row["scenario"].removeprefix("'") == name
    assert not row["scenario"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_names_are_no_markup_in_markdown(tmp_path: Path) -> None:
    text = make_markdown(gather([hostile_sweep(tmp_path / "sweep")]))
    outside, inside = "", False
    for line in text.splitlines():
        inside = inside != line.startswith("```")
        outside += "" if inside else f"{line}\n"
    assert "<script" not in outside.replace("\\<", "")
    assert plain(HOSTILE) in outside
    assert plain("a|b\n# c `d` [e](f)") == r"a\|b \# c \`d\` \[e\](f)"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("a\n````\nb") == "`````text\na\n````\nb\n`````\n"


def test_markdown_has_the_answer_first_and_every_section(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path / "sweep", {1: "crashed"})
    text = make_markdown(gather([write_runs(tmp_path / "r.json", *pair()), make_run(tmp_path), sweep]))
    assert text.startswith("# 1 of 3 is not complete; not everything was as expected\n")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Violations", "## What broke or stalled", "## Conditions", "## Run it again", "## What was not seen",
    ]  # fmt: skip
    columns = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| ")}
    assert len(columns) == 1


def on_workers(folder: Path, names: Sequence[str]) -> Path:
    """A sweep whose cells were run by these workers in turn; every one has the same conditions."""
    plan = plan_of(matrix(["stop_machine"], (2, 4)), repeat=2)
    ended = [attrs.evolve(one, worker=name) for one, name in zip(cells(plan), cycle(names), strict=False)]
    return write_sweep(folder, plan, ended)


def test_the_workers_of_a_sweep_are_told_by_host_and_cell_by_cell(tmp_path: Path) -> None:
    names = ["tcp://[::1]:1 on node-a", "tcp://[::1]:2 on node-b", "tcp://[::1]:3 on node-a", "=a worker"]
    sources = gather([on_workers(tmp_path / "sweep", names), small_sweep(tmp_path / "alone")])
    known = {dict(host.facts).get("host"): (dict(host.facts).get("run by"), host.runs) for host in hosts(sources)}
    assert known == {
        "node-a": (f"{names[0]} (2), {names[2]} (2)", 4),
        "node-b": (f"{names[1]} (2)", 2),
        "=a worker": ("=a worker (2)", 2),
        None: (None, 24),
    }
    rows = table(make_csv(sources))
    assert [row["worker"] for row in rows[:8]] == [*names[:3], "'=a worker"] * 2
    assert {row["worker"] for row in rows[8:]} == {""}
    assert "host node-a" in make_markdown(sources)


def test_the_workers_of_a_soak_are_told_by_host(tmp_path: Path) -> None:
    journal, own = open_journal(tmp_path, samples=()), session_of()
    names = ["tcp://[::1]:1 on node-a", "tcp://[::1]:2 on node-b", "tcp://[::1]:3 on node-a"]
    for name in names:
        session = journal.join(attrs.evolve(own, worker=name))
        for scenario in PAIR:
            journal.append(attrs.evolve(sample_at(session, scenario), session=session))
    journal.close()
    known = {
        dict(host.facts)["host"]: (dict(host.facts)["run by"], host.runs) for host in hosts(gather([journal.folder]))
    }
    assert known == {"node-a": (f"{names[0]} (2), {names[2]} (2)", 2), "node-b": (f"{names[1]} (2)", 2)}


def test_of_many_workers_those_that_ran_most_are_told(tmp_path: Path) -> None:
    few = gather([on_workers(tmp_path / "sweep", [f"tcp://[::1]:{port} on a" for port in range(8)])])
    [host] = hosts(few)
    assert dict(host.facts)["run by"].count("(1)") == 8
    runs = Counter({f"worker {number}": number for number in range(1, MOST_WORKERS + 3)})
    told = listed(runs)
    assert told.endswith("2 others")
    assert told.startswith(f"worker {MOST_WORKERS + 2} ({MOST_WORKERS + 2})")
