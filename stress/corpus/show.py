"""Describes a corpus in the terminal; `kstress corpus show` and `corpus import` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.corpus.model import Corpus, Module, unique_names

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_ELF64_SYM_BYTES = 24


def describe(corpus: Corpus) -> RenderableType:
    """A rich renderable: the source, the totals, and a table with a row for each module.

    Names come from files, so they are plain text here and never rich markup.
    """
    from rich.console import Group
    from rich.text import Text

    return Group(Text(corpus.source), _totals(corpus), _modules(corpus))


def _totals(corpus: Corpus) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in _facts(corpus):
        grid.add_row(label, Text(value))
    return grid


def symbols_text(corpus: Corpus) -> str:
    """The number of symbols that lookups can find, in modules and in the kernel itself, in words."""
    findable = sum(len(module.findable()) for module in corpus.modules)
    return f"{findable:,} in modules, {len(corpus.kernel):,} in the kernel"


def _facts(corpus: Corpus) -> list[tuple[str, str]]:
    names = [symbol.name for module in corpus.modules for symbol in module.findable()]
    names += [symbol.name for symbol in corpus.kernel]
    longest = max(names, key=lambda name: len(name.encode()), default="")
    return [
        ("modules", f"{len(corpus.modules):,}"),
        ("symbols", symbols_text(corpus)),
        ("unique names", f"{len(unique_names(corpus)):,}"),
        ("longest name", f"{longest} ({len(longest.encode())} bytes)" if longest else "none"),
        ("memory", f"{_region_bytes(corpus):,} bytes of modules, {_table_bytes(corpus):,} of symbol tables"),
    ]


def _region_bytes(corpus: Corpus) -> int:
    return sum(module.core.size + module.init.size for module in corpus.modules)


def _table_bytes(corpus: Corpus) -> int:
    """Elf64_Sym entries and names with their NUL, the null symbol of each table included."""
    entries = [symbol.name for module in corpus.modules for symbol in module.symbols]
    return sum(_ELF64_SYM_BYTES + len(name.encode()) + 1 for name in [*entries, *[""] * len(corpus.modules)])


def _modules(corpus: Corpus) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("module", overflow="fold")
    for heading in ("address", "text bytes", "init bytes", "symbols"):
        table.add_column(heading, justify="right", no_wrap=True)
    for module in corpus.modules:
        _add_module(table, module, corpus.bias)
    return table


def _add_module(table: Table, module: Module, bias: int) -> None:
    from rich.text import Text

    sizes = (module.core.text_size, module.init.size, len(module.findable()))
    table.add_row(Text(module.name), f"{module.core.base + bias:#x}", *(f"{size:,}" for size in sizes))
