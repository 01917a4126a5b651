"""Booting a machine for a structure of a scenario's own: its boot function fills it, on a CPU that runs alone."""

import math
import os
import threading

import attrs

from stress.errors import UserError, out_of_memory
from stress.host.threads import set_exception
from stress.kernel.protocol import BOOT
from stress.kernel.updates import MEMORY_SHORT
from stress.machine import blocks, slab
from stress.machine.blocks import HEAP_NEXT
from stress.machine.features import Features
from stress.machine.patience import Patience
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.machine.seam import Oops
from stress.machine.stacks import shown, stack_of_error
from stress.machine.words import RANDOM
from stress.runs.boot import FATES
from stress.structure import Structure
from stress.units import counted

BOOT_SEED = 1
"""Structures are the same in every run: a run's seed is for what its CPUs do."""
DATA_BYTES = TABLE_BYTES = 64
FILL_SECONDS = 10.0
"""CPU time that a boot function may use between two objects that take memory from the heap, and to its end."""
FILL_LOOK_SECONDS = 0.05
FILL_END_SECONDS = 1.0


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
    """Run the boot function. UserError if it faults or does not end, or finds no memory for an object."""
    filling = Filling(ram, structure)
    error, name = filling.error(), structure.boot.__name__
    if isinstance(error, Oops):
        what = f"{name}, which fills the structure {structure.name}, faulted"
        raise UserError(f"{what}: it used a pointer that leads nowhere; is there memory for all objects?") from None
    if isinstance(error, EndlessFillError):
        lines = shown(stack_of_error(error))
        where = f"; it is in {' in '.join(lines)}" if lines else ""
        raise UserError(f"the fill of structure {structure.name} does not end, {filling.why}{where}") from None
    if error:
        raise error
    if short := ram.peek(ram.map.log(0) + MEMORY_SHORT):
        objects = f"{counted(short, 'object')}; it has objects={structure.objects}: give it more"
        raise UserError(f"{name}, which fills the structure {structure.name}, found no memory for {objects}")


class EndlessFillError(BaseException):
    """Ends a boot function that does not end."""


@attrs.define
class Filling:
    """A boot function at work, on a thread of its own, so that it can be ended. `why`: how long it was waited for."""

    ram: Ram
    structure: Structure
    why: str = attrs.field(init=False, default="")
    _error: BaseException | None = attrs.field(init=False, default=None)

    def error(self) -> BaseException | None:
        """Run it to its end; how it failed, None if it did not.

        Raises:
            HostError: when the host has no thread for it.
        """
        thread = threading.Thread(target=self._play, name="fill", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            raise out_of_memory(error, f"no thread to fill the structure {self.structure.name}") from error
        patience = Patience(os.getpid(), FILL_SECONDS, math.inf, lambda: [thread.native_id or 0])
        used = self.ram.peek(HEAP_NEXT)
        while thread.is_alive() and not self.why:
            thread.join(FILL_LOOK_SECONDS)
            before, used = used, self.ram.peek(HEAP_NEXT)
            if used != before:
                patience.start_again()
            self.why = patience.spent() or ""
        if thread.is_alive():
            self._end(thread)
        return self._error

    def _play(self) -> None:
        """The body of the thread."""
        cpu = PythonCpu(self.ram, 0, Features())
        cpu.poke(cpu.log + RANDOM, seed_of(BOOT_SEED, 0, 0))
        try:
            self.structure.boot(cpu, BOOT)
        except BaseException as error:
            self._error = error

    def _end(self, thread: threading.Thread) -> None:
        """End the thread where it is. One that sleeps is left behind."""
        import ctypes

        set_exception(thread, ctypes.py_object(EndlessFillError))
        thread.join(FILL_END_SECONDS)
        self._error = self._error or EndlessFillError()
