"""Corpora at the edge: one module, fewer modules than writers, the kernel's own symbols around."""

from pathlib import Path

import attrs
import pytest

from stress import Config, run
from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol, save
from stress.scenario_files import find_scenario

MODULE = Module(
    "only",
    Region(0x5000, 0x1000, 0x800),
    Region(0, 0, 0),
    tuple(Symbol(0x5000 + i * 16, 16, 1, 2, f"only_{i}") for i in range(8)),
)


def corpus_file(folder: Path, *kernel: KernelSymbol) -> Path:
    """A corpus of one module, in a file."""
    path = folder / "corpus.json"
    save(Corpus("made", 0, kernel, (MODULE,)), path)
    return path


def test_one_module_comes_and_goes(tmp_path: Path) -> None:
    config = Config(engine="python", duration_s=1.0, corpus=corpus_file(tmp_path))
    [result] = run(["modlist_spinlock"], config)
    assert result.tally.loads > 1
    assert result.tally.unloads > 1
    assert result.tally.outcomes["found"] > 0


def test_more_writers_than_modules_are_no_harm(tmp_path: Path) -> None:
    scenario = find_scenario("stop_machine")
    writer, reader = scenario.programs
    crowded = attrs.evolve(scenario, programs=(attrs.evolve(writer, cpus=3), reader), twin=None)
    [result] = run([crowded], Config(engine="python", duration_s=1.0, corpus=corpus_file(tmp_path)))
    assert result.tally.violations == 0
    assert result.tally.unloads > 0


@pytest.mark.parametrize("address", [0x1000, 0x8000])
def test_the_kernels_own_symbols_do_not_make_a_right_answer_wrong(address: int, tmp_path: Path) -> None:
    corpus = corpus_file(tmp_path, KernelSymbol(address, "start_kernel"))
    [result] = run(["stop_machine"], Config(engine="python", duration_s=1.0, corpus=corpus))
    assert result.tally.violations == 0
    assert result.tally.outcomes["found"] > 0
