"""System.map and /proc/kallsyms: what is kept, how regions are inferred, and maps that cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import Corpus, KernelSymbol, Region
from stress.corpus.textmap import HIGH_BIAS, read_map
from stress.errors import UserError
from tests.support import bounded


def mapped(text: str) -> Corpus:
    """The corpus of a map."""
    return read_map(text.encode(), "test.map")


def test_system_map_of_a_64_bit_kernel() -> None:
    corpus = mapped("ffffffff81000010 T second\nffffffff81000000 T _text\nffffffff81000000 T _stext\n")
    assert corpus.bias == HIGH_BIAS
    assert corpus.source == "test.map"
    assert [(symbol.value + corpus.bias, symbol.name) for symbol in corpus.kernel] == [
        (0xFFFFFFFF81000000, "_text"),
        (0xFFFFFFFF81000000, "_stext"),
        (0xFFFFFFFF81000010, "second"),
    ]


def test_system_map_of_a_32_bit_kernel_has_no_bias() -> None:
    corpus = mapped("c0100000 T _text\nc0100010 t local\n")
    assert corpus.bias == 0
    assert corpus.kernel == (KernelSymbol(0xC0100000, "_text"), KernelSymbol(0xC0100010, "local"))


def test_absolute_per_cpu_and_generated_symbols_are_dropped() -> None:
    corpus = mapped(
        "0000000000000000 A fixed_percpu_data\n"
        "0000000000012340 d percpu_in_low_memory\n"
        "ffffffff81000000 T _text\n"
        "ffffffff82000000 a absolute\n"
        "ffffffffc0000000 t bpf_prog_6deef7357e7b4530\t[bpf]\n"
        "ffffffffc0001000 t ftrace_trampoline\t[__builtin__ftrace]\n"
    )
    assert [symbol.name for symbol in corpus.kernel] == ["_text"]
    assert corpus.modules == ()


def test_a_module_spans_its_pages() -> None:
    corpus = mapped(
        "ffffffff81000000 T _text\n"
        "ffffffffc0001020 d table\t[demo]\n"
        "ffffffffc0000010 t local\t[demo]\n"
        "ffffffffc0000800 T exported\t[demo]\n"
    )
    (demo,) = corpus.modules
    base = 0xFFFFFFFFC0000000 - HIGH_BIAS
    assert demo.core == Region(base, 0x2000, 0x1020)
    assert [symbol.name for symbol in demo.symbols] == ["table", "local", "exported"]
    assert [symbol.info for symbol in demo.symbols] == [0x01, 0x02, 0x12]
    assert len(demo.findable()) == 3


def test_text_reaches_the_end_when_no_data_follows_and_is_empty_without_functions() -> None:
    corpus = mapped("c0100010 t f\t[code]\nc0200010 d v\t[data]\n")
    assert [module.core.text_size for module in corpus.modules] == [0x1000, 0]


def test_neighbours_in_one_page_are_cut_apart() -> None:
    corpus = mapped("c0100e00 t a\t[one]\nc0100f00 t b\t[two]\nc0100f80 T kernel\n")
    one, two = corpus.modules
    assert one.core == Region(0xC0100000, 0xF00, 0xF00)
    assert two.core == Region(0xC0100F00, 0x80, 0x80)
    assert corpus.kernel == (KernelSymbol(0xC0100F80, "kernel"),)


def test_the_longest_run_of_a_scattered_module_stays() -> None:
    corpus = mapped(
        "c0100000 t a1\t[a]\nc0100010 t b1\t[b]\nc0100020 t a2\t[a]\nc0100030 t a3\t[a]\nc0100040 t b2\t[b]\n"
    )
    assert {module.name: [s.name for s in module.symbols] for module in corpus.modules} == {
        "a": ["a2", "a3"],
        "b": ["b1"],
    }


def test_an_address_claimed_twice_goes_to_the_first() -> None:
    corpus = mapped("c0100000 t a1\t[a]\nc0100000 T kernel\nc0100000 t b1\t[b]\nc0100008 t b2\t[b]\n")
    assert corpus.kernel == ()
    assert [symbol.name for symbol in corpus.modules[1].symbols] == ["b2"]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "contains no symbols"),
        (b"00000000 A only_absolute\n00000001 A other\n", "contains no symbols"),
        (b"0000000000000000 T _text\n0000000000000000 t f\t[m]\n", "kernel.kptr_restrict=0"),
        (
            b"ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n",
            "placeholder",
        ),
        (b"hello world\n", "line 1 is 'hello world'; it must be like"),
        (b"c0100000 T ok\nc0100000 T two words\n", "line 2 is 'c0100000 T two words'"),
        (b"c0100000 T ok\n\n", "line 2 is ''"),
        (b"c0100000 T \x1b[31mred\n", r"kernel symbol name .*x1b.* cannot be printed"),
        (b"11112222333344445 T f\n", "line 1 is"),
        (b"8000000000000000 T f\n", "value of kernel symbol 'f'"),
        (b"8000000000000000 t f\t[m]\n", "base of a region|value of symbol 'f'"),
        (b"c0100000 T " + b"n" * 512 + b"\n", "longer than 511 bytes"),
        (b"c0100000 T f\t[" + b"m" * 56 + b"]\n", "longer than 55 bytes"),
        (b"\xfd7zXZ\0", "neither a kernel module nor a symbol map"),
        (b"\x7fELF\x02\x01", r"an ELF file; a kernel module must be named \*\.ko"),
    ],
)
def test_maps_that_cannot_be_used(data: bytes, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        read_map(data, "test.map")
    assert str(caught.value).isprintable()


def test_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.corpus.textmap.MAX_SYMBOLS", 1)
    with pytest.raises(UserError, match="2 lines are too many"):
        mapped("c0100000 T a\nc0100001 T b\n")


OWNERS = st.sampled_from(["", "\t[a]", "\t[b]", "\t[c]", "\t[bpf]"])
LINES = st.tuples(st.integers(0, 0x4000), st.sampled_from("TtdDAbw"), OWNERS)


@bounded(400)
@given(st.lists(LINES, min_size=1, max_size=30))
def test_any_map_gives_a_valid_corpus_of_symbols_it_held(lines: list[tuple[int, str, str]]) -> None:
    text = "".join(f"{at + 0xC0100000:x} {kind} s{n}{owner}\n" for n, (at, kind, owner) in enumerate(lines))
    if all(kind == "A" or owner == "\t[bpf]" for _, kind, owner in lines):
        with pytest.raises(UserError, match="contains no symbols"):
            mapped(text)
        return
    corpus = mapped(text)
    held = {f"s{n}": (at + 0xC0100000, owner.strip("\t[]")) for n, (at, _, owner) in enumerate(lines)}
    assert all(held[symbol.name] == (symbol.value, "") for symbol in corpus.kernel)
    for module in corpus.modules:
        assert module.findable() == module.symbols
        assert all(held[symbol.name] == (symbol.value, module.name) for symbol in module.symbols)


@bounded(300)
@given(st.one_of(st.binary(max_size=60), st.text("0123456789abcdef TtA\t[]\nfx", max_size=80).map(str.encode)))
def test_alien_text_gives_a_user_error_or_a_corpus(data: bytes) -> None:
    try:
        assert read_map(data, "test.map").symbol_count > 0
    except UserError as error:
        assert str(error).isprintable()
