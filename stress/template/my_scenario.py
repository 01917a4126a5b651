"""Readers that take modlist_lock: no module is freed while a lookup stands on it.

Write here what your code guarantees, and why it should keep that. This file is a scenario: it runs real code of the
simulated kernel on real threads. `my_scenario_twin.py` beside it is its twin: the same code without the protection.
HELD means something only because the twin, in the same run, is caught.

Source: where the code or the claim comes from.
"""

from pathlib import Path

from stress import Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.modlist import LOCKED
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol

# Functions marked @kernel run on a CPU of the simulated machine, on both engines. They use integers, `if`, `while`,
# `for` over a range and other @kernel functions (docs/scenario.md has it all). They reach memory only through `cpu`.


@kernel
def lookup(cpu: Cpu, address: int, symbol: int) -> bool:
    """Find the symbol at `address` and copy its name into the buffer `symbol`; False if there is none."""
    spin_lock(cpu, MODLIST_LOCK)  # the protection under test: the twin lacks this line
    found = kallsyms_lookup(cpu, address, symbol)
    spin_unlock(cpu, MODLIST_LOCK)  # and this one
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """One operation of a reader: look up a symbol drawn at random, and judge the name that came back."""
    return read_symbol(cpu, lookup)


SCENARIO = Scenario(
    name="my_scenario",
    claim="readers that take modlist_lock never see a module that is freed",
    source="a template of kstress",
    # How the writer changes the list: under modlist_lock, as insmod and rmmod did before the patch.
    protocol=LOCKED,
    # One CPU loads and unloads modules, all others read.
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("reader", reader)),
    expect="held",
    twin=str(Path(__file__).with_name("my_scenario_twin.py")),
)
