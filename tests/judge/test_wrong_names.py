"""What a wrong name is: judge_wrong_name against a plain reading of the rules, over the bundled corpus's names."""

import functools
from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import bundled
from stress.judge import names as index
from stress.judge.names import judge_wrong_name, longest_shared
from stress.judge.outcomes import Code
from stress.judge.tables import pack_names, padded, poison_run
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.runs.boot import boot_ram, build_world
from tests.support import blank_ram, bounded, python_cpu

COPY_BYTES = 127


def common(left: bytes, right: bytes) -> int:
    """How many bytes both have in common from their beginning."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (mine, other) in pairs if mine != other), min(len(left), len(right)))


@attrs.frozen
class Bench:
    """A machine with an index of names, and where to put a copied name."""

    ram: Ram
    cpu: PythonCpu
    names: frozenset[bytes]
    run: int

    def judged(self, copy: bytes) -> Code:
        """What judge_wrong_name says of a buffer that holds `copy`, which is padded with zeros."""
        buffer = self.cpu.area + 0x800
        self.ram.write(buffer, padded(copy))
        return Code(judge_wrong_name(self.cpu, buffer))

    def plainly(self, copy: bytes) -> Code:
        """The same by the rules as the design states them."""
        if b"\xa5" in copy or b"k" * self.run in copy:
            return Code.POISONED
        name = copy.split(b"\0")[0]
        if name in self.names:
            return Code.ALIEN
        beginning = max(common(name, other) for other in self.names)
        end = max(common(name[::-1], other[::-1]) for other in self.names)
        return Code.TORN if beginning > 0 and beginning + end >= len(name) else Code.GARBLED


@functools.cache
def bundled_bench() -> Bench:
    """The bundled corpus, laid out as a run does it."""
    world = build_world(bundled())
    ram = boot_ram(world, 1)
    cut = frozenset(name[:COPY_BYTES] for name in world.names if name)
    return Bench(ram, python_cpu(ram), cut, ram.peek(index.POISON_RUN))


def bench_of(*names: bytes) -> Bench:
    """A machine that knows these names only."""
    ram = blank_ram()
    table, forward, backward = pack_names(set(names), ram.map.data)
    ram.write(ram.map.data, table)
    for word, value in (
        (index.NAMES, forward),
        (index.NAMES_BACKWARDS, backward),
        (index.NUM_NAMES, (backward - forward) // 8),
        (index.POISON_RUN, poison_run(set(names))),
    ):
        ram.poke(word, value)
    return Bench(ram, python_cpu(ram), frozenset(name[:COPY_BYTES] for name in names), poison_run(set(names)))


NAMES = st.sampled_from(sorted(name[:COPY_BYTES] for name in build_world(bundled()).names if name))
ODD = st.sampled_from([b"k", b"kk", b"kkk", b"kkkk", b"k" * 127, b"\xa5", b"ZZ", b"\0", b"\xff"])


@st.composite
def mixes(draw: st.DrawFn) -> bytes:
    """The beginning of one name and the end of another, as a copy that was overtaken has them."""
    left, right = draw(NAMES), draw(NAMES)
    at = draw(st.integers(0, max(len(left), len(right))))
    return left[:at] + right[draw(st.one_of(st.just(at), st.integers(0, len(right)))) :]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A name with something odd written over it or put into it."""
    name, odd = draw(NAMES), draw(ODD)
    at = draw(st.integers(0, len(name)))
    return name[:at] + odd + name[at + draw(st.sampled_from([0, len(odd)])) :]


COPIES = st.one_of(NAMES, mixes(), damaged(), st.binary(max_size=COPY_BYTES)).map(lambda copy: copy[:COPY_BYTES])


@bounded(400)
@given(COPIES)
def test_every_copy_is_what_a_plain_reading_of_the_rules_says(copy: bytes) -> None:
    assert bundled_bench().judged(copy) == bundled_bench().plainly(copy)


SMALL_NAMES = st.sets(st.text("abk", min_size=1, max_size=5).map(str.encode), min_size=1, max_size=8)


@bounded(250)
@given(SMALL_NAMES, st.text("abk", max_size=7).map(str.encode))
def test_names_that_are_much_alike_are_judged_right_too(names: set[bytes], copy: bytes) -> None:
    bench = bench_of(*names)
    assert bench.judged(copy) == bench.plainly(copy)


@bounded(150)
@given(SMALL_NAMES, st.text("abk", max_size=7).map(str.encode), st.booleans())
def test_the_longest_shared_beginning_and_end_are_those_of_all_names(
    names: set[bytes], copy: bytes, backwards: bool
) -> None:
    bench = bench_of(*names)
    bench.ram.write(bench.cpu.area + 0x800, padded(copy))
    table = bench.ram.peek(index.NAMES_BACKWARDS if backwards else index.NAMES)
    step = -1 if backwards else 1
    expected = max(common(copy[::step], name[::step]) for name in names)
    assert longest_shared(bench.cpu, bench.cpu.area + 0x800, len(copy), table, backwards) == expected


def test_every_name_of_the_corpus_is_alien_where_it_does_not_belong_and_never_poison() -> None:
    bench = bundled_bench()
    assert any(b"k" in name for name in bench.names)
    assert {bench.judged(name) for name in bench.names} == {Code.ALIEN}


@pytest.mark.parametrize(
    ("names", "copy", "expected"),
    [
        ([b"walk_kernel", b"kkr"], b"kkr", Code.ALIEN),
        ([b"walk_kernel", b"kkr"], b"walk_kk", Code.GARBLED),
        ([b"walk_kernel", b"kkr"], b"kkkr", Code.POISONED),
        ([b"walk", b"talk"], b"wakk", Code.POISONED),
        ([b"walk", b"talk"], b"wk\xa5", Code.POISONED),
        ([b"walk", b"talk"], b"walkalk", Code.TORN),
        ([b"walk", b"talk"], b"tal", Code.TORN),
        ([b"walk", b"talk"], b"alk", Code.GARBLED),
        ([b"walk", b"talk"], b"", Code.GARBLED),
        ([b"n" * 200], b"n" * 127, Code.ALIEN),
        ([b"n" * 200], b"n" * 126, Code.TORN),
    ],
)
def test_a_copy_has_the_outcome_that_its_bytes_tell(names: Sequence[bytes], copy: bytes, expected: Code) -> None:
    assert bench_of(*names).judged(copy) == expected


def test_poison_behind_the_nul_of_a_copied_name_is_seen() -> None:
    assert bench_of(b"walk").judged(b"walk\0kkk") == Code.POISONED
    assert bench_of(b"walk").judged(b"walk".ljust(126, b"\0") + b"\xa5") == Code.POISONED


@bounded(100)
@given(st.sets(st.text("ak", max_size=8).map(str.encode), max_size=6))
def test_the_poison_run_is_the_shortest_of_two_or_more_that_no_name_has(names: set[bytes]) -> None:
    run = poison_run(names)
    assert run >= 2
    assert not any(b"k" * run in name for name in names)
    assert run == 2 or any(b"k" * (run - 1) in name for name in names)
