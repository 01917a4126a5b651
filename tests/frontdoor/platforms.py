"""Systems that lack something, played in processes of this one: what is not there, is refused, or is filtered away."""

import ctypes
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.frontdoor.command import CHECKOUT

LACKING = """
import builtins, errno, os, signal, socket, subprocess
real = builtins.__import__
def lacking(name, globals=None, *rest, **more):
    importer = (globals or {}).get("__name__") or ""
    if name in MODULES and importer.partition(".")[0] in ("stress", "__main__"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return real(name, globals, *rest, **more)
builtins.__import__ = lacking
for module, names in GONE.items():
    for name in names:
        vars(globals()[module]).pop(name, None)
def refusing(error):
    def refused(*args, **kwargs):
        raise OSError(error, os.strerror(error))
    return refused
for module, names in REFUSED.items():
    for name, error in names.items():
        setattr(globals()[module], name, refusing(error))
"""

WINDOWS_MODULES = ("fcntl", "grp", "pwd", "resource", "termios")
WINDOWS = {
    "os": (
        "fork", "pidfd_open", "pread", "pwrite", "register_at_fork", "sched_getaffinity",
        "sched_setaffinity", "sched_yield", "setsid", "waitid", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW",
    ),
    "signal": ("SIGHUP", "pidfd_send_signal"),
    "socket": ("send_fds", "recv_fds", "SOCK_SEQPACKET"),
}  # fmt: skip
MACOS = {
    "os": ("pidfd_open", "sched_getaffinity", "sched_setaffinity", "waitid"),
    "signal": ("pidfd_send_signal",),
    "socket": ("SOCK_SEQPACKET",),
}


def system_without(
    place: Path,
    gone: Mapping[str, Sequence[str]] | None = None,
    refused: Mapping[str, Mapping[str, int]] | None = None,
    modules: Sequence[str] = (),
) -> dict[str, str]:
    """The environment of processes that have no such names, may not call such functions, or lack modules of Python.

    Modules are lacking for kstress alone, since other packages ask first on which system they are.
    """
    names = f"MODULES, GONE, REFUSED = {tuple(modules)!r}, {dict(gone or {})!r}, {dict(refused or {})!r}\n"
    (place / "sitecustomize.py").write_text(names + LACKING)
    return {"PYTHONPATH": os.pathsep.join([str(place), str(CHECKOUT)])}


SET_FILTER, ALLOW, REFUSE = 22, 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
CALLS = {"sched_setaffinity": 203, "sched_getaffinity": 204, "sched_yield": 24, "pidfd_open": 434, "flock": 73}
"""Numbers of system calls of x86-64."""


def filter_away(calls: Sequence[str], error: int) -> None:
    """Let the kernel refuse system calls to this process, and to those that it starts, from now on."""
    steps = [(LOAD, 0, 0, 0)]
    for at, call in enumerate(calls):
        steps.append((JUMP_IF_EQUAL, len(calls) - at, 0, CALLS[call]))
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE | error)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HL", len(steps), ctypes.addressof(code)))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(38, 1, 0, 0, 0) or library.prctl(SET_FILTER, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")
