"""The corpus: real symbols, read from kernel modules and symbol maps and kept as JSON, that a run's machine works on.

The commands `corpus import` and `corpus show` make and describe corpora; a run loads one.
"""

from stress.corpus.files import bundled, load, save
from stress.corpus.importer import import_corpus
from stress.corpus.model import Corpus, KernelSymbol, Module, Region, Symbol, unique_names
from stress.corpus.show import describe

__all__ = [
    "Corpus",
    "KernelSymbol",
    "Module",
    "Region",
    "Symbol",
    "bundled",
    "describe",
    "import_corpus",
    "load",
    "save",
    "unique_names",
]
