"""Corpus files: the round trip, damage of every kind, and writing that never leaves half a file."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol, files, load, save
from stress.corpus.model import NO_REGION
from stress.errors import UserError
from tests.support import bounded

EXAMPLE = Corpus(
    "a test, 'quoted' \"twice\"",
    0xC000000000000000,
    (KernelSymbol(0x10, "printk"), KernelSymbol(0x10, "_printk")),
    (
        Module("demo", Region(0x1000, 0x100, 0x40), Region(0x2000, 8, 8), (Symbol(0x1000, 4, 1, 0x12, "größe"),)),
        Module("empty", Region(0x3000, 0, 0), NO_REGION, ()),
    ),
)

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
SYMBOLS = st.builds(
    Symbol,
    st.integers(0, 2**62 - 1),
    st.integers(0, 2**62 - 1),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    NAMES.filter(str.isprintable),
)


def raw(corpus: Corpus, folder: Path) -> bytes:
    """The bytes that `save` writes."""
    save(corpus, folder / "corpus.json")
    return (folder / "corpus.json").read_bytes()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The example's file."""
    return raw(EXAMPLE, tmp_path_factory.mktemp("saved"))


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """The example as parsed JSON, for a test to damage."""
    parsed: dict[str, Any] = json.loads(raw(EXAMPLE, tmp_path))
    return parsed


def test_round_trip(tmp_path: Path) -> None:
    save(EXAMPLE, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == EXAMPLE


@bounded(50)
@given(st.lists(SYMBOLS, max_size=5), st.integers(0, 0xC000000000000000))
def test_round_trip_of_any_symbols(tmp_path_factory: pytest.TempPathFactory, table: list[Symbol], bias: int) -> None:
    corpus = Corpus("test", bias, (), (Module("demo", Region(0, 1, 0), NO_REGION, tuple(table)),))
    path = tmp_path_factory.getbasetemp() / "any.json"
    save(corpus, path)
    assert load(path) == corpus


def test_one_symbol_or_module_a_line(tmp_path: Path) -> None:
    lines = raw(EXAMPLE, tmp_path).decode().splitlines()
    assert '["0x1000",4,1,18,"größe"]]},' in lines
    assert '["0x10","printk"],' in lines
    assert '{"name":"empty","core":["0x3000",0,0],"init":["0x0",0,0],"symbols":[]}]}' in lines


def _damaged(document: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "key kind must be", []
    yield "key kind must be", {"hello": "world"}
    yield "key schema is 2, but this kstress reads schema 1", {**document, "schema": 2}
    yield "key schema is True", {**document, "schema": True}
    yield "key extra is unknown", {**document, "extra": 1}
    yield "key bias is missing", {key: value for key, value in document.items() if key != "bias"}
    yield "key source: must be text", {**document, "source": 1}
    yield 'key bias: must be a hex string like "0x1f"', {**document, "bias": 12}
    yield "key bias: the bias is 0xffff|the bias is 0xffff", {**document, "bias": "0xffffffffffffffff"}
    yield r"key kernel: must be a list \(got \{\}\)", {**document, "kernel": {}}
    yield r"key kernel\[0\]: must be \[value, name\] \(got \[\]", {**document, "kernel": [[]]}
    yield r"key kernel\[1\]: must be .* \(got null", {**document, "kernel": [["0x1", "a"], [None, "b"]]}
    yield r"key modules\[0\]: must be an object", {**document, "modules": [3]}


def test_damaged_documents_name_file_and_key(document: dict[str, Any]) -> None:
    for complaint, damaged in _damaged(document):
        with pytest.raises(UserError, match=complaint) as caught:
            files.parse(json.dumps(damaged).encode(), "c.json")
        assert str(caught.value).startswith("c.json: ")


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("name", None, r"modules\[0\]: key name: must be text \(got null"),
        ("name", "x" * 56, r"modules\[0\]: module name 'x+' is longer than 55 bytes"),
        ("core", ["0x0", 1], r"key core: must be \[base, size, text size\] \(got \[\"0x0\", 1\]"),
        ("core", ["0x0", 1.5, 0], r"key core: must be a whole number \(got 1.5"),
        ("core", ["0x0", True, 0], r"key core: must be a whole number \(got true"),
        ("init", ["0x1000", 16, 0], "overlap"),
        ("symbols", [["0x1", 0, 0, 0]], r"key symbols\[0\]: must be \[value, size, section index"),
        ("symbols", [["0x1_0", 0, 0, 0, "n"]], r"key symbols\[0\]: must be a hex string .* \(got \"0x1_0\""),
        ("symbols", [["0xffffffffffffffff", 0, 0, 0, "n"]], r"key symbols\[0\]: the value of symbol 'n'"),
        ("symbols", [["0x1", 0, 0, 0, "\x1b[2J"]], r"key symbols\[0\]: symbol name .* cannot be printed"),
        ("symbols", [["0x1", 0, 0, 0, "\ud800"]], r"key symbols\[0\]: symbol name .* cannot be printed"),
        ("typo", 1, "key typo is unknown"),
    ],
)
def test_damaged_modules_name_the_key(document: dict[str, Any], key: str, value: object, complaint: str) -> None:
    document["modules"][0][key] = value
    with pytest.raises(UserError, match=complaint) as caught:
        files.parse(json.dumps(document).encode(), "c.json")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[" * 100_000,
        b'{"kind": 1' + b"0" * 5000 + b"}",
        b'{"kind":NaN}',
        b"\0" * 64,
    ],
)
def test_alien_bytes(data: bytes) -> None:
    with pytest.raises(UserError, match=r"^c\.json: not a corpus file"):
        files.parse(data, "c.json")


def test_truncated_anywhere(tmp_path: Path) -> None:
    whole = raw(EXAMPLE, tmp_path).rstrip()
    for length in range(len(whole)):
        with pytest.raises(UserError, match="not a corpus file"):
            files.parse(whole[:length], "c.json")


@bounded(300)
@given(st.data())
def test_mutated_files_give_a_corpus_or_a_user_error(saved: bytes, data: st.DataObject) -> None:
    text = bytearray(saved)
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b'0"[]{},:-x.\\\0\xff1aue'))
    try:
        assert isinstance(files.parse(bytes(text), "c.json"), Corpus)
    except UserError as error:
        assert str(error).startswith("c.json: ")
        assert str(error).isprintable()


def test_load_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.json: cannot be read: .*No such file"):
        load(tmp_path / "nothing.json")
    with pytest.raises(UserError, match="it is not a plain file"):
        load(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        load(Path("nul\0byte"))


def test_load_refuses_huge_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.corpus.compressed.MAX_BYTES", 100)
    save(EXAMPLE, tmp_path / "c.json")
    with pytest.raises(UserError, match=r"c\.json: cannot be read: it has 346 bytes; kstress reads at most 100"):
        load(tmp_path / "c.json")


def test_a_want_of_memory_is_no_damage_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(text: str) -> object:
        raise MemoryError

    monkeypatch.setattr(json, "loads", refused)
    with pytest.raises(UserError, match=r"^here: out of memory: an allocation was refused; "):
        files.parse(b"{}", "here")


def test_save_replaces_and_leaves_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "c.json"
    target.write_text("old")
    save(EXAMPLE, target)
    assert load(target) == EXAMPLE
    assert os.listdir(tmp_path) == ["c.json"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "c.json"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"c\.json: cannot write the corpus file: .*No space left"):
        save(EXAMPLE, target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["c.json"]


def test_an_interrupt_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "c.json"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(EXAMPLE, target)
    assert os.listdir(tmp_path) == ["c.json"]
    assert target.read_text() == "old"


def test_save_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write the corpus file: .*No such file"):
        save(EXAMPLE, tmp_path / "missing" / "c.json")


@pytest.mark.parametrize("target", [".", os.devnull])
def test_save_refuses_what_is_no_regular_file(tmp_path: Path, target: str) -> None:
    with pytest.raises(UserError, match="not a regular file"):
        save(EXAMPLE, tmp_path / target)
    assert os.listdir(tmp_path) == []
