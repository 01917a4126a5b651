"""Whether a process died for want of memory: the system killed it, or compiled code says so with its last words."""

from collections.abc import Iterable
from pathlib import Path

SAYS_SO = (
    "std::bad_alloc",
    "LLVM ERROR: out of memory",
    "OpenBLAS error: Memory allocation",
    "Cannot allocate memory",
    "MemoryError",
)
"""What libraries write that end the process when an allocation is refused."""


def oom_kills() -> int:
    """How many processes this host has killed for want of memory; 0 where it does not say."""
    try:
        facts = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(facts.get("oom_kill", 0))


def died_for_memory(death: str, words: Iterable[str], kills_before: int) -> bool:
    """Whether a process whose `death` is in words died for want of memory; `kills_before` it began were so many."""
    if "SIGKILL" in death:
        return oom_kills() > kills_before
    return any(text in word for word in words for text in SAYS_SO)
