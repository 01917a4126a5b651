"""The description of a corpus in the terminal."""

from io import StringIO

from rich.console import Console

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol, bundled
from stress.corpus.model import NO_REGION
from stress.corpus.show import describe


def rendered(corpus: Corpus, width: int = 80, *, terminal: bool = False) -> list[str]:
    """The lines that are printed at this width; with escape sequences if it is a terminal."""
    output = StringIO()
    Console(file=output, width=width, force_terminal=terminal).print(describe(corpus))
    return output.getvalue().splitlines()


def test_totals_and_modules_of_the_bundled_corpus() -> None:
    lines = rendered(bundled())
    assert lines[0].strip() == bundled().source
    assert any(line.split() == ["modules", str(len(bundled().modules))] for line in lines)
    assert any(line.split()[:2] == ["bfs", "0xffffffffa0000000"] for line in lines)
    assert max(map(len, lines)) <= 80


def test_figures() -> None:
    symbols = (
        Symbol(0x1000, 0, 1, 0, "same"),
        Symbol(0x1001, 0, 1, 0, "größe"),
        Symbol(0, 0, 0, 0, "printk"),
    )
    demo = Module("demo", Region(0x1000, 0x1234, 0x40), Region(0x8000, 8, 8), symbols)
    lines = [" ".join(line.split()) for line in rendered(Corpus("test", 0x10, (KernelSymbol(1, "same"),), (demo,)))]
    assert "symbols 2 in modules, 1 in the kernel" in lines
    assert "unique names 1" in lines
    assert "longest name größe (7 bytes)" in lines
    assert f"memory 4,668 bytes of modules, {4 * 24 + 1 + 5 + 8 + 7} of symbol tables" in lines
    assert "demo 0x1010 64 8 2" in lines


def test_an_empty_corpus() -> None:
    assert "longest name none" in [" ".join(line.split()) for line in rendered(Corpus("empty", 0, (), ()))]


def test_names_are_not_markup() -> None:
    evil = "[red]x[/red][link=file:///etc]"
    symbols = (Symbol(0x1000, 0, 1, 0, "[bold]" + "n" * 20 + "[/nothing]"),)
    demo = Module(evil, Region(0x1000, 16, 16), NO_REGION, symbols)
    text = "\n".join(rendered(Corpus("[blink]source[/]", 0, (), (demo,)), 120))
    assert evil in text
    assert "[blink]source[/]" in text
    assert "[bold]" + "n" * 20 + "[/nothing] (36 bytes)" in text
    styled = "\n".join(rendered(Corpus("[blink]source[/]", 0, (), (demo,)), 120, terminal=True))
    assert "\x1b]8" not in styled
    assert evil in styled


def test_long_names_are_shown_whole() -> None:
    demo = Module("m" * 55, Region(2**62 - 2**40, 2**40, 2**40), NO_REGION, ())
    lines = rendered(Corpus("test", 0xC000000000000000, (), (demo,)))
    assert sum(line.count("m") for line in lines[6:] if "symbols" not in line) == 55
    assert max(map(len, lines)) <= 80
