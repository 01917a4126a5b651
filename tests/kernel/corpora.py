"""Generated corpora that are hard on kallsyms: long, equal and odd names, aliases, symbols of every kind, edges.

A corpus is small in addresses, so that a reading may try one address after the other. Its last module has a
name of its own, since a corpus without one is refused.
"""

from hypothesis import strategies as st

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol

SPAN = 0x100
FIRST_BASE = 0x2000
ANCHOR = Module("anchor", Region(0x2400, 16, 16), Region(0, 0, 0), (Symbol(0x2404, 4, 1, 2, "only_here"),))

ODD_NAMES = (
    "",
    "$a",
    "$t",
    "$d",
    "$a.1",
    "$d.text",
    "$x",
    "$ab",
    "$",
    "a$a",
    "k",
    "kk",
    "n" * 126,
    "n" * 127,
    "n" * 128,
    "n" * 300,
    "é" * 63,
    "é" * 64,
    "日本語",
    "x" * 126 + "é",
)
NAMES = st.one_of(st.sampled_from(ODD_NAMES), st.text("abÿ_.$", min_size=1, max_size=6))


@st.composite
def symbols(draw: st.DrawFn, base: int) -> Symbol:
    """A symbol near `base`, on few different addresses so that aliases occur; one in four is undefined."""
    value = draw(st.one_of(st.integers(base - 8, base + SPAN + 8), st.sampled_from([0, 1, base, base + 16])))
    return Symbol(value, draw(st.integers(0, 64)), draw(st.sampled_from([0, 1, 0x100, 0xFFF1])), 2, draw(NAMES))


@st.composite
def regions(draw: st.DrawFn, base: int, room: int) -> Region:
    """A region within `room` bytes from `base`; it may be empty, all text, or have no text."""
    start = draw(st.integers(0, room // 4))
    size = draw(st.integers(0, room - start))
    return Region(base + start, size, draw(st.one_of(st.sampled_from([0, size]), st.integers(0, size))))


@st.composite
def modules(draw: st.DrawFn, number: int) -> Module:
    """Module `number`: init in one half of its span and core in the other, either one first."""
    base = FIRST_BASE + number * SPAN
    halves = [base, base + SPAN // 2]
    core_half = draw(st.integers(0, 1))
    core = draw(regions(halves[core_half], SPAN // 2))
    init = draw(regions(halves[1 - core_half], SPAN // 2))
    return Module(f"module{number}", core, init, tuple(draw(st.lists(symbols(base), max_size=12))))


@st.composite
def kernels(draw: st.DrawFn) -> tuple[KernelSymbol, ...]:
    """The kernel's own symbols below all modules: none, one or many, with aliases side by side."""
    values = sorted(draw(st.lists(st.integers(0, 60), max_size=24)))
    return tuple(KernelSymbol(value * 16, draw(NAMES.filter(bool))) for value in values)


@st.composite
def corpora(draw: st.DrawFn, most_modules: int = 3) -> Corpus:
    """A corpus of kernel symbols, up to `most_modules` modules side by side, and the anchor."""
    count = draw(st.integers(0, most_modules))
    drawn = tuple(draw(modules(number)) for number in range(count))
    return Corpus("generated", 0, draw(kernels()), (*drawn, ANCHOR))
