"""No protection: writers keep each other out, readers look at what they like, memory is freed at once."""

from stress.kernel.protocol import Protocol

NONE = Protocol(
    "none",
    claim="nothing keeps an object from being freed while a reader stands on it",
    source="kernel/module.c and kernel/kallsyms.c before the patch of 2005",
)
