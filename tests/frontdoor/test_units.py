"""Durations and rates: what is written is read back, anything else is one clear error."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.errors import UserError
from stress.units import parse_duration, parse_rate, show_amount, show_bound, show_duration, show_number, write_duration
from tests.support import bounded


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("1h30m", 5400), ("250us", 250e-6), ("1.5s", 1.5), ("0s", 0)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text, "--duration") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "s", "5 s", "-1s", "1s5", "five", "1e3s", "5S", "1s\n"])
def test_anything_else_is_an_error_that_names_value_origin_and_units(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_duration(text, "--duration")
    assert repr(text) in str(caught.value)
    assert "--duration" in str(caught.value)
    assert "us, ms, s, m, h, d" in str(caught.value)


def test_a_duration_of_centuries_is_refused() -> None:
    with pytest.raises(UserError, match="longer than a year"):
        parse_duration("99999999999h", "--duration")


@bounded(200)
@given(st.integers(0, 10**11))
def test_a_written_duration_is_read_back(microseconds: int) -> None:
    assert parse_duration(write_duration(microseconds / 1e6), "x") == pytest.approx(microseconds / 1e6)


@pytest.mark.parametrize(("text", "rate"), [("1/64", Fraction(1, 64)), ("0.01", Fraction(1, 100)), ("0", 0), ("1", 1)])
def test_a_rate_is_read(text: str, rate: Fraction) -> None:
    assert parse_rate(text, "--noise") == rate


@pytest.mark.parametrize("text", ["1/0", "2", "-1/64", "often", "", "nan"])
def test_a_rate_out_of_range_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match="--noise"):
        parse_rate(text, "--noise")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.5 s"), (0.0174, "17.4 ms"), (17.4e-6, "17.4 us"), (0.0, "0 us")]
)
def test_durations_are_shown_with_three_digits(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(
    ("bound", "digits", "text"),
    [
        (3 / 2890, 2, "0.0011"), (3 / 2629, 2, "0.0012"), (3 / 1000, 2, "0.003"), (3 / 2890, 3, "0.00104"),
        (0.7000001, 2, "0.71"), (0.999, 2, "1"), (1.0, 2, "1"), (3.01e-6, 2, "3.1e-06"), (3e-6, 2, "3e-06"),
    ],
)  # fmt: skip
def test_a_bound_is_rounded_up_and_one_of_few_digits_stays(bound: float, digits: int, text: str) -> None:
    assert show_bound(bound, digits) == text


@bounded(200)
@given(st.floats(1e-12, 1.0), st.integers(2, 3))
def test_no_bound_is_shown_lower_than_it_is(bound: float, digits: int) -> None:
    shown = float(show_bound(bound, digits))
    assert bound * (1 - 1e-11) <= shown <= bound * (1 + 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.25, "250 ms"), (59.2, "59.2 s"), (60, "1 min"), (252.4, "4 min 12 s"), (5400, "1 h 30 min"),
        (3601, "1 h"), (28800, "8 h"), (2 * 86400 + 3 * 3600 + 240, "2 d 3 h"), (529_012, "6 d 2 h"),
        (0.9996, "1 s"), (999.6e-6, "1 ms"), (59.96, "1 min"), (0.9994, "999 ms"), (119.7, "2 min"),
    ],
)  # fmt: skip
def test_people_are_told_a_duration_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert show_duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"), (0.04712, 3, "0.0471"), (17.42, 3, "17.4"), (999.6, 3, "1,000"), (12_346, 3, "12,300"),
        (99.6, 2, "100"), (47.4, 2, "47"), (4.74, 2, "4.7"), (3000, 2, "3,000"), (-1234, 3, "-1,230"),
    ],
)  # fmt: skip
def test_numbers_are_shown_without_powers_of_ten(value: float, digits: int, text: str) -> None:
    assert show_number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.033, "0.033"), (17.42, "17.4"), (99.96, "100"), (123_456.7, "123,457")]
)
def test_little_is_not_shown_as_nothing(value: float, text: str) -> None:
    assert show_amount(value) == text
