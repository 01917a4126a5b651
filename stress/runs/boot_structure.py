"""Booting a machine for a structure of a scenario's own: its boot function fills it, on a CPU that runs alone."""

from stress.errors import UserError
from stress.kernel.protocol import BOOT
from stress.machine import blocks, slab
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.machine.seam import Oops
from stress.machine.words import RANDOM
from stress.runs.boot import FATES
from stress.structure import Structure

BOOT_SEED = 1
"""Structures are the same in every run: a run's seed is for what its CPUs do."""
DATA_BYTES = TABLE_BYTES = 64


def boot_structure(structure: Structure, cpus: int, fate: str) -> Ram:
    """RAM for `cpus` CPUs with the structure filled; freed memory has this `fate`.

    Raises:
        UserError: when the objects do not fit into RAM, or the boot function fails.
    """
    block = slab.shift_for(max((struct.SIZE for struct in structure.structs), default=1), blocks.MIN_SHIFT)
    try:
        ram = Ram(RamMap(cpus, DATA_BYTES, structure.objects << block, TABLE_BYTES))
    except ValueError as error:
        raise UserError(f"structure {structure.name} is too large: {error}; give it fewer objects") from None
    # No more objects than were asked for, though memory comes in pages.
    ram.poke(blocks.HEAP_END, ram.map.heap + (structure.objects << block))
    ram.poke(slab.FATE, FATES[fate])
    ram.poke(slab.LEAST_SHIFT, block if fate == "reused" else blocks.MIN_SHIFT)
    _fill(ram, structure)
    ram.write(ram.map.logs, bytes(ram.map.records - ram.map.logs))
    return ram


def _fill(ram: Ram, structure: Structure) -> None:
    """Run the boot function. UserError if it faults, or calls what the language has and a CPU alone cannot do."""
    cpu = PythonCpu(ram, 0, Features())
    cpu.poke(cpu.log + RANDOM, seed_of(BOOT_SEED, 0, 0))
    try:
        structure.boot(cpu, BOOT)
    except Oops:
        what = f"{structure.boot.__name__}, which fills the structure {structure.name}, faulted"
        raise UserError(f"{what}: it used a pointer that leads nowhere; is there memory for all objects?") from None
