"""The importer: files, folders and maps together, compression and its bounds, errors that name the file."""

import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stress.corpus import Corpus, load, save
from stress.corpus.importer import MODULES_BASE, import_corpus
from stress.corpus.textmap import HIGH_BIAS
from stress.errors import UserError

from .elf_builder import ALLOC, EXEC, NOBITS, Section, build, module


def written(folder: Path, name: str, data: bytes | str) -> Path:
    """A file with these contents, its folders made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def names(corpus: Corpus) -> list[str]:
    """The modules' names in order."""
    return [module.name for module in corpus.modules]


@pytest.mark.corpus
def test_modules_are_placed_one_behind_the_other(tmp_path: Path) -> None:
    corpus = import_corpus([written(tmp_path, f"{name}.ko", module(name)) for name in ("b", "a")])
    assert names(corpus) == ["b", "a"]
    assert corpus.bias == HIGH_BIAS
    assert MODULES_BASE + corpus.bias == 0xFFFFFFFFA0000000
    bases = [region.base - MODULES_BASE for part in corpus.modules for region in (part.core, part.init)]
    assert bases == [0, 0x1000, 0x2000, 0x3000]
    assert corpus.source == "imported from b.ko, a.ko"
    assert all(len(part.findable()) == 3 for part in corpus.modules)


@pytest.mark.corpus
def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    written(tmp_path, "z/one.ko", module("one"))
    written(tmp_path, "a/two.ko.xz", lzma.compress(module("two")))
    written(tmp_path, "a/modules.dep", "ignored")
    (tmp_path / "z" / "loop").symlink_to(tmp_path)
    corpus = import_corpus([tmp_path], source="mine")
    assert names(corpus) == ["two", "one"]
    assert corpus.source == "mine"


@pytest.mark.corpus
def test_compressed_modules(tmp_path: Path) -> None:
    import zstandard

    xz = written(tmp_path, "one.ko.xz", lzma.compress(module("one")))
    zst = written(tmp_path, "two.ko.zst", zstandard.ZstdCompressor().compress(module("two")))
    corpus = import_corpus([xz, zst])
    assert names(corpus) == ["one", "two"]
    save(corpus, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == corpus


@pytest.mark.corpus
def test_a_stem_names_a_module_that_does_not_name_itself(tmp_path: Path) -> None:
    data = lzma.compress(build([Section(".text", ALLOC | EXEC, b"x")], []))
    assert names(import_corpus([written(tmp_path, "snd-demo.ko.xz", data)])) == ["snd_demo"]


@pytest.mark.corpus
def test_modules_keep_clear_of_a_map(tmp_path: Path) -> None:
    text = "ffffffffa0000000 T kernel_here\nffffffffa0002000 t f\t[loaded]\n"
    corpus = import_corpus([written(tmp_path, "a.ko", module("a")), written(tmp_path, "kallsyms", text)])
    assert names(corpus) == ["loaded", "a"]
    assert corpus.modules[1].core.base == MODULES_BASE + 0x3000
    assert [symbol.name for symbol in corpus.kernel] == ["kernel_here"]


@pytest.mark.corpus
def test_modules_fit_into_a_gap_of_a_map(tmp_path: Path) -> None:
    text = "ffffffffa0000fff T low\nffffffffa0003000 T high\n"
    corpus = import_corpus([written(tmp_path, "map", text), written(tmp_path, "a.ko", module("a"))])
    assert corpus.modules[0].core.base == MODULES_BASE + 0x1000


def test_maps_are_merged(tmp_path: Path) -> None:
    one = written(tmp_path, "one", "c0100000 T a\nc0300000 T c\n")
    two = written(tmp_path, "two", "c0100000 T a\nc0200000 T b\n")
    assert [symbol.name for symbol in import_corpus([one, two]).kernel] == ["a", "b", "c"]


def test_maps_of_different_layouts(tmp_path: Path) -> None:
    paths = [written(tmp_path, "one", "c0100000 T a\n"), written(tmp_path, "two", "ffffffff81000000 T a\n")]
    with pytest.raises(UserError, match="different address layouts"):
        import_corpus(paths)


def test_default_source_of_many_paths(tmp_path: Path) -> None:
    paths = [written(tmp_path, f"m{n}", f"c010000{n} T s{n}\n") for n in range(5)]
    assert import_corpus(paths).source == "imported from m0, m1, m2 and 2 more"


@pytest.mark.corpus
def test_duplicate_modules_name_both_files(tmp_path: Path) -> None:
    written(tmp_path, "x/a.ko", module("same"))
    written(tmp_path, "y/b.ko", module("same"))
    with pytest.raises(UserError, match=r"y/b\.ko: module 'same' is already in .*x/a\.ko"):
        import_corpus([tmp_path])


@pytest.mark.corpus
def test_a_path_given_twice(tmp_path: Path) -> None:
    path = written(tmp_path, "a.ko", module("a"))
    with pytest.raises(UserError, match="'a' is already in"):
        import_corpus([path, Path(str(path))])


def test_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to import"):
        import_corpus([])
    written(tmp_path, "readme.txt", "hello")
    with pytest.raises(UserError, match="no kernel modules"):
        import_corpus([tmp_path])


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ko")
    for path, complaint in [
        (tmp_path / "missing.ko", "missing.ko: cannot be read"),
        (tmp_path / "missing", "missing: cannot be read"),
        (tmp_path / "pipe.ko", "pipe.ko: cannot be read: it is not a plain file"),
        (Path(os.devnull), "it is not a plain file"),
        (tmp_path / ("n" * 300), "cannot be read"),
        (Path("nul\0byte"), "cannot be read"),
    ]:
        with pytest.raises(UserError, match=complaint) as caught:
            import_corpus([path])
        assert str(caught.value).isprintable()


def test_unsearchable_folders_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UserError, match="cannot be searched: Permission denied"):
        import_corpus([tmp_path])


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["bad.ko", "bad.ko.xz", "bad.ko.zst", "bad"])
def test_garbage_names_the_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name}: "):
        import_corpus([written(tmp_path, name, b"\x01garbage" * 100)])


@pytest.mark.corpus
def test_truncated_compressed_files(tmp_path: Path) -> None:
    import zstandard

    for suffix, packed in [
        ("xz", lzma.compress(module())),
        ("zst", zstandard.ZstdCompressor().compress(module())),
    ]:
        for length in range(0, len(packed), 7):
            with pytest.raises(UserError, match=rf"cut\.ko\.{suffix}: "):
                import_corpus([written(tmp_path, f"cut.ko.{suffix}", packed[:length])])


@pytest.mark.corpus
def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zstandard

    monkeypatch.setattr("stress.corpus.compressed.MAX_BYTES", 4 << 20)
    bomb = bytes(8 << 20)
    for name, data in [
        ("b.ko.xz", lzma.compress(bomb, preset=0)),
        ("b.ko.zst", zstandard.ZstdCompressor().compress(bomb)),
        ("b.ko", bomb),
        ("map", bomb),
    ]:
        with pytest.raises(UserError, match=rf"{name}: (larger than 4 MiB|cannot be read: it has 8,388,608 bytes)"):
            import_corpus([written(tmp_path, name, data)])


def test_xz_files_that_need_too_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.corpus.compressed.MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match=r"a\.ko\.xz: damaged xz file: Memory usage limit"):
        import_corpus([written(tmp_path, "a.ko.xz", lzma.compress(b"x", preset=6))])


def test_too_many_files_and_symbols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [written(tmp_path, f"m{n}", f"c010000{n} T s{n}\n") for n in range(3)]
    monkeypatch.setattr("stress.corpus.importer.MAX_SYMBOLS", 2)
    with pytest.raises(UserError, match=r"m2: too many symbols: more than 2 with this file"):
        import_corpus(paths)
    monkeypatch.setattr("stress.corpus.importer.MAX_MODULES", 2)
    with pytest.raises(UserError, match="3 files are too many"):
        import_corpus(paths)


@pytest.mark.corpus
def test_no_room(tmp_path: Path) -> None:
    data = build([Section(".bss", ALLOC, kind=NOBITS, size=2 << 30)], [])
    with pytest.raises(UserError, match="no room for module 'big' of 2147483648 bytes"):
        import_corpus([written(tmp_path, "big.ko", data)])


@pytest.mark.everywhere
@pytest.mark.parametrize(("package", "name"), [("elftools", "a.ko"), ("zstandard", "a.ko.zst")])
def test_missing_extras_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str) -> None:
    for loaded in [part for part in sys.modules if part.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        UserError, match=rf"{name}: this file needs .*{package}.*; install with: .*pip.* install .*pyelftools"
    ):
        import_corpus([written(tmp_path, name, module())])


@pytest.mark.everywhere
def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, stress.corpus; print(sorted({'elftools', 'zstandard', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
