"""Reads and writes corpus files, for the command line and for every run.

A corpus file is JSON with one symbol on each line, so that two versions can be compared line by line. Addresses are hex
strings without the bias; sizes and indices are numbers. Whatever a file contains, the only error is UserError, one line
with the file and the key.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from stress.corpus.compressed import read_bounded
from stress.corpus.model import Corpus, KernelSymbol, Module, Region, Symbol
from stress.errors import UserError, out_of_memory
from stress.host.disk import telling, write_whole
from stress.safe_text import shown

SCHEMA = 1
KIND = "kstress corpus"
BUNDLED = Path(__file__).with_name("bundled") / "debian-linux.json"
"""The corpus that comes with kstress."""

_KEYS = frozenset({"schema", "kind", "source", "bias", "kernel", "modules"})
_MODULE_KEYS = frozenset({"name", "core", "init", "symbols"})
_HEX = re.compile(r"0x[0-9a-f]{1,16}", re.ASCII)
_T = TypeVar("_T")
_quoted = json.encoder.encode_basestring
"""A text as JSON, as `json.dumps` writes it with `ensure_ascii=False`, but faster: there are millions of names."""


def load(path: Path, origin: str = "") -> Corpus:
    """Read a corpus file; `origin` is the option that names it, if one does.

    Raises:
        UserError: with option, file and key if it cannot be read or is not a corpus of this schema.
    """
    where = f"{origin}: {shown(path)}" if origin else shown(path)
    try:
        raw = read_bounded(path)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return parse(raw, where)


@cache
def bundled() -> Corpus:
    """The corpus that comes with kstress; `stress/corpus/bundled/README.md` says how it was made."""
    return parse(BUNDLED.read_bytes(), f"bundled corpus {BUNDLED.name}")


def parse(raw: bytes, where: str) -> Corpus:
    """The corpus in the bytes of a corpus file; UserError that begins with `where` for any other bytes."""
    try:
        return _corpus(_document(raw))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _document(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"not a corpus file: it is not valid JSON: {shown(error)}") from error
    except MemoryError as error:
        raise out_of_memory(error) from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UserError(f"not a corpus file: key kind must be '{KIND}'; make one with 'kstress corpus import'")
    if type(document.get("schema")) is not int or document["schema"] != SCHEMA:
        schema = shown(repr(document.get("schema")))
        raise UserError(f"key schema is {schema}, but this kstress reads schema {SCHEMA}; import the corpus again")
    _require_keys(document, _KEYS)
    return document


def _require_keys(table: Mapping[str, Any], keys: frozenset[str]) -> None:
    for key in sorted(keys ^ table.keys()):
        raise UserError(f"key {shown(key)} {'is missing' if key in keys else 'is unknown'}")


def _corpus(document: Mapping[str, Any]) -> Corpus:
    return Corpus(
        source=_at("source", _text, document["source"]),
        bias=_at("bias", _address, document["bias"]),
        kernel=_each("kernel", _kernel_symbol, document["kernel"]),
        modules=_each("modules", _module, document["modules"]),
    )


def _at(key: str, read: Callable[[Any], _T], value: object) -> _T:
    try:
        return read(value)
    except UserError as error:
        raise UserError(f"key {key}: {error}") from error


def _each(key: str, read: Callable[[Any], _T], values: object) -> tuple[_T, ...]:
    if not isinstance(values, list):
        raise UserError(f"key {key}: must be a list ({_got(values)})")
    done: list[_T] = []
    try:
        for value in values:
            done.append(read(value))
    except UserError as error:
        raise UserError(f"key {key}[{len(done)}]: {error}") from error
    return tuple(done)


def _got(value: object) -> str:
    return f"got {shown(json.dumps(value))}"


def _module(value: object) -> Module:
    if not isinstance(value, dict):
        raise UserError(f"must be an object ({_got(value)})")
    _require_keys(value, _MODULE_KEYS)
    return Module(
        name=_at("name", _text, value["name"]),
        core=_at("core", _region, value["core"]),
        init=_at("init", _region, value["init"]),
        symbols=_each("symbols", _symbol, value["symbols"]),
    )


def _region(value: object) -> Region:
    base, size, text_size = _row(value, "[base, size, text size]", 3)
    return Region(_address(base), _number(size), _number(text_size))


def _symbol(value: object) -> Symbol:
    address, size, shndx, info, name = _row(value, "[value, size, section index, info, name]", 5)
    return Symbol(_address(address), _number(size), _number(shndx), _number(info), _text(name))


def _kernel_symbol(value: object) -> KernelSymbol:
    address, name = _row(value, "[value, name]", 2)
    return KernelSymbol(_address(address), _text(name))


def _row(value: object, shape: str, length: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise UserError(f"must be {shape} ({_got(value)})")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise UserError(f"must be a whole number ({_got(value)})")
    return value


def _address(value: object) -> int:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise UserError(f'must be a hex string like "0x1f" ({_got(value)})')
    return int(value, 16)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UserError(f"must be text ({_got(value)})")
    return value


def save(corpus: Corpus, path: Path) -> None:
    """Write a corpus file, whole or not at all: the old file at `path` stays until the new one is complete.

    UserError if the folder cannot be written, the disk is full, or `path` is a device or a folder.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"{shown(path)}: not a regular file; name a file to write the corpus to")
    with telling(f"{shown(path)}: cannot write the corpus file", "name another place"):
        write_whole(path, (line.encode() for line in _lines(corpus)))


def _lines(corpus: Corpus) -> Iterator[str]:
    yield f'{{"schema":{SCHEMA},"kind":{_json(KIND)},\n'
    yield f'"source":{_json(corpus.source)},\n"bias":"{corpus.bias:#x}",\n"kernel":['
    yield from _rows(f'["{symbol.value:#x}",{_quoted(symbol.name)}]' for symbol in corpus.kernel)
    yield '],\n"modules":['
    for number, module in enumerate(corpus.modules):
        yield from (",\n" if number else "\n", *_module_lines(module))
    yield "]}\n"


def _module_lines(module: Module) -> Iterator[str]:
    core, init = (_json([hex(area.base), area.size, area.text_size]) for area in (module.core, module.init))
    yield f'{{"name":{_json(module.name)},"core":{core},"init":{init},"symbols":['
    yield from _rows(f'["{s.value:#x}",{s.size},{s.shndx},{s.info},{_quoted(s.name)}]' for s in module.symbols)
    yield "]}"


def _rows(rows: Iterator[str]) -> Iterator[str]:
    separator = "\n"
    for row in rows:
        yield f"{separator}{row}"
        separator = ",\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
