"""A planted bug: the reader passes a safepoint between finding a symbol and copying its name."""

from stress import Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, module_address_lookup
from stress.kernel.list import list_add, list_del
from stress.kernel.stop_machine import cond_resched, restart_machine, stop_machine
from stress.kernel.string import strncpy
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import read_symbol


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module as the patch does."""
    stop_machine(cpu)
    list_add(cpu, mod + LIST, MODULES)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list as the patch does."""
    stop_machine(cpu)
    list_del(cpu, mod + LIST)
    restart_machine(cpu)


@kernel
def lookup_and_reschedule(cpu: Cpu, address: int, symbol: int) -> bool:
    """Hold a raw name past a reschedule, where it is no longer valid."""
    name = module_address_lookup(cpu, address, symbol)
    if name == 0:
        return False
    cond_resched(cpu)
    strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    cpu.store8(symbol + KSYM_NAME_LEN, 0)
    return True


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, link_module, unlink_module)


@kernel
def reader(cpu: Cpu) -> int:
    """Look symbols up, badly."""
    return read_symbol(cpu, lookup_and_reschedule)


SCENARIO = Scenario(
    name="reader_joins_inside",
    claim="a name may be held past a reschedule",
    source="planted",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
)
