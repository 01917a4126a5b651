"""Where the bytes of a wrong name come from: the runs add up and each is what it says; known cases are told right."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import Corpus, KernelSymbol
from stress.judge.sources import BEGINNING, END, FRESH, POISON, UNKNOWN, WHOLE, NameBook, common, owners_of
from stress.judge.violation import ByteRun
from tests.support import bounded, simple_corpus

RIGHT = b"walk_the_dog"
NAMES = st.sets(st.text("abkZ", min_size=1, max_size=6).map(str.encode), min_size=1, max_size=8)
COPIES = st.lists(
    st.sampled_from([b"a", b"b", b"ab", b"kk", b"kkkkkkkk", b"\xa5", b"ZZZZZZZZ", b"ba", b"\xff"]), max_size=6
).map(b"".join)


def named(run: ByteRun) -> bytes:
    """The name that a run comes from, empty if none."""
    return run.name or b""


@bounded(400)
@given(NAMES, COPIES, st.data())
def test_the_runs_add_up_to_the_copy_and_each_is_what_it_says(
    names: set[bytes], copied: bytes, data: st.DataObject
) -> None:
    right = data.draw(st.sampled_from(sorted(names)))
    runs = NameBook(names).explain(copied, right)
    assert b"".join(run.data for run in runs) == copied
    assert all(run.data for run in runs)
    for place, run in enumerate(runs):
        assert run.name in ({None} if run.kind in (POISON, FRESH, UNKNOWN) else names)
        assert run.kind != WHOLE or run.data == run.name
        assert run.kind != BEGINNING or (named(run).startswith(run.data) and place == 0)
        assert run.kind != END or (named(run).endswith(run.data) and place == len(runs) - 1)
        assert run.kind != POISON or set(run.data) <= {0x6B, 0xA5}
        assert run.kind != FRESH or set(run.data) == {0x5A}
        assert run.kind in (POISON, FRESH) or b"\xa5" not in run.data
        assert run.kind != POISON or b"\xa5" in run.data or not any(run.data in name for name in names)


@bounded(300)
@given(NAMES, st.text("ab", min_size=1, max_size=7).map(str.encode))
def test_no_beginning_and_no_end_is_longer_than_those_that_are_told(names: set[bytes], copied: bytes) -> None:
    runs = NameBook(names).explain(copied, min(names))
    longest = max(common(copied, name) for name in names)
    if longest == len(copied) or runs[0].kind in (WHOLE, BEGINNING):
        assert len(runs[0].data) == longest
    back = max(common(copied[::-1], name[::-1]) for name in names)
    assert sum(len(run.data) for run in runs if run.kind == UNKNOWN) == max(len(copied) - longest - back, 0)


def told(runs: Sequence[ByteRun]) -> list[tuple[bytes, str, bytes]]:
    """Runs without their owners."""
    return [(run.data, run.kind, named(run)) for run in runs]


@pytest.mark.parametrize(
    ("copied", "expected"),
    [
        (b"walk_kernel", [(b"walk_kernel", WHOLE, b"walk_kernel")]),
        (b"walk", [(b"walk", BEGINNING, RIGHT)]),
        (b"the_dog", [(b"the_dog", END, RIGHT)]),
        (b"walk_kart", [(b"walk_k", BEGINNING, b"walk_kernel"), (b"art", END, b"start")]),
        (b"walk_xxart", [(b"walk_", BEGINNING, RIGHT), (b"xx", UNKNOWN, b""), (b"art", END, b"start")]),
        (b"walk_kkkkkk", [(b"walk_", BEGINNING, RIGHT), (b"kkkkkk", POISON, b"")]),
        (b"wakkkk\xa5dog", [(b"wa", BEGINNING, RIGHT), (b"kkkk\xa5", POISON, b""), (b"dog", END, RIGHT)]),
        (b"kkkxkkkrt", [(b"kkk", POISON, b""), (b"x", UNKNOWN, b""), (b"kkk", POISON, b""), (b"rt", END, b"start")]),
        (b"ZZZZZZrt", [(b"ZZZZZZ", FRESH, b""), (b"rt", END, b"start")]),
        (b"?", [(b"?", UNKNOWN, b"")]),
        (b"", []),
    ],
)
def test_a_copy_is_told_by_what_it_is_made_of(copied: bytes, expected: list[tuple[bytes, str, bytes]]) -> None:
    book = NameBook([b"walk_kernel", RIGHT, b"start"])
    assert told(book.explain(copied, RIGHT)) == expected


def test_of_names_that_share_as_much_the_right_one_is_told() -> None:
    book = NameBook([b"aa_one", b"aa_two", b"aa_six"])
    for right in (b"aa_one", b"aa_two"):
        [run, _] = book.explain(b"aa_?", right)
        assert (run.data, run.name) == (b"aa_", right)
    [whole] = book.explain(b"aa_two", b"aa_one")
    assert (whole.kind, whole.name) == (WHOLE, b"aa_two")


def test_a_long_name_is_known_as_copies_cut_it() -> None:
    [run] = NameBook([b"n" * 300]).explain(b"n" * 127, b"m")
    assert (run.kind, run.name) == (WHOLE, b"n" * 127)


def test_owners_are_all_modules_that_have_a_name_and_the_kernel() -> None:
    made = simple_corpus(2)
    corpus = Corpus("made", 0, (KernelSymbol(1, "mod0_sym0"),), made.modules)
    names = {b"mod0_sym0", b"mod1_sym2", b"mod1", b"nobody"}
    assert owners_of(corpus, names) == {
        b"mod0_sym0": ("kernel", "mod0"),
        b"mod1_sym2": ("mod1",),
        b"mod1": ("module",),
        b"nobody": (),
    }
