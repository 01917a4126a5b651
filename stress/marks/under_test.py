"""The code under test: which files take noise, and what a report calls them.

These are the files under pytest's rootdir, the packages that the test's module and its conftest files import
(`imports.py`), and what `stress_noise` names.
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from stress.errors import UserError

PACKAGE = str(Path(__file__).resolve().parents[1])
STANDARD = os.path.dirname(os.__file__)
INSTALLED = ("site-packages", "dist-packages")
SETTING = "stress_noise"


@attrs.frozen
class Part:
    """Some of the code under test: its name, where it is installed, and its files, folders or `<frozen name>`.

    `compiled`: no noise reaches it. `imported`: it is there because the test imports it.
    """

    name: str
    where: str
    places: tuple[str, ...]
    compiled: bool = False
    imported: bool = False

    @property
    def label(self) -> str:
        """What a report calls it."""
        return f"{self.name} ({self.where})" if self.where else self.name

    def has(self, file: str) -> bool:
        """Whether a code object's file is part of it."""
        return any(is_within(file, place) for place in self.places)


@attrs.frozen
class UnderTest:
    """The files under `rootdir` that are not installed there, the test's own file, and all of `parts`."""

    rootdir: Path
    parts: tuple[Part, ...] = ()
    test_file: str = ""

    def has(self, file: str) -> bool:
        """Whether a code object's file takes noise. Asked while threads race, so that it must be quick."""
        if file == self.test_file or any(part.has(file) for part in self.parts):
            return True
        return is_within(file, str(self.rootdir)) and not where_of(file) and not is_within(file, PACKAGE)

    def label(self, file: str) -> str:
        """What a report calls a file that takes noise."""
        if file == self.test_file:
            return os.path.basename(file)
        labels = (part.label for part in self.parts if part.has(file))
        return next(labels, os.path.relpath(file, self.rootdir))


def is_within(file: str, folder: str) -> bool:
    """Whether a file is in a folder, or is it, by their names alone."""
    return file == folder or file.startswith(folder.rstrip(os.sep) + os.sep)


def where_of(file: str) -> str:
    """The kind of folder that a file is installed in; empty if that is none."""
    for part in reversed(file.split(os.sep)):
        if part in INSTALLED:
            return part
    return "standard library" if is_within(file, STANDARD) else ""


def part_of(name: str, spec: ModuleSpec, imported: bool = False) -> Part:
    """A module, or a package with all that is in it."""
    origin, folders = spec.origin or "", list(spec.submodule_search_locations or ())
    if spec.origin == "built-in":
        return Part(name, "standard library", (), True, imported)
    if spec.origin == "frozen":
        file = str(getattr(spec.loader_state, "filename", None) or "")
        return Part(name, "standard library", tuple(filter(None, (f"<frozen {spec.name}>", file, *folders))))
    places = tuple(folders) or (origin,)
    return Part(name, where_of(places[0]), places, origin.endswith(tuple(EXTENSION_SUFFIXES)), imported)


def spec_of(name: str) -> ModuleSpec | None:
    """Where a module comes from, if it can be imported; packages around it are imported to find out."""
    module = sys.modules.get(name)
    try:
        return (module.__spec__ if module else None) or find_spec(name)
    except Exception:  # what a package raises when it is imported
        return None


def files_behind(module: object) -> set[str]:
    """The files of the code that a module has in its `__all__`: that of `collections.abc` is in a private module."""
    files = set()
    for one in [getattr(module, name, None) for name in getattr(module, "__all__", ())]:
        functions = vars(one).values() if isinstance(one, type) else (one,)
        files |= {code.co_filename for code in (getattr(one, "__code__", None) for one in functions) if code}
    return files


def named_parts(config: pytest.Config) -> tuple[Part, ...]:
    """What `stress_noise` names: a file or folder that exists, from the settings file's folder on, or a module.

    Raises:
        UserError: for what is neither.
    """
    file = config.inipath
    folder = file.parent if file else config.invocation_params.dir
    origin = f"{SETTING} in {file.name if file else 'the command line'}"
    return tuple(named(text, folder, origin) for text in config.getini(SETTING))


def named(text: str, folder: Path, origin: str) -> Part:
    """One word of `stress_noise`."""
    path = os.path.abspath(folder / text)
    if text and os.path.exists(path):
        return Part(text, "", tuple({path, os.path.realpath(path)}))
    spec = spec_of(text) if all(map(str.isidentifier, text.split("."))) else None
    if spec is None:
        raise UserError(
            f"{origin}: {text!r} is neither a file or folder under {folder} nor a module that can be imported; "
            "give a path or the name of a module, like vendored/cachelib or queue"
        )
    part = part_of(text, spec)
    return attrs.evolve(part, places=(*part.places, *files_behind(sys.modules.get(text))))
