"""The oracle: what a lookup should answer, computed the straightforward way from the corpus, not from RAM."""

from collections import Counter

from stress.corpus import Corpus, Module, Region
from stress.judge.tables import Target
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.machine.ram import round_up


def is_mapping_symbol(name: str) -> bool:
    """Whether `name` is one of ARM's `$a`, `$t`, `$d`, with or without a suffix behind a dot."""
    return name[:2] in ("$a", "$t", "$d") and name[2:3] in ("", ".")


def contains(region: Region, address: int) -> bool:
    """Whether `address` lies in `region`."""
    return region.base <= address < region.base + region.size


def lookup_module(module: Module, address: int) -> tuple[str, int, int] | None:
    """Name, size and offset of the symbol of `module` that covers `address`, by get_ksymbol's rules; None for none."""
    region = module.init if contains(module.init, address) else module.core
    named = [symbol for symbol in module.symbols if symbol.shndx and symbol.name and not is_mapping_symbol(symbol.name)]
    below = [symbol for symbol in named if 0 < symbol.value <= address]
    if not below:
        return None
    best = max(below, key=lambda symbol: symbol.value)
    above = [symbol.value for symbol in named if symbol.value > address]
    following = min([*above, region.base + region.text_size])
    return best.name, following - best.value, address - best.value


def winners_of(module: Module) -> dict[int, bytes]:
    """The name that a lookup of each symbol's own address in the core range gives: the first alias."""
    winners: dict[int, bytes] = {}
    for symbol in module.symbols:
        if symbol.shndx and symbol.name and not is_mapping_symbol(symbol.name) and symbol.value:
            if contains(module.core, symbol.value):
                winners.setdefault(symbol.value, cut(symbol.name))
    return winners


def cut(name: str) -> bytes:
    """The name as strncpy leaves it in a buffer."""
    return name.encode()[:KSYM_NAME_LEN]


def kernel_range(corpus: Corpus) -> range:
    """The addresses that lookups take for the kernel's own: first symbol to the end of the last one's page."""
    if not corpus.kernel:
        return range(0)
    return range(corpus.kernel[0].value, round_up(corpus.kernel[-1].value + 1))


def targets_of(corpus: Corpus) -> list[Target]:
    """Every symbol address of a core range outside of the kernel's, whose name stands nowhere else in the corpus."""
    kernels = kernel_range(corpus)
    uses: Counter[bytes] = Counter(cut(symbol.name) for symbol in corpus.kernel)
    for module in corpus.modules:
        uses.update(cut(symbol.name) for symbol in module.symbols)
        uses.update([cut(module.name)])
    return [
        Target(address, name, slot)
        for slot, module in enumerate(corpus.modules)
        for address, name in winners_of(module).items()
        if uses[name] == 1 and address not in kernels
    ]
