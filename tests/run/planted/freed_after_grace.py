"""Modules are unlinked with readers running, and freed when every CPU has passed a safepoint since."""

from pathlib import Path

from stress import Program, Scenario
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader
from stress.scenario_files import find_scenario

TWIN = Path(__file__).with_name("freed_at_once.py")


@kernel
def free_after_grace(cpu: Cpu, mod: int) -> None:
    """Free a module that nobody stands on any more: a stop begins and ends between operations of every other CPU."""
    stop_machine(cpu)
    restart_machine(cpu)
    kfree(cpu, mod)


SCENARIO = Scenario(
    name="freed_after_grace",
    claim="a module may be freed once every CPU has passed a safepoint since its unlink",
    source="planted",
    protocol=find_scenario(str(TWIN)).protocol.but("freed_after_grace", retire=free_after_grace),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin=str(TWIN),
)
