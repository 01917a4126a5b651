"""What a corpus object refuses, and what it answers about its symbols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol, unique_names
from stress.corpus.model import ADDRESS_LIMIT, MAX_MODULES, MAX_SYMBOLS, NO_REGION
from stress.errors import UserError
from tests.support import bounded


def module(name: str = "demo", base: int = 0x1000, size: int = 0x100, symbols: tuple[Symbol, ...] = ()) -> Module:
    """A module with a core region only."""
    return Module(name, Region(base, size, size // 2), NO_REGION, symbols)


@pytest.mark.parametrize(
    ("value", "size", "shndx", "info", "name", "complaint"),
    [
        (-1, 0, 1, 0, "a", "value of symbol 'a' is -0x1"),
        (ADDRESS_LIMIT, 0, 1, 0, "a", "value of symbol 'a' is 0x4000000000000000"),
        (0, -1, 1, 0, "a", "size of symbol 'a'"),
        (0, 0, 0x10000, 0, "a", "section index of symbol 'a'"),
        (0, 0, 1, 256, "a", "info byte of symbol 'a'"),
        (0, 0, 1, 0, "a\0b", "cannot be printed"),
        (0, 0, 1, 0, "a\nb", "cannot be printed"),
        (0, 0, 1, 0, "\u202eevil", "cannot be printed"),
        (0, 0, 1, 0, "\udc80", "cannot be printed"),
        (0, 0, 1, 0, "é" * 256, "longer than 511 bytes"),
    ],
)
def test_symbol_refuses(value: int, size: int, shndx: int, info: int, name: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        Symbol(value, size, shndx, info, name)
    assert str(caught.value).isprintable()


def test_symbol_takes_the_limits() -> None:
    symbol = Symbol(ADDRESS_LIMIT - 1, ADDRESS_LIMIT - 1, 0xFFFF, 255, "é" * 255 + "x")
    assert len(symbol.name.encode()) == 511


@pytest.mark.parametrize(
    ("shndx", "name", "findable"),
    [
        (1, "f", True),
        (0xFFF1, "absolute", True),
        (0, "undefined", False),
        (1, "", False),
        (1, "$a", False),
        (1, "$d.1", False),
        (1, "$x", True),
        (1, "$data", True),
    ],
)
def test_findable_is_what_get_ksymbol_considers(shndx: int, name: str, findable: bool) -> None:
    assert Symbol(1, 0, shndx, 0, name).findable is findable


@pytest.mark.parametrize(
    ("base", "size", "text", "complaint"),
    [
        (-1, 0, 0, "base of a region"),
        (ADDRESS_LIMIT, 0, 0, "base of a region"),
        (ADDRESS_LIMIT - 1, 2, 0, "size of a region"),
        (0, -1, 0, "size of a region"),
        (0, 8, 9, "text size of a region"),
        (0, 8, -1, "text size of a region"),
    ],
)
def test_region_refuses(base: int, size: int, text: int, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Region(base, size, text)


def test_region_covers_its_first_byte_and_not_its_end() -> None:
    region = Region(100, 10, 0)
    assert [region.covers(address) for address in (99, 100, 109, 110)] == [False, True, True, False]
    assert region.end == 110


@pytest.mark.parametrize("name", ["", "n" * 56, "tab\t"])
def test_module_refuses_names(name: str) -> None:
    with pytest.raises(UserError, match="name"):
        module(name)


def test_module_takes_a_name_of_55_bytes() -> None:
    assert len(module("n" * 55).name) == 55


def test_module_refuses_init_inside_core() -> None:
    with pytest.raises(UserError, match="overlap at 0x1080"):
        Module("demo", Region(0x1000, 0x100, 0), Region(0x1080, 0x10, 0), ())


def test_module_finds_only_symbols_in_its_regions() -> None:
    inside, file, init = (
        Symbol(0x1010, 0, 1, 0, "f"),
        Symbol(0, 0, 0xFFF1, 4, "f.c"),
        Symbol(0x2000, 0, 2, 0, "i"),
    )
    owner = Module("demo", Region(0x1000, 0x100, 0), Region(0x2000, 8, 8), (inside, file, init))
    assert owner.findable() == (inside, init)
    assert owner.covers(0x2007)
    assert not owner.covers(0x2008)


@pytest.mark.parametrize("name", ["", "x" * 512])
def test_kernel_symbol_refuses_names(name: str) -> None:
    with pytest.raises(UserError, match="kernel symbol"):
        KernelSymbol(1, name)


def test_corpus_refuses_a_module_twice() -> None:
    with pytest.raises(UserError, match="module 'demo' occurs 2 times"):
        Corpus("test", 0, (), (module(), module(base=0x9000)))


def test_corpus_refuses_overlapping_modules() -> None:
    with pytest.raises(UserError, match="'a' and 'b' overlap at 0x10ff"):
        Corpus("test", 0, (), (module("b", 0x10FF), module("a", 0x1000)))


@pytest.mark.parametrize("value", [0x1000, 0x10FF])
def test_corpus_refuses_kernel_symbols_inside_modules(value: int) -> None:
    with pytest.raises(UserError, match="kernel symbol 'printk' lies inside module 'demo'"):
        Corpus("test", 0, (KernelSymbol(value, "printk"),), (module(),))


def test_corpus_takes_neighbours_that_touch() -> None:
    kernel = (KernelSymbol(0xFFF, "before"), KernelSymbol(0x1200, "behind"))
    corpus = Corpus("test", 0, kernel, (module("a", 0x1000), module("b", 0x1100)))
    assert corpus.symbol_count == 2


def test_corpus_refuses_unsorted_kernel_symbols() -> None:
    with pytest.raises(UserError, match="'a' is out of order"):
        Corpus("test", 0, (KernelSymbol(2, "b"), KernelSymbol(1, "a")), ())


@pytest.mark.parametrize("bias", [-1, 0xC000000000000001])
def test_corpus_refuses_a_bias_that_leaves_64_bits(bias: int) -> None:
    with pytest.raises(UserError, match="the bias is"):
        Corpus("test", bias, (), ())


def test_corpus_refuses_an_unprintable_source() -> None:
    with pytest.raises(UserError, match="source"):
        Corpus("\x1b[31m", 0, (), ())


def test_corpus_refuses_too_many_modules() -> None:
    with pytest.raises(UserError, match=f"at most {MAX_MODULES}"):
        Corpus("test", 0, (), (module(),) * (MAX_MODULES + 1))


def test_corpus_refuses_too_many_symbols() -> None:
    table = (Symbol(0, 0, 0, 0, ""),) * (MAX_SYMBOLS // 2)
    halves = tuple(module(name, base, symbols=table) for name, base in (("a", 0x1000), ("b", 0x2000)))
    assert Corpus("test", 0, (), halves).symbol_count == MAX_SYMBOLS
    with pytest.raises(UserError, match=f"at most {MAX_SYMBOLS}"):
        Corpus("test", 0, (KernelSymbol(1, "one"),), halves)


def test_unique_names_counts_kernel_and_findable_symbols() -> None:
    symbols = (Symbol(0x1000, 0, 1, 0, "own"), Symbol(0x1001, 0, 1, 0, "shared"), Symbol(0, 0, 0, 0, "own"))
    corpus = Corpus("test", 0, (KernelSymbol(1, "shared"), KernelSymbol(2, "printk")), (module(symbols=symbols),))
    assert unique_names(corpus) == {"own", "printk"}


@bounded(200)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=6))
def test_overlap_is_found_exactly_when_bytes_are_shared(spans: list[tuple[int, int]]) -> None:
    modules = tuple(module(f"m{n}", base, size) for n, (base, size) in enumerate(spans))
    covered = [address for base, size in spans for address in range(base, base + size)]
    if len(covered) == len(set(covered)):
        assert len(Corpus("test", 0, (), modules).modules) == len(spans)
    else:
        with pytest.raises(UserError, match="overlap"):
            Corpus("test", 0, (), modules)
