"""The small numbers: latencies in a histogram, pseudo-random numbers, seeds."""

import math
from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.machine.latency import BUCKETS, percentile, record_latency, upper_edge
from stress.machine.random import LARGEST, MODULUS, prandom, seed_of
from stress.machine.seam import Oops
from stress.machine.words import (
    BAD_ARGUMENT,
    CAUSE_WILD,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    LATENCIES,
    RANDOM,
)
from tests.machine.random_programs import PRELUDE, WORDS
from tests.support import blank_ram, bounded, python_cpu

LARGE = st.sampled_from([1 << bits for bits in range(31, 63)])
CHOSEN = """
from stress.machine.random import prandom

@kernel
def chosen(cpu: Cpu, below: int, x: int, y: int) -> int:
    cpu.store(WORDS, prandom(cpu, below))
    return 0
"""
HOUR = 3600 * 10**9
LATENCY = st.one_of(st.integers(1, 100), st.integers(1, HOUR), st.integers(0, 41).map(lambda bits: 1 << bits))


def histogram(latencies: list[int]) -> list[int]:
    """The counts of a CPU's log after these latencies."""
    ram = blank_ram()
    cpu = python_cpu(ram)
    for latency in latencies:
        record_latency(cpu, latency)
    return ram.log_words(LATENCIES, BUCKETS)[0]


@bounded(150)
@given(st.lists(LATENCY, min_size=1, max_size=60), st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_at_most_one_sixteenth_above_the_exact_one(latencies: list[int], share: float) -> None:
    exact = sorted(latencies)[math.ceil(share * len(latencies)) - 1]
    told = percentile(histogram(latencies), share)
    assert told is not None
    assert exact <= told <= exact * (1 + 1 / 16)


@bounded(100)
@given(LATENCY)
def test_a_latency_falls_into_the_one_bucket_whose_edges_are_around_it(latency: int) -> None:
    counts = histogram([latency])
    bucket = counts.index(1)
    assert sum(counts) == 1
    assert (upper_edge(bucket - 1) if bucket else -1) < latency <= upper_edge(bucket)


def test_a_clock_that_steps_back_counts_as_0_and_a_year_as_the_longest() -> None:
    counts = histogram([-5, 0, 365 * 24 * HOUR])
    assert (counts[0], counts[-1], sum(counts)) == (2, 1, 3)


def test_without_latencies_there_is_no_percentile() -> None:
    assert percentile([0] * BUCKETS, 0.5) is None


def test_a_latency_of_0_has_a_percentile_of_0() -> None:
    assert percentile(histogram([0]), 0.99) == 0


def drawn(seed: int, below: int, count: int) -> list[int]:
    """`count` numbers of a CPU with this seed."""
    ram = blank_ram()
    cpu = python_cpu(ram)
    ram.poke(cpu.log + RANDOM, seed_of(seed, 0, 0))
    return [prandom(cpu, below) for _ in range(count)]


@bounded(100)
@given(st.integers(0, 2**63), st.one_of(*(st.integers(1, most) for most in (1000, MODULUS + 1, LARGEST)), LARGE))
def test_prandom_is_in_range(seed: int, below: int) -> None:
    assert all(0 <= number < below for number in drawn(seed, below, 30))


@pytest.mark.native
def test_prandom_gives_the_same_numbers_on_both_engines() -> None:
    from .agreement import Pair

    pair = Pair(PRELUDE + CHOSEN)
    for ram in pair.rams:
        ram.poke(ram.map.log(0) + RANDOM, 1)
    for below in (1, 2, 1000, MODULUS - 1, MODULUS, MODULUS + 1, 1 << 32, 1 << 40, (1 << 62) + 1, LARGEST - 1, LARGEST):
        for _ in range(20):
            assert pair.python(below, 0, 0) == pair.native(below, 0, 0) == 0
            python, native = (ram.peek(WORDS) for ram in pair.rams)
            assert python == native
            assert 0 <= python < below


@pytest.mark.parametrize("below", [1 << 32, 1 << 40, 3 << 61])
def test_large_numbers_are_roughly_uniform(below: int) -> None:
    counts = Counter(number * 12 // below for number in drawn(42, below, 4800))
    chi_square = sum((counts[part] - 400) ** 2 / 400 for part in range(12))
    assert chi_square < 12 + 5 * math.sqrt(24)


@pytest.mark.parametrize("below", [0, -5, -(2**63)])
def test_prandom_below_less_than_1_is_a_bad_call(below: int) -> None:
    cpu = python_cpu(blank_ram())
    with pytest.raises(Oops):
        prandom(cpu, below)
    noted = [cpu.peek(cpu.log + word) for word in (FAULT_CAUSE, FAULT_ADDRESS, FAULT_ACCESS)]
    assert noted == [CAUSE_WILD, below, BAD_ARGUMENT]


@pytest.mark.parametrize("below", [2, 3, 10, 64])
def test_prandom_is_roughly_uniform(below: int) -> None:
    expected = 400
    counts = Counter(drawn(42, below, below * expected))
    chi_square = sum((counts[number] - expected) ** 2 / expected for number in range(below))
    assert chi_square < below + 5 * math.sqrt(2 * below)


def test_prandom_repeats_for_a_seed_and_differs_between_seeds() -> None:
    assert drawn(1, 1 << 20, 8) == drawn(1, 1 << 20, 8) != drawn(2, 1 << 20, 8)


def test_prandom_is_the_minimal_standard_generator() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    ram.poke(cpu.log + RANDOM, 1)
    for _ in range(10_000):
        prandom(cpu, 2)
    assert ram.peek(cpu.log + RANDOM) == pow(48_271, 10_000, 2**31 - 1) == 399_268_537


def test_seeds_of_seed_part_and_cpu_are_distinct_states_of_the_generator() -> None:
    seeds = {seed_of(*arguments) for arguments in product(range(12), range(12), range(12))}
    assert len(seeds) == 12**3
    assert all(1 <= seed <= MODULUS - 1 for seed in seeds)
