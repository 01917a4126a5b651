"""`kstress corpus`."""

from pathlib import Path

import click

from stress.commands.group import Commands


@click.group(cls=Commands)
def corpus() -> None:
    """Read symbols from real kernel modules, and show what a corpus holds."""


@corpus.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The corpus file to write.")
@click.option("--source", help="A note on where the symbols come from.  [default: the paths]")
def corpus_import(paths: tuple[Path, ...], output: Path, source: str | None) -> int:
    """Import .ko, .ko.xz and .ko.zst files, folders of them, a System.map or /proc/kallsyms."""
    from stress.corpus import save
    from stress.corpus.importer import import_corpus
    from stress.results.terminal.places import check_kept
    from stress.safe_text import shown

    check_kept({"corpus import --output": output}, paths)
    imported = import_corpus(paths, source)
    save(imported, output)
    click.echo(f"{shown(output)}: {len(imported.modules)} modules, {imported.symbol_count} symbols")
    return 0


@corpus.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def corpus_show(file: Path | None) -> int:
    """Show what a corpus file holds; without FILE, the bundled one."""
    from stress.corpus import bundled, load
    from stress.corpus.show import describe
    from stress.results.terminal.consoles import console

    console().print(describe(load(file) if file else bundled()))
    return 0
