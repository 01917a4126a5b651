"""The patch, with readers that may be preempted: a stop can come in the middle of a lookup.

With CONFIG_PREEMPT an interrupt may find a reader anywhere in its walk and let the stopper run. When the
reader goes on, the module that it stood on is gone.

Source: the patch's doubt; 6dd06c9fbe0 in 2.6.25 answers it.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="preempted_reader",
    claim="the patch protects readers that may be preempted",
    source="2.6.11 with the patch and CONFIG_PREEMPT; the patch's doubt",
    point="doubt",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    hardware=Hardware(interrupt=Fraction(1, 500)),
    expect="violated",
    learnt="the doubt was right: stop_machine waits for a preempted task's CPU, not for the task",
)
