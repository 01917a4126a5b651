"""Readers of symbols while modules come and go: one side of the pairs of `benchmarks/compare.py`.

Source: none; the code is that of scenarios/modlist_spinlock.py.
"""

from stress import Program, Scenario
from stress.programs.modprobe import modprobe_locked
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="compared",
    claim="none: it is compared with itself",
    source="benchmarks",
    programs=(Program("modprobe", modprobe_locked, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
)
