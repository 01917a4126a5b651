"""The corpus: real symbols, read from kernel modules and symbol maps and kept as JSON, that a run's machine works on.

The commands `corpus import` and `corpus show` make and describe corpora, with `importer` and `show`; a run loads one.
"""

from stress.corpus.files import bundled, load, save
from stress.corpus.model import Corpus, KernelSymbol, Module, Region, Symbol, unique_names

__all__ = [
    "Corpus",
    "KernelSymbol",
    "Module",
    "Region",
    "Symbol",
    "bundled",
    "load",
    "save",
    "unique_names",
]
