"""Makes a corpus from kernel modules, folders of them and symbol maps; `kstress corpus import` calls it."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NoReturn

import attrs

from stress.corpus.compressed import read_bounded
from stress.corpus.elf import page_up, place, read_module
from stress.corpus.model import MAX_MODULES, MAX_SYMBOLS, NO_REGION, Corpus, KernelSymbol, Module, Region
from stress.corpus.textmap import HIGH_BIAS, read_map
from stress.errors import UserError
from stress.host.collector import uncollected
from stress.safe_text import listed, shown

MODULES_BASE = 0xFFFFFFFFA0000000 - HIGH_BIAS
"""The address from which modules are placed, without the bias: MODULES_VADDR of x86-64."""

MODULE_SUFFIXES = (".ko", ".ko.xz", ".ko.zst")


@attrs.frozen
class _Found:
    """The content of the files: modules, still at address 0, and maps, whose addresses are final."""

    modules: dict[str, Module] = attrs.field(factory=dict)
    maps: list[Corpus] = attrs.field(factory=list)
    origins: dict[str, Path] = attrs.field(factory=dict)


def import_corpus(paths: Sequence[Path], source: str | None = None) -> Corpus:
    """A corpus from `.ko`, `.ko.xz` and `.ko.zst` files, folders searched for them, System.maps and kallsyms.

    Modules are placed one behind the other in the order given (folders sorted), at addresses that no map uses.
    `source` defaults to the names of the paths. UserError with the file for anything that cannot be used.
    """
    if not paths:
        raise UserError("nothing to import; name a kernel module, a folder of them, a System.map or /proc/kallsyms")
    files = [file for path in paths for file in _files(path)]
    if len(files) > MAX_MODULES:
        raise UserError(f"{len(files)} files are too many; a corpus has at most {MAX_MODULES} modules")
    with uncollected():
        return _merged(_read_all(files), source if source is not None else _source(paths))


def _files(path: Path) -> Iterator[Path]:
    if not os.path.isdir(path):
        yield path
        return
    found = sorted(_walk(path))
    if not found:
        raise UserError(f"{shown(path)}: no kernel modules (*.ko, *.ko.xz, *.ko.zst) in this folder")
    yield from found


def _walk(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, onerror=_unreadable):
        yield from (Path(root, name) for name in names if name.endswith(MODULE_SUFFIXES))


def _unreadable(error: OSError) -> NoReturn:
    raise UserError(f"{shown(error.filename)}: cannot be searched: {shown(error.strerror)}") from error


def _read_all(files: Iterable[Path]) -> _Found:
    found, symbols = _Found(), 0
    for file in files:
        try:
            symbols += _read(file, found)
            if symbols > MAX_SYMBOLS:
                raise UserError(f"too many symbols: more than {MAX_SYMBOLS} with this file; import fewer files")
        except UserError as error:
            raise UserError(f"{shown(file)}: {error}") from error
    return found


def _read(file: Path, found: _Found) -> int:
    """Read one file into `found`; the number of its symbols."""
    data = read_bounded(file)
    if not file.name.endswith(MODULE_SUFFIXES):
        found.maps.append(read_map(data, shown(file)))
        _claim(found, file, [module.name for module in found.maps[-1].modules])
        return found.maps[-1].symbol_count
    module = read_module(data, file.name.split(".ko")[0])
    _claim(found, file, [module.name])
    found.modules[module.name] = module
    return len(module.symbols)


def _claim(found: _Found, file: Path, names: Iterable[str]) -> None:
    for name in names:
        other = found.origins.setdefault(name, file)
        if other is not file:
            raise UserError(f"module '{name}' is already in {shown(other)}; import only one of the two")


def _source(paths: Sequence[Path]) -> str:
    return f"imported from {listed(path.name or path for path in paths)}"


def _merged(found: _Found, source: str) -> Corpus:
    symbols = sorted((one for part in found.maps for one in part.kernel), key=attrgetter("value", "name"))
    kernel = tuple(next(same) for _, same in groupby(symbols))
    mapped = [module for part in found.maps for module in part.modules]
    return Corpus(
        source=source,
        bias=_bias(found.maps),
        kernel=kernel,
        modules=(*mapped, *_placed(found.modules.values(), _occupied(kernel, mapped) if found.modules else [])),
    )


def _bias(maps: list[Corpus]) -> int:
    biases = {part.bias for part in maps} or {HIGH_BIAS}
    if len(biases) > 1:
        raise UserError("the symbol maps come from kernels with different address layouts; import them separately")
    return biases.pop()


def _occupied(kernel: Iterable[KernelSymbol], modules: Iterable[Module]) -> list[Region]:
    """The regions where no new module may lie, in order; a kernel symbol occupies one byte."""
    taken = [Region(symbol.value, 1, 0) for symbol in kernel]
    taken += [module.core for module in modules]
    return sorted(taken, key=attrgetter("base"))


def _placed(modules: Iterable[Module], occupied: list[Region]) -> Iterator[Module]:
    base = MODULES_BASE
    for module in modules:
        size = page_up(module.init.end if module.init != NO_REGION else module.core.end)
        base = _clear_of(occupied, base, size)
        try:
            yield place(module, base)
        except UserError as error:
            raise UserError(f"no room for module '{module.name}' of {size} bytes: {error}") from error
        base += size


def _clear_of(occupied: list[Region], base: int, size: int) -> int:
    """The lowest page at or above `base` where `size` bytes overlap nothing that is occupied."""
    index = max(bisect_right(occupied, base, key=attrgetter("base")) - 1, 0)
    for taken in occupied[index:]:
        if taken.base >= base + size:
            break
        if taken.end > base:
            base = page_up(taken.end)
    return base
