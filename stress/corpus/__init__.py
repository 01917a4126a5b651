"""The real symbols that the machine runs on: read from kernel modules and symbol maps, kept as JSON.

The front doors import and show corpora; a run loads one and hands it to the machine.
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
