"""Laying a corpus out in RAM and bringing the kernel up: what a freshly booted machine of a run starts from.

Called once for each scenario of a run; its slices start from copies of the image. The modules are loaded
by the kernel's own code, on a CPU of the python engine.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from stress.corpus import Corpus, Module
from stress.errors import UserError
from stress.judge import lookups, names
from stress.judge.oracle import kernel_range, targets_of
from stress.judge.tables import Target, pack_names, pack_targets, poison_run
from stress.kernel import kallsyms, struct_module
from stress.kernel.list import init_list_head
from stress.kernel.modlist import LOCKED, insmod_under
from stress.machine import blocks, slab
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram, RamMap
from stress.machine.words import LINE
from stress.programs import modprobe
from stress.scenario import TYPE_STABLE

FATES = {"poisoned": slab.POISONED, "reused": slab.REUSED, "unmapped": slab.UNMAPPED, TYPE_STABLE: slab.TYPE_STABLE}
MOST_TARGETS = 65_536
SPARE_BLOCKS = 8
SLOT_STRIDE = LINE


def pack_symbols(module: Module) -> tuple[bytes, bytes]:
    """The module's symbol table as ELF has it, null entry first, and its string table."""
    symtab = bytearray(kallsyms.SYM_BYTES)
    strtab = bytearray(b"\0")
    for symbol in module.symbols:
        offset = len(strtab) if symbol.name else 0
        symtab += struct.pack("<IBBHQQ", offset, symbol.info, 0, symbol.shndx, symbol.value, symbol.size)
        if symbol.name:
            strtab += symbol.name.encode() + b"\0"
    return bytes(symtab), bytes(strtab)


def pack_module(module: Module) -> bytes:
    """The image that insmod is given: its size, then struct module, symbol table and string table in one block."""
    symtab, strtab = pack_symbols(module)
    head = bytearray(struct_module.MODULE_BYTES)
    head[struct_module.NAME : struct_module.NAME + struct_module.MODULE_NAME_LEN] = module.name.encode().ljust(
        struct_module.MODULE_NAME_LEN, b"\0"
    )
    init, core = module.init, module.core
    for offset, value in {
        struct_module.MODULE_INIT: init.base,
        struct_module.INIT_SIZE: init.size,
        struct_module.INIT_TEXT_SIZE: init.text_size,
        struct_module.MODULE_CORE: core.base,
        struct_module.CORE_SIZE: core.size,
        struct_module.CORE_TEXT_SIZE: core.text_size,
        struct_module.SYMTAB: len(head),
        struct_module.NUM_SYMTAB: len(module.symbols) + 1,
        struct_module.STRTAB: len(head) + len(symtab),
    }.items():
        struct.pack_into("<q", head, offset, value)
    block = bytes(head) + symtab + strtab
    block += bytes(-len(block) % 8)
    return struct.pack("<q", len(block)) + block


def pack_kernel(corpus: Corpus, address: int) -> tuple[bytes, int, int]:
    """The kernel's own symbols at `address`: addresses, pointers to names, names; where the second two start."""
    pointers = address + 8 * len(corpus.kernel)
    start = pointers + 8 * len(corpus.kernel)
    blob, places = bytearray(), []
    for symbol in corpus.kernel:
        places.append(start + len(blob))
        blob += symbol.name.encode() + b"\0"
    values = struct.pack(f"<{len(corpus.kernel)}q", *(symbol.value for symbol in corpus.kernel))
    return values + struct.pack(f"<{len(places)}q", *places) + bytes(blob), pointers, start


@attrs.frozen
class World:
    """All that a corpus becomes in RAM, before its place there is known."""

    corpus: Corpus
    images: Sequence[bytes]
    targets: Sequence[Target]
    names: set[bytes]

    @property
    def data_bytes(self) -> int:
        """Room for images and the kernel's symbols."""
        kernel = sum(len(symbol.name.encode()) + 17 for symbol in self.corpus.kernel)
        return sum(map(len, self.images)) + kernel + 64

    def least_shift(self, fate: str) -> int:
        """The smallest block that the slab gives: where memory is to be reused at once, one that any module fits."""
        shifts = [slab.shift_for(len(image) - 8, blocks.MIN_SHIFT) for image in self.images]
        return max(shifts) if fate == "reused" else blocks.MIN_SHIFT

    def heap_bytes(self, least_shift: int) -> int:
        """Room for every module's block at once, reused only by modules of its size, and for some init memory."""
        blocks = [1 << slab.shift_for(len(image) - 8, least_shift) for image in self.images]
        return sum(blocks) + SPARE_BLOCKS * max(blocks)

    @property
    def table_bytes(self) -> int:
        """Room for slots, targets and the name index."""
        index = sum(len(name) + 17 for name in self.names)
        return len(self.images) * SLOT_STRIDE + len(self.targets) * lookups.TARGET_BYTES + index + 64


def build_world(corpus: Corpus) -> World:
    """What `corpus` becomes in RAM.

    Raises:
        UserError: when it has no module, or no name that is unique.
    """
    targets = targets_of(corpus)
    if not targets:
        raise UserError(
            f"corpus {corpus.source!r} has no module with a symbol name of its own; import one that has modules"
        )
    strings = {symbol.name.encode() for module in corpus.modules for symbol in module.symbols}
    strings |= {module.name.encode() for module in corpus.modules} | {s.name.encode() for s in corpus.kernel}
    step = -(-len(targets) // MOST_TARGETS)
    return World(corpus, [pack_module(module) for module in corpus.modules], targets[::step], strings)


def place_images(ram: Ram, images: Iterable[bytes]) -> list[int]:
    """Write the module images into the read-only data; their addresses."""
    at, places = ram.map.data, []
    for image in images:
        ram.write(at, image)
        places.append(at)
        at += len(image)
    return places


def place_kernel(ram: Ram, corpus: Corpus, at: int) -> None:
    """Write the kernel's own symbols."""
    data, pointers, _ = pack_kernel(corpus, at)
    ram.write(at, data)
    ram.poke(kallsyms.KALLSYMS_NUM, len(corpus.kernel))
    ram.poke(kallsyms.KALLSYMS_ADDRESSES, at)
    ram.poke(kallsyms.KALLSYMS_NAMES, pointers)
    ram.poke(kallsyms.KALLSYMS_END, kernel_range(corpus).stop)


def place_slots(ram: Ram, images: Sequence[int]) -> list[int]:
    """Write a slot for each image, its module listed; the addresses of the listed words."""
    at = ram.map.tables
    for number, image in enumerate(images):
        ram.poke(at + number * modprobe.SLOT_BYTES + modprobe.SLOT_IMAGE, image)
        ram.poke(at + number * modprobe.SLOT_BYTES + modprobe.SLOT_LISTED, 1)
    ram.poke(modprobe.SLOTS, at)
    ram.poke(modprobe.NUM_SLOTS, len(images))
    return [at + number * modprobe.SLOT_BYTES + modprobe.SLOT_LISTED for number in range(len(images))]


def place_ranges(ram: Ram, world: World, listed: Sequence[int], at: int) -> None:
    """Write into each slot which of the targets at `at` are its module's; they lie behind one another."""
    counts = Counter(target.slot for target in world.targets)
    for slot, word in enumerate(listed):
        own = word - modprobe.SLOT_LISTED + modprobe.SLOT_TARGETS
        ram.poke(own, at)
        ram.poke(own + lookups.RANGE_TARGETS, counts[slot])
        at += counts[slot] * lookups.TARGET_BYTES


def place_judge(ram: Ram, world: World, listed: Sequence[int], images: Sequence[int], at: int) -> None:
    """Write the judge's targets and its index of names."""
    modnames = [image + struct_module.IMAGE_MODULE + struct_module.NAME for image in images]
    targets = pack_targets(world.targets, listed, modnames)
    ram.write(at, targets)
    place_ranges(ram, world, listed, at)
    ram.poke(lookups.TARGETS, at)
    ram.poke(lookups.NUM_TARGETS, len(world.targets))
    index, forward, backward = pack_names(world.names, at + len(targets))
    ram.write(at + len(targets), index)
    ram.poke(names.NAMES, forward)
    ram.poke(names.NUM_NAMES, (backward - forward) // 8)
    ram.poke(names.NAMES_BACKWARDS, backward)
    ram.poke(names.POISON_RUN, poison_run(world.names))


def load_modules(ram: Ram, images: Iterable[int]) -> None:
    """Load every module with the kernel's own code, on a CPU that runs alone."""
    cpu, insmod = PythonCpu(ram, 0, Features(kasan=False)), insmod_under(LOCKED)
    init_list_head(cpu, struct_module.MODULES)
    for image in images:  # whatever the scenario's protocol is: a stop would wait for CPUs that do not run yet
        if insmod(cpu, image) != 0:
            raise AssertionError(f"the module at {image:#x} did not load")


def boot_ram(world: World, cpus: int, fate: str = "poisoned") -> Ram:
    """RAM for `cpus` CPUs with the kernel up and every module of the corpus loaded; freed memory has this `fate`.

    Raises:
        UserError: when the corpus is larger than RAM can be.
    """
    least_shift = world.least_shift(fate)
    try:
        ram = Ram(RamMap(cpus, world.data_bytes, world.heap_bytes(least_shift), world.table_bytes))
    except ValueError as error:
        raise UserError(f"corpus {world.corpus.source!r} is too large: {error}; import fewer modules") from None
    ram.poke(slab.FATE, FATES[fate])
    ram.poke(slab.LEAST_SHIFT, least_shift)
    images = place_images(ram, world.images)
    place_kernel(ram, world.corpus, ram.map.data + sum(map(len, world.images)))
    listed = place_slots(ram, images)
    place_judge(ram, world, listed, images, ram.map.tables + len(images) * SLOT_STRIDE)
    load_modules(ram, images)
    ram.write(ram.map.logs, bytes(ram.map.records - ram.map.logs))
    return ram
