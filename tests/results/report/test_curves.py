"""What the plots show: every repeat, medians, bounds as bounds, before and after on one plot, and the right axis."""

import math
import re
from fractions import Fraction
from itertools import product
from pathlib import Path

import attrs
import pytest

from benchmarks.made_sweep import cells, plan_of, write_sweep
from stress.results.load.gather import gather
from stress.results.pages.pictures import quiet, slide
from stress.results.pages.scales import (
    BYTES,
    COUNT,
    RATE,
    TIME,
    bound_share_text,
    linear_ticks,
    log_limits,
    log_ticks,
    share_text,
    thinned,
    value_text,
)
from stress.results.pages.svg import embed
from stress.results.report import charts
from stress.results.report.curves import (
    AT_LEAST,
    AT_MOST,
    EXACT,
    MOST_REPEATS,
    Chart,
    Mark,
    Series,
    axis_of,
    evenly_ranked,
    families,
    middle,
    rank,
)
from stress.results.report.history import histories
from stress.results.report.page import make_page, pictures_of
from tests.campaign.soak.made import PAIR, ending_with, sample_at, standing_at
from tests.results.report.made import Parsed, a_run, pair, small_sweep, values, write_runs


def test_before_and_after_are_on_one_plot_for_each_engine(tmp_path: Path) -> None:
    [source] = gather([small_sweep(tmp_path / "sweep")])
    [family] = families(source)
    assert family.title == "stop_machine, and its twin modlist_spinlock"
    assert [engine for engine, _ in family.panels] == ["python", "native"]
    charts = family.panels[0][1]
    assert [chart.title for chart in charts] == [
        "catches per overlapped change", "time to first violation", "lookups a second", "unloads a second",
        "length of a stop, median", "length of a stop, 99 %",
    ]  # fmt: skip
    assert charts[0].ticks == ((1.0, "2"), (2.0, "4"), (3.0, "8"))
    assert [len(series.marks) for series in charts[0].series] == [6, 6]
    assert len({series.colour for series in charts[0].series}) == 2


def test_what_was_not_seen_is_a_bound_and_never_a_value(tmp_path: Path) -> None:
    held = a_run("stop_machine", "held", "modlist_spinlock")
    [source] = gather([write_runs(tmp_path / "run-1.json", held, held, a_run())])
    rate, first, *_ = families(source)[0].panels[0][1]
    assert rate.series[0].marks == (Mark(2.0, 3 / held["trials"], AT_MOST),) * 2
    assert first.series[0].marks == (Mark(2.0, held["duration_s"], AT_LEAST),) * 2
    assert {mark.kind for mark in (*rate.series[1].marks, *first.series[1].marks)} == {EXACT}


def test_runs_of_an_earlier_version_that_counted_no_trials_have_a_plot_of_their_own(tmp_path: Path) -> None:
    held = a_run("stop_machine", "held", "modlist_spinlock")
    old = {name: value for name, value in held.items() if not re.match("trials|catch", name)}
    [source] = gather([write_runs(tmp_path / "run-1.json", held, old)])
    charts = {chart.title: chart for chart in families(source)[0].panels[0][1]}
    assert charts["catches per overlapped change"].series[0].marks == (Mark(2.0, 3 / held["trials"], AT_MOST),)
    assert charts["violations per race window"].series[0].marks == (Mark(2.0, 3 / held["race_windows"], AT_MOST),)


def test_a_run_without_trials_has_no_rate(tmp_path: Path) -> None:
    none = a_run("x", "held", race_windows=0, rate_upper_95=None, trials=0, catches=0)
    none |= {"violations": 0, "verdict": "inconclusive", "as_expected": False, "reports": [], "first_violation_s": None}
    [source] = gather([write_runs(tmp_path / "run-1.json", none, none)])
    titles = [chart.title for chart in families(source)[0].panels[0][1]]
    assert not {"catches per overlapped change", "violations per race window"} & {*titles}


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([Mark(0, 3.0), Mark(0, 1.0), Mark(0, 2.0)], 2.0),
        ([Mark(0, 0.5, AT_MOST), Mark(0, 2.0), Mark(0, 3.0)], 2.0),
        ([Mark(0, 0.5, AT_MOST), Mark(0, 0.6, AT_MOST), Mark(0, 3.0)], None),
        ([Mark(0, 9.0, AT_LEAST), Mark(0, 9.0, AT_LEAST), Mark(0, 3.0)], None),
        ([Mark(0, 0.0)], 0.0),
        ([Mark(0, 1.0), Mark(0, 2.0)], 1.5),
        ([Mark(0, 0.2), Mark(0, 0.003, AT_MOST)], None),
        ([Mark(0, 9.0, AT_LEAST), Mark(0, 3.0)], None),
        ([Mark(0, 0.5, AT_MOST), Mark(0, 2.0), Mark(0, 3.0), Mark(0, 9.0, AT_LEAST)], 2.5),
    ],
)
def test_the_median_never_takes_a_bound_for_a_value(marks: list[Mark], expected: float | None) -> None:
    assert middle(marks) == expected


@pytest.mark.parametrize("count", [1, MOST_REPEATS, MOST_REPEATS + 1, 1000, 1001])
def test_some_repeats_stand_for_very_many_with_the_same_median_and_ends(count: int) -> None:
    marks = [Mark(2.0, float(at), EXACT) for at in range(count - 2)] + [
        Mark(2.0, 0.1, AT_MOST),
        Mark(2.0, 9.0, AT_LEAST),
    ]
    marks = sorted(marks[-count:], key=lambda mark: -mark.y)
    some = evenly_ranked(marks)
    assert len(some) == min(count, MOST_REPEATS)
    assert set(some) <= set(marks)
    assert {rank(one) for one in some} >= {min(map(rank, marks)), max(map(rank, marks))}
    known = middle(marks)
    assert known is None or middle(some) == pytest.approx(known, abs=count / MOST_REPEATS)


def test_another_axis_that_varies_is_a_line_for_each_value(tmp_path: Path) -> None:
    rows = [
        values("modlist_spinlock", cpus=count, noise=noise)
        for count in (2, 4)
        for noise in (Fraction(0), Fraction(1, 8))
    ]
    plan = plan_of(rows, repeat=1)
    [source] = gather([write_sweep(tmp_path / "sweep", plan, list(cells(plan)))])
    [family] = families(source)
    assert [series.label for series in family.series] == ["modlist_spinlock, noise 0", "modlist_spinlock, noise 1/8"]
    assert [series.style for series in family.series] == [0, 1]


@pytest.mark.parametrize(("scenarios", "values"), [(6, 40), (12, 14)])
def test_so_many_values_of_so_many_scenarios_look_different(scenarios: int, values: int) -> None:
    looks = [charts.key_of(Series("", *of, ())).look for of in product(range(scenarios), range(values))]
    seen = {(look["color"], str(look["linestyle"]), look["marker"]) for look in looks}
    assert len(seen) == scenarios * values


@pytest.mark.report
def test_a_page_reads_the_words_of_each_plot_out(tmp_path: Path) -> None:
    sources = gather([small_sweep(tmp_path / "sweep")])
    plots = [one for one in Parsed(make_page(sources)).all("svg") if one.get("aria-label")]
    assert [one["aria-label"] for one in plots] == [picture.alt for picture in pictures_of(sources)]


@pytest.mark.report
def test_the_legend_of_a_figure_is_below_the_axis_however_many_lines_there_are(tmp_path: Path) -> None:
    rows = [values("modlist_spinlock", cpus=cpus, pace_s=pace / 1000) for cpus in (2, 4) for pace in range(1, 13)]
    plan = plan_of(rows, repeat=1)
    picture = pictures_of(gather([write_sweep(tmp_path / "sweep", plan, list(cells(plan)))]))[0]
    with quiet():
        drawn = slide(picture, "svg").decode()
    places = {text: float(y) for y, text in re.findall(r' y="([\d.]+)"[^>]*>([^<]+)</text>', drawn)}
    assert len(picture.keys) == 15
    assert max(places[text] for text in ("CPUs", "2", "4")) + 10 < min(places[key.label] for key in picture.keys)


def test_without_cpu_counts_the_number_that_varies_is_the_axis(tmp_path: Path) -> None:
    plan = plan_of([values("modlist_spinlock", pace_s=pace) for pace in (0.0, 0.001, 0.01)], repeat=1)
    [source] = gather([write_sweep(tmp_path / "sweep", plan, list(cells(plan)))])
    assert axis_of(source.entries).ticks() == ((0.0, "0us"), (1.0, "1ms"), (2.0, "10ms"))
    assert families(source)[0].panels[0][1][0].x_name == "pace"


def a_chart(*series: Series) -> Chart:
    return Chart(
        title="rate", unit=RATE, log=True, series=series, x_name="CPUs", ticks=((1.0, "2"), (2.0, "4"), (3.0, "8"))
    )


def test_the_words_of_a_plot_have_its_figures_and_say_which_are_bounds() -> None:
    known = (Mark(1.0, 0.1), Mark(1.0, 0.3), Mark(1.0, 0.2), Mark(2.0, 0.5))
    bounds = (Mark(1.0, 0.02, AT_MOST), Mark(2.0, 0.02, AT_MOST), Mark(2.0, 0.4), Mark(3.0, 2.0, AT_LEAST))
    chart = a_chart(Series("one", 0, 0, known), Series("two", 1, 0, bounds), Series("three", 2, 0, ()))
    assert charts.picture_of(chart, "some sweep").alt == (
        "rate (medians, by CPUs). one: 0.2 at 2, 0.5 at 4. "
        "two: at most 0.02 at 2, at most 0.02 to 0.4 at 4, at least 2 at 8"
    )


def test_the_words_of_a_long_line_say_how_it_begins_and_ends_and_how_far_it_goes() -> None:
    line = Series("one", 0, 0, tuple(Mark(float(at), abs(at - 30.0) + 1) for at in range(100)))
    alt = charts.picture_of(attrs.evolve(a_chart(line), title="memory", x_name="hours of soak", dots=False), "").alt
    assert alt == "memory (by hours of soak). one: 31 at first, 70 at last, 1 to 70 in all"


def test_the_history_of_a_soak_has_its_sessions_and_its_twin() -> None:
    samples = [sample_at(second, PAIR[second % 2]) for second in range(1, 40)]
    ending = ending_with([standing_at(39, PAIR[0])], samples=tuple(samples))
    [family] = histories(ending)
    charts = {chart.title: chart for chart in family.panels[0][1]}
    assert list(charts) == [
        "lookups a second", "race windows a second", "the twin's catches per trial",
        "length of a stop, 99 %", "memory of the machine's process",
    ]  # fmt: skip
    twin = charts["the twin's catches per trial"].series
    assert {mark.y for mark in twin[0].marks} == {0.5}
    assert twin[1].marks == ()


def test_axes_say_round_values_in_few_words() -> None:
    assert [text for _, text in linear_ticks(950_000, RATE)] == ["0", "200 k", "400 k", "600 k", "800 k"]
    low, high = log_limits([1e-6, 0.3])
    assert [text for _, text in log_ticks(low, high, RATE)] == ["10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1"]
    assert [text for _, text in log_ticks(*log_limits([0.002, 0.003]), TIME)] == ["1 ms", "2 ms", "5 ms"]
    assert (value_text(3e-5, TIME), share_text(3e-6), share_text(None), share_text(0)) == (
        "30 µs",
        "3.0·10⁻⁶",
        "-",
        "0",
    )
    assert all(math.isfinite(tick) for tick, _ in linear_ticks(1e30, RATE))


def test_no_tick_has_a_power_of_ten_that_nobody_reads() -> None:
    times = [text for _, text in log_ticks(*log_limits([0.01, 500_000]), TIME)]
    assert times == ["10 ms", "1 s", "100 s", "10,000 s", "1,000,000 s"]
    assert [value_text(value, COUNT) for value in (0.0, 999.6, 999_600, 5e15)] == ["0", "1 k", "1 M", "5,000 T"]
    assert [text for _, text in linear_ticks(3000 * 2**20, BYTES)] == [
        "0 MiB", "512 MiB", "1 GiB", "1.5 GiB", "2 GiB", "2.5 GiB"
    ]  # fmt: skip
    assert [text for _, text in linear_ticks(1000 * 2**20, BYTES)][-1] == "1,000 MiB"


def test_a_bound_in_a_table_is_rounded_up() -> None:
    bounds = (3 / 2890, 3 / 1000, 3.01e-6, 0.0009999, 0.0, None)
    assert [bound_share_text(bound) for bound in bounds] == ["0.0011", "0.003", "3.1·10⁻⁶", "0.001", "0", "-"]


def test_words_below_a_plot_do_not_run_into_each_other() -> None:
    ticks = [(float(place), "a long corpus") for place in range(30)]
    assert sum(1 for _, text in thinned(ticks) if text) < 6
    assert len(thinned(ticks)) == 30


def test_what_is_no_shape_and_no_text_is_left_out_of_a_drawing() -> None:
    drawn = embed(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" onload="x()"><script>x()</script><style>*{}</style>'
        '<g><path id="a" d="M 0.123 1" style="fill: #fff; background: url(x)"/><a href="x"><text>t</text></a>'
        '<foreignObject/></g></svg>', 3, "<b>",
    )  # fmt: skip
    assert drawn == (
        '<svg viewBox="0 0 1 1" role="img" class="plot"><title>&lt;b&gt;</title>'
        '<g><path id="p3-0" d="M 0.1 1" fill="#fff" /></g></svg>'
    )


def test_a_pair_of_runs_is_drawn_with_its_twin(tmp_path: Path) -> None:
    [source] = gather([write_runs(tmp_path / "run-1.json", *pair())])
    assert [series.label for series in families(source)[0].series] == ["stop_machine", "modlist_spinlock"]
