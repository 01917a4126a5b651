"""The twin of my_scenario.py: the same readers without the lock. It differs in the protection under test alone.

Keep it so: whatever you change in the scenario, change here too.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.modlist import LOCKED
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup(cpu: Cpu, address: int, symbol: int) -> bool:
    """Find the symbol at `address` and copy its name into the buffer `symbol`; False if there is none."""
    found = kallsyms_lookup(cpu, address, symbol)
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """One operation of a reader: look up a symbol drawn at random, and judge the name that came back."""
    return read_symbol(cpu, lookup)


SCENARIO = Scenario(
    name="my_scenario_twin",
    claim="readers need no lock to be safe from a module that is freed",
    source="a template of kstress",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("reader", reader)),
    expect="violated",
)
