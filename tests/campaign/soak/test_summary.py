"""What a soak says in words: bars, a history that adds up, a last line to search for, a panel of bounded size."""

import shlex
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.soak.ending import Ending
from stress.campaign.soak.records import Manifest, Sample
from stress.campaign.soak.view import STRETCHES, View, stretches
from stress.judge.tally import Tally
from stress.judge.trials import Trials
from stress.results.terminal.panel import MOST_CPUS, brief, clock, interval_line, render
from stress.results.terminal.soak_summary import BARS, end_line, greatest_of_parts, history, show_ending, sparkline
from stress.runs.report import Report
from tests.campaign.soak.made import (
    PAIR,
    TORN,
    ending_with,
    plan_of,
    printed,
    renamed,
    sample_at,
    session_of,
    standing_at,
    view_of,
)
from tests.support import bounded

HOSTILE = "[red]x"
PARAMETERS = (
    *("scenario", "engine", "cpus", "elapsed_s", "duration", "lookups", "loads", "unloads", "stops", "race_windows"),
    *("violations", "rate_upper_95", "trials", "catches", "catch_rate_upper_95"),
    *("twin", "twin_race_windows", "twin_violations", "twin_trials", "twin_catches", "seed", "kasan", "noise", "pace"),
    *("stall_after", "stop_on_violation", "interval", "corpus", "sessions", "run"),
)


def last_lines(ending: Ending) -> list[str]:
    """The last line of each scenario."""
    return [end_line(ending, result) for result in ending.results]


def facts(line: str) -> dict[str, str]:
    """The facts of a last line whose values have no spaces."""
    return dict(word.split("=", 1) for word in line.rpartition(": ")[2].split(" "))


def test_a_sparkline_goes_from_zero_to_the_greatest_with_a_dot_for_none() -> None:
    assert sparkline([0.0, None, 7.0, 3.5, 1.0]) == "▁·█▅▂"
    assert sparkline([5.0]) == "█"
    assert sparkline([0.0, 0.0, None]) == "▁▁·"
    assert sparkline([]) == ""
    assert sparkline([None]) == "·"
    assert sparkline([-3.0, 4.0]) == "▁█"


@bounded(200)
@given(st.lists(st.none() | st.floats(-1e15, 1e15), max_size=80))
def test_a_sparkline_has_a_bar_for_each_value_and_higher_bars_are_greater_values(values: list[float | None]) -> None:
    bars = sparkline(values)
    assert len(bars) == len(values)
    known = [(value, BARS.index(bar)) for value, bar in zip(values, bars, strict=True) if value is not None]
    assert bars.count("·") == len(values) - len(known)
    assert [bar for _, bar in sorted(known)] == sorted(bar for _, bar in known)
    if any(value > 0 for value, _ in known):
        assert max(known)[1] == len(BARS) - 1


@pytest.mark.parametrize("count", [0, 1, 2, 59, 60, 61, 119, 120, 121, 500])
def test_stretches_add_up_to_the_whole(count: int) -> None:
    seconds = [3 * number + number % 3 for number in range(1, count + 1)]
    spans = stretches([sample_at(second) for second in seconds])
    assert len(spans) <= STRETCHES
    assert bool(spans) == bool(count)
    if count:
        whole = standing_at(seconds[-1]).tally
        assert sum(one.seconds for one in spans) == pytest.approx(whole.seconds)
        assert sum(one.seconds * one.lookups_per_s for one in spans) == pytest.approx(whole.lookups)
        assert sum(one.seconds * one.unloads_per_s for one in spans) == pytest.approx(whole.unloads)
        assert {one.twin_rate for one in spans} == {0.5}
        assert all(one.stop_p99_us for one in spans)


def test_a_stretch_has_the_latencies_of_its_own_time_only() -> None:
    slow, fast = sample_at(1), sample_at(2, tally=sample_at(1).standing.tally)
    quick = [count + 1000 * (bucket == 50) for bucket, count in enumerate(slow.standing.tally.latencies)]
    fast = attrs.evolve(
        fast, standing=attrs.evolve(fast.standing, tally=attrs.evolve(slow.standing.tally, latencies=quick))
    )
    first, second, third = stretches([slow, fast, fast])
    assert first.stop_p99_us is not None
    assert second.stop_p99_us is not None
    assert first.stop_p99_us > 10 * second.stop_p99_us
    assert (third.stop_p99_us, third.lookups_per_s, third.twin_rate) == (None, 0.0, None)


def test_a_history_has_a_bar_for_each_stretch_and_the_range() -> None:
    rows = dict(history([sample_at(second) for second in range(1, 11)]))
    assert list(rows) == ["lookups/s", "unloads/s", "stop p99", "twin caught", "memory", "steal"]
    assert rows["lookups/s"] == f"{'█' * 10}  994 to 1,001"
    assert rows["unloads/s"] == f"{'█' * 10}  30"
    assert rows["twin caught"] == f"{'█' * 10}  50 % of its trials"
    assert rows["memory"].endswith("51.0 to 60.0 MiB")
    assert rows["steal"].endswith("  0.5 %")


def test_a_history_leaves_out_what_was_never_known() -> None:
    samples = [
        attrs.evolve(sample_at(second, PAIR[1]), memory_bytes=None, steal_percent=None) for second in range(1, 5)
    ]
    assert [label for label, _ in history(samples)] == ["lookups/s", "unloads/s", "stop p99"]
    assert history([]) == []


def test_each_row_of_a_history_has_the_whole_soak() -> None:
    early = [attrs.evolve(sample_at(second), memory_bytes=700 << 20, steal_percent=30.0) for second in range(1, 61)]
    late = [attrs.evolve(sample_at(second), memory_bytes=70 << 20, steal_percent=0.0) for second in range(61, 601)]
    rows = dict(history([*early, *late]))
    assert rows["memory"] == f"{'█' * 6}{'▂' * 54}  70.0 to 700.0 MiB"
    assert rows["steal"] == f"{'█' * 6}{'▁' * 54}  0 to 30 %"
    assert len(rows["lookups/s"].split()[0]) == STRETCHES


def test_a_history_has_no_power_of_ten_and_no_writer_that_seems_to_do_nothing() -> None:
    counts = attrs.evolve(standing_at(1000).tally, unloads=40)
    twin = Tally(caught=Trials(1000, 998))
    rows = dict(history([sample_at(1000, tally=counts, twin=twin)]))
    assert rows["unloads/s"] == "█  0.04"
    assert rows["twin caught"] == "█  100 % of its trials"


@bounded(100)
@given(st.lists(st.none() | st.floats(0, 1e9), max_size=300))
def test_parts_keep_the_greatest_value_and_are_no_more_than_a_line_has(values: list[float | None]) -> None:
    parts = greatest_of_parts(values)
    assert len(parts) <= min(len(values), STRETCHES)
    known = [value for value in values if value is not None]
    assert max((part for part in parts if part is not None), default=None) == max(known, default=None)


def test_a_long_history_stays_on_its_line() -> None:
    for label, text in history([sample_at(second) for second in range(1, 1000)]):
        assert len(label) + len(text) < 110


def test_the_last_line_has_every_count_and_parameter_and_can_be_searched_for() -> None:
    ending = ending_with([standing_at(30), standing_at(29, PAIR[1])])
    line, other = last_lines(ending)
    assert line.startswith("kstress: --- End of soak: HELD as expected, complete: scenario=stop_machine ")
    assert other.startswith("kstress: --- End of soak: INCONCLUSIVE expected VIOLATED, complete: scenario=modlist_spin")
    found = facts(line)
    assert tuple(found) == PARAMETERS
    assert tuple(facts(other)) == tuple(name for name in PARAMETERS if not name.startswith("twin_"))
    tally = standing_at(30).tally
    for name in ("lookups", "loads", "unloads", "stops", "race_windows", "violations"):
        assert found[name] == str(getattr(tally, name))
    assert shlex.split(line)[-1] == "run=results/soak-1"
    expected = {
        "engine": "python", "cpus": "3", "elapsed_s": "30.0", "duration": "1m", "rate_upper_95": "0.001", "kasan": "on",
        "trials": "1500", "catches": "0", "catch_rate_upper_95": "0.002", "twin_trials": "600", "twin_catches": "300",
        "twin": "modlist_spinlock", "twin_race_windows": "1200", "twin_violations": "600", "seed": "7", "noise": "1/64",
        "pace": "1ms", "stall_after": "5s", "interval": "1s", "corpus": "bundled", "sessions": "1",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_the_bound_to_quote_is_that_on_catches_and_none_without_trials() -> None:
    tally = standing_at(30).tally
    earlier = attrs.evolve(tally, caught=Trials(1500, independent=False))
    caught = attrs.evolve(tally, violations=9, caught=Trials(1500, 2))
    bounds = [
        facts(last_lines(ending_with([standing_at(30, tally=one), standing_at(29, PAIR[1])]))[0])["catch_rate_upper_95"]
        for one in (earlier, Tally(), caught)
    ]
    assert bounds == ["none", "none", f"{caught.caught.upper_95:.3g}"]


@pytest.mark.parametrize(
    ("more", "mark"),
    [
        ({"tally": attrs.evolve(standing_at(9).tally, violations=3)}, "VIOLATED expected HELD, "),
        ({"stall": TORN}, "STALLED expected HELD, "),
        ({"tally": Tally()}, "INCONCLUSIVE expected HELD, "),
        ({"failure": Report(("FAILED: it died",), {"reason": "it died"}), "done": True}, "FAILED (it died), "),
        ({"failure": Report(("FAILED: it died",), {}), "done": True}, "FAILED ("),
        ({"failure": Report(("FAILED: it",), {"reason": "it\ndied\x1b[2J"})}, r"FAILED ('it\ndied\x1b[2J'), "),
    ],
)
def test_the_last_line_says_first_what_it_came_to(more: dict[str, Any], mark: str) -> None:
    line, _ = last_lines(ending_with([standing_at(9, **more), standing_at(9, PAIR[1])], "interrupted"))
    assert line.startswith(f"kstress: --- End of soak: {mark}")
    assert ", interrupted: scenario=stop_machine" in line
    assert line.isprintable()


def test_the_last_line_is_one_line_whatever_things_are_called() -> None:
    name = "a\nb\x1b[31m\r[red]"
    plan = attrs.evolve(renamed(plan_of(), stop_machine=name), corpus="/tmp/a\nb")
    standings = {name: standing_at(5, scenario=name), PAIR[1]: standing_at(5, PAIR[1])}
    manifest = Manifest(1, "a\nb", "complete", plan, (session_of(),))
    ending = Ending(Path("results\n/soak-1"), manifest, standings, ())
    for line in last_lines(ending):
        assert line.isprintable()
        assert r"corpus='/tmp/a\nb'" in line
        assert r"run='results\n/soak-1'" in line


def test_the_ending_is_printed_with_each_last_line_at_its_end_on_a_line_of_its_own() -> None:
    from rich.console import Console

    failure = Report(("FAILED: it died", "last [red]words"), {"reason": "it died"})
    standings = [standing_at(9, failure=failure, done=True), standing_at(9, PAIR[1], stall=TORN)]
    ending = ending_with(standings, "failed", tuple(sample_at(second) for second in range(1, 10)))
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        show_ending(ending, console, 1)
    lines = capture.get().splitlines()
    assert lines[-2:] == last_lines(ending)
    for part in ("FAILED: it died", "last [red]words", "read half a name"):
        assert part in lines
    of_first, of_second = (next(at for at, line in enumerate(lines) if line.startswith(f"{name}  ")) for name in PAIR)
    failed, stalled = lines.index("FAILED: it died"), lines.index("read half a name")
    assert of_first < failed < of_second < stalled, "each stands below the name of its scenario"
    assert sum(line.startswith("unloads/s") for line in lines) == 1


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (7, "7"), (0.25, "0.25"), (950, "950"), (999, "999"), (999.4, "999"), (999.6, "1k"), (1000, "1k"),
        (12_345, "12.3k"), (999_499, "999k"), (999_999, "1M"), (4_560_000, "4.56M"), (999_999_999, "1G"),
        (2.5e12, "2.5T"), (9.9e14, "990T"),
    ],
)  # fmt: skip
def test_a_number_in_brief(count: float, text: str) -> None:
    assert brief(count) == text


@bounded(200)
@given(st.floats(1e-3, 9.9e14))
def test_a_number_in_brief_is_short_and_right_to_three_digits(count: float) -> None:
    text = brief(count)
    assert len(text) <= 8 if count < 1 else len(text) <= 5
    size = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("kMGT")) * size == pytest.approx(count, rel=0.0051)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.4, "0s"), (59.6, "1m 0s"), (61, "1m 1s"), (3600, "1h 0m 0s"), (86_400, "1d 0h 0m 0s"),
        (2 * 86_400 + 3 * 3600 + 4 * 60 + 5, "2d 3h 4m 5s"), (400 * 86_400, "400d 0h 0m 0s"),
    ],
)  # fmt: skip
def test_a_time_on_the_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_plain_line_of_an_interval() -> None:
    view = view_of(sample=sample_at(20), standings=(standing_at(20),))
    assert interval_line(view) == (
        "2026-01-01T00:00:20Z  stop_machine  21s of 1m 0s  1k lookups/s  30 unloads/s  2,000 windows  0 violations"
        "  stop p99 51 us  memory 70.0 MiB  steal 0.5 %"
    )


def test_the_plain_line_of_an_interval_is_one_line_without_what_is_not_known() -> None:
    current = standing_at(20, "a\nb", tally=Tally())
    empty = attrs.evolve(view_of().spans[-1], stop_p99_us=None, twin_rate=None)
    line = interval_line(view_of(current=current, sample=None, spans=(empty,)))
    assert line.isprintable()
    assert line.endswith("stop p99 -  memory -  steal -")


@pytest.mark.parametrize(("more", "word"), [({"failure": TORN}, "FAILED"), ({"stall": TORN}, "STALLED")])
def test_the_plain_line_of_an_interval_says_what_has_ended(more: dict[str, Any], word: str) -> None:
    assert interval_line(view_of(current=standing_at(20, done=True, **more))).endswith(f"  {word}")
    assert word not in interval_line(view_of())


def test_the_panel_shows_counts_rates_and_every_cpu() -> None:
    text = printed(render(view_of()))
    for part in (
        "kstress soak  python engine, 3 CPUs, seed 7", "results/soak-1", "22s gone", "38s left", "2,345", "21k", "20k",
        "lookups/s", "stop p99", "70.0 MiB", "steal 0.5 %", "runs", "waits",
    ):  # fmt: skip
        assert part in text
    rows = [line.strip("│ ").split() for line in text.splitlines()]
    for cpu in range(3):
        assert [str(cpu), str(cpu % 2), "kallsyms", f"{1234 + cpu:,}", "runs"] in rows
    assert ["stop_machine", "runs", "2,345", "0", "20k", "600"] in rows
    assert ["modlist_spinlock", "waits", "2,100", "0", "21k", "630"] in rows
    assert max(map(len, text.splitlines())) == 100


def states_of(view: View) -> list[str]:
    """The state of each scenario in the panel."""
    rows = [line.strip("│ ").split() for line in printed(render(view)).splitlines()]
    return [row[1] for row in rows if row and row[0] in PAIR]


def test_the_panel_says_what_is_with_each_scenario() -> None:
    ended, other = standing_at(20, done=True), standing_at(21, PAIR[1])
    assert states_of(view_of(standings=(ended, other), current=other)) == ["ended", "runs"]
    assert states_of(view_of(standings=(attrs.evolve(ended, stall=TORN), other), current=other)) == ["stalled", "runs"]
    assert states_of(view_of(standings=(attrs.evolve(ended, failure=TORN), other), current=ended)) == [
        "failed",
        "waits",
    ]


@pytest.mark.parametrize("cpus", [1, MOST_CPUS, MOST_CPUS + 1, 64, 1000])
def test_the_panel_stays_bounded_however_many_cpus_there_are(cpus: int) -> None:
    text = printed(render(view_of(cpus)))
    assert text.count("kallsyms") == min(cpus, MOST_CPUS)
    assert (f"and {cpus - MOST_CPUS} more CPUs" in text) == (cpus > MOST_CPUS)
    assert len(text.splitlines()) < 35


@pytest.mark.parametrize("height", [18, 24, 30, 50])
def test_the_panel_fits_its_screen(height: int) -> None:
    text = printed(render(view_of(64), height))
    assert len(text.splitlines()) <= height
    assert "kallsyms" in text


def test_the_panel_can_be_shown_before_anything_is_known() -> None:
    start = standing_at(0, tally=Tally(), twin=None)
    view = view_of(elapsed_s=0.0, current=start, standings=(start,), glance=None, sample=None, spans=())
    text = printed(render(view))
    assert "no CPU was seen yet" in text
    assert "1m 0s left" in text


def test_names_with_markup_are_shown_as_they_are() -> None:
    plan = renamed(plan_of(), stop_machine=HOSTILE)
    current = standing_at(20, scenario=HOSTILE)
    view = view_of(4, plan, current=current, standings=(current, standing_at(21, PAIR[1])))
    assert view.glance is not None
    cpus = [attrs.evolve(cpu, program="[bold]p", state="spins on [/x]") for cpu in view.glance.cpus]
    view = attrs.evolve(view, folder=Path("[blue]dir"), glance=attrs.evolve(view.glance, cpus=tuple(cpus)))
    text = printed(render(view))
    for part in (HOSTILE, "[bold]p", "spins on [/x]", "[blue]dir"):
        assert part in text
    assert HOSTILE in interval_line(view)


def test_what_the_panel_shows_of_control_characters_is_harmless() -> None:
    name = "a\nb\x1b[2J"
    current = standing_at(20, scenario=name)
    text = printed(render(view_of(plan=renamed(plan_of(), stop_machine=name), current=current, standings=(current,))))
    assert r"a\nb\x1b[2J" in text
    assert "\x1b" not in text


def test_the_time_left_counts_the_turn_under_way_and_never_falls_below_zero() -> None:
    assert view_of().left_s == 38.5
    assert view_of(glance=None).left_s == 39.0
    assert view_of(elapsed_s=100.0).left_s == 0.0


def samples_of(*seconds: int) -> list[Sample]:
    """Samples at these seconds."""
    return [sample_at(second) for second in seconds]


def test_stretches_of_a_soak_that_was_thinned_still_add_up() -> None:
    spans = stretches(samples_of(2, 4, 8, 9))
    assert [one.seconds for one in spans] == [2.0, 2.0, 4.0, 1.0]
