"""The kernel that the CPUs run: Linux 2.6.11's lists, locks, stop_machine, modules and kallsyms, in kernel code."""

from stress.kernel import kallsyms, protocols, stop_machine, struct_module

__all__ = ["kallsyms", "protocols", "stop_machine", "struct_module"]
