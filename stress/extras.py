"""The extras (optional parts) of kstress: the packages of each, and the command that installs them here.

What only hints need, and `importlib.metadata`, is imported where it is used: that takes longer than all else here.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

EXTRAS = {
    "native": ("llvmlite",),
    "corpus": ("elftools", "zstandard"),
    "report": ("jinja2", "matplotlib"),
    "metrics": ("prometheus_client",),
    "cluster": ("distributed",),
}
"""The modules that each extra needs."""


def missing_modules(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def package_version(name: str) -> str | None:
    """The installed version of a distribution; None if it is not there."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def install_hint(extra: str) -> str:
    """The command that installs an extra's packages into this environment, however kstress was installed.

    It names the packages, and not kstress, which may come from a checkout, a wheel or an index. For an environment
    without pip, as the README makes it, it uses the pip of another Python.
    """
    import shlex

    if find_spec("pip"):
        command = [_short(sys.executable), "-m", "pip", "install"]
    else:
        command = [_other_python(), "-m", "pip", "--python", _short(sys.prefix), "install"]
    return shlex.join([*command, *_requirements(extra)])


def needs(what: str, extra: str) -> str:
    """The message that `what` needs the modules of an extra, and how to install them."""
    modules = " and ".join(missing_modules(extra) or EXTRAS[extra])
    return f"{what} needs {modules}; install with: {install_hint(extra)}"


def _other_python() -> str:
    """A Python that may have pip: `python3`, or the base interpreter if `python3` is this environment's own."""
    from shutil import which

    found = which("python3")
    own = found is not None and Path(found).parent.parent == Path(sys.prefix)
    return f"{sys.base_prefix}/bin/python3" if own and sys.prefix != sys.base_prefix else "python3"


def _requirements(extra: str) -> list[str]:
    """The packages of an extra from kstress's metadata, with versions; without metadata the names of the modules."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        known = requires("kstress") or []
    except PackageNotFoundError:
        known = []
    marks = {f'extra=="{extra}"', f"extra=='{extra}'"}
    split = [one.partition(";") for one in known]
    return [name.strip() for name, _, mark in split if mark.replace(" ", "") in marks] or list(EXTRAS[extra])


def _short(path: str) -> str:
    """A path, relative to the working directory if it lies below it."""
    relative = os.path.relpath(path)
    return path if Path(relative).parts[:1] == ("..",) else relative
