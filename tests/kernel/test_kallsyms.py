"""kallsyms_lookup gives what two readings of get_ksymbol's rules give: the judge's oracle and one in this file."""

from collections.abc import Sequence

import attrs
from hypothesis import given

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol
from stress.judge.oracle import lookup_module
from stress.kernel.kallsyms import (
    KSYM_NAME_LEN,
    NAMEBUF,
    SYMBOL_MODNAME,
    SYMBOL_OFFSET,
    SYMBOL_SIZE,
    kallsyms_lookup,
)
from stress.kernel.list import init_list_head, list_add
from stress.kernel.struct_module import INIT_SIZE, INIT_TEXT_SIZE, MODULE_CORE, MODULE_INIT, MODULES
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.words import CAUSE_ENDLESS
from tests.support import blank_ram, booted, bounded, loaded_modules, oops_of, python_cpu, simple_corpus, string_at

from .corpora import ANCHOR, FIRST_BASE, SPAN, corpora

KERNEL_PAGE = 4096
NO_REGION = Region(0, 0, 0)


@attrs.frozen
class Answer:
    """What a lookup gives: the name's bytes, size and offset, the module's name or None for the kernel's own."""

    name: bytes
    size: int
    offset: int
    module: str | None


def answer_of(ram: Ram, cpu: PythonCpu, address: int) -> Answer | None:
    """Look `address` up in a buffer full of canaries, which must be as the lookup's rules say afterwards."""
    buffer = cpu.area + NAMEBUF
    ram.write(buffer, b"\xcc" * (SYMBOL_MODNAME + 8))
    found = kallsyms_lookup(cpu, address, buffer)
    copy = ram.mapping[buffer : buffer + KSYM_NAME_LEN + 1]
    assert copy[KSYM_NAME_LEN] == 0
    if not found:
        assert copy[:KSYM_NAME_LEN] == b"\0" + b"\xcc" * (KSYM_NAME_LEN - 1)
        return None
    name = copy.split(b"\0")[0]
    assert copy == name.ljust(KSYM_NAME_LEN + 1, b"\0")
    modname = ram.peek(buffer + SYMBOL_MODNAME)
    module = string_at(ram, modname).decode() if modname else None
    return Answer(name, ram.peek(buffer + SYMBOL_SIZE), ram.peek(buffer + SYMBOL_OFFSET), module)


def first_names(symbols: Sequence[Symbol]) -> dict[int, str]:
    """The first name in the table at each value, of the symbols that may be found."""
    names: dict[int, str] = {}
    for symbol in symbols:
        hidden = symbol.name in ("", "$a", "$t", "$d") or symbol.name.startswith(("$a.", "$t.", "$d."))
        if symbol.shndx != 0 and not hidden:
            names.setdefault(symbol.value, symbol.name)
    return names


def by_small_steps(module: Module, address: int) -> Answer | None:
    """The answer found by stepping down and up from `address`, one address after the other."""
    region = next((r for r in (module.init, module.core) if r.base <= address < r.base + r.size), None)
    if region is None:
        return None
    names = first_names(module.symbols)
    start = next((value for value in range(address, 0, -1) if value in names), None)
    if start is None:
        return None
    text_end = region.base + region.text_size
    end = next((value for value in range(address + 1, text_end) if value in names), text_end)
    return Answer(names[start].encode()[:127], end - start, address - start, module.name)


def by_oracle(module: Module, address: int) -> Answer | None:
    """The answer of the judge's oracle."""
    if not module.covers(address):
        return None
    found = lookup_module(module, address)
    return Answer(found[0].encode()[:127], found[1], found[2], module.name) if found else None


def interesting(corpus: Corpus) -> list[int]:
    """Every symbol's address and every edge of every region, and the addresses next to them."""
    near: set[int] = set()
    for module in corpus.modules:
        near |= {symbol.value for symbol in module.symbols}
        for region in (module.init, module.core):
            near |= {region.base, region.base + region.text_size, region.base + region.size}
    spots = near | {FIRST_BASE + SPAN // 2}
    return sorted(spots | {spot - 1 for spot in spots} | {spot + 1 for spot in spots})


def without_kernel(corpus: Corpus) -> Corpus:
    """The corpus with modules only."""
    return attrs.evolve(corpus, kernel=())


def put_init_back(ram: Ram, corpus: Corpus) -> None:
    """Make every module what it is between the link and the end of its init(): its init range is known."""
    loaded = loaded_modules(ram)
    for module in corpus.modules:
        ram.poke(loaded[module.name] + MODULE_INIT, module.init.base)
        ram.poke(loaded[module.name] + INIT_SIZE, module.init.size)
        ram.poke(loaded[module.name] + INIT_TEXT_SIZE, module.init.text_size)


def assert_answers(ram: Ram, modules: Sequence[Module], addresses: Sequence[int]) -> None:
    """Every address gives what both readings of the one module that covers it give, or nothing."""
    cpu = python_cpu(ram)
    for address in addresses:
        covering = [module for module in modules if module.covers(address)]
        expected = by_small_steps(covering[0], address) if covering else None
        assert expected == (by_oracle(covering[0], address) if covering else None)
        assert answer_of(ram, cpu, address) == expected, hex(address)


@bounded(80)
@given(corpora().map(without_kernel))
def test_a_lookup_in_modules_that_still_run_init_gives_what_both_readings_give(corpus: Corpus) -> None:
    ram = booted(corpus)
    put_init_back(ram, corpus)
    assert_answers(ram, corpus.modules, interesting(corpus))


@bounded(60)
@given(corpora().map(without_kernel))
def test_the_init_range_is_forgotten_when_insmod_is_done(corpus: Corpus) -> None:
    ram = booted(corpus)
    forgotten = [attrs.evolve(module, init=NO_REGION) for module in corpus.modules]
    assert_answers(ram, forgotten, interesting(corpus))


def by_scanning(kernel: Sequence[KernelSymbol], address: int) -> Answer | None:
    """The kernel's own symbol that covers `address`, found by looking at all of them."""
    end = -(-(kernel[-1].value + 1) // KERNEL_PAGE) * KERNEL_PAGE if kernel else 0
    below = [symbol for symbol in kernel if symbol.value <= address < end]
    if not below:
        return None
    value = max(symbol.value for symbol in below)
    first = next(symbol for symbol in kernel if symbol.value == value)
    following = min((symbol.value for symbol in kernel if symbol.value > address), default=end)
    return Answer(first.name.encode()[:127], following - value, address - value, None)


@bounded(80)
@given(corpora(most_modules=1))
def test_the_kernels_own_table_gives_the_first_alias_and_no_module(corpus: Corpus) -> None:
    ram = booted(corpus)
    cpu = python_cpu(ram)
    values = {symbol.value for symbol in corpus.kernel} | {0, KERNEL_PAGE - 1, KERNEL_PAGE}
    for address in sorted({value + step for value in values for step in (-1, 0, 1, 7)}):
        assert answer_of(ram, cpu, address) == by_scanning(corpus.kernel, address), hex(address)


@bounded(30)
@given(corpora())
def test_the_kernels_own_table_does_not_hide_modules_above_it(corpus: Corpus) -> None:
    ram = booted(corpus)
    forgotten = [attrs.evolve(module, init=NO_REGION) for module in corpus.modules]
    assert_answers(ram, forgotten, [address for address in interesting(corpus) if address >= FIRST_BASE])


def test_the_modules_name_is_the_raw_pointer_into_struct_module() -> None:
    ram = booted(simple_corpus(2))
    cpu = python_cpu(ram)
    mod = loaded_modules(ram)["mod1"]
    assert answer_of(ram, cpu, ram.peek(mod + MODULE_CORE)) == Answer(b"mod1_sym0", 64, 0, "mod1")
    assert mod < ram.peek(cpu.area + NAMEBUF + SYMBOL_MODNAME) < mod + 256


def test_nothing_is_found_in_an_empty_kernel() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    init_list_head(cpu, MODULES)
    assert answer_of(ram, cpu, ANCHOR.core.base) is None


def test_a_ring_of_links_that_misses_the_head_ends_the_walk_as_endless() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    init_list_head(cpu, MODULES)
    list_add(cpu, ram.map.data, MODULES)
    ram.poke(ram.map.data, ram.map.data)
    cause, _ = oops_of(cpu, lambda: kallsyms_lookup(cpu, 0x1000, cpu.area + NAMEBUF))
    assert cause == CAUSE_ENDLESS
