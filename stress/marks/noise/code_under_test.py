"""The code under test: the files that take noise, and their labels in reports.

These are the files under pytest's rootdir, the packages that the test's module and its conftest files import
(`imports.py`), and what `stress_noise` names.
"""

import os
import sys
from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from stress.errors import UserError

PACKAGE = str(Path(__file__).resolve().parents[2])
STANDARD = os.path.dirname(os.__file__)
INSTALLED = ("site-packages", "dist-packages")
SETTING = "stress_noise"


@attrs.frozen
class Part:
    """One part of the code under test: its name, where it is installed, and its files, folders or `<frozen name>`.

    `compiled`: it takes no noise. `imported`: it belongs to the code under test because the test imports it.
    """

    name: str
    where: str
    places: tuple[str, ...]
    compiled: bool = False
    imported: bool = False

    @property
    def label(self) -> str:
        """Its name in reports."""
        return f"{self.name} ({self.where})" if self.where else self.name

    def has(self, file: str) -> bool:
        """Whether the file of a code object belongs to it."""
        return any(is_within(file, place) for place in self.places)


@attrs.frozen
class CodeUnderTest:
    """The files under `rootdir` that are not installed there, the test's own file, and all of `parts`.

    `other_tests`: the files of the other tests of the session.
    """

    rootdir: Path
    parts: tuple[Part, ...] = ()
    test_file: str = ""
    other_tests: frozenset[str] = frozenset()

    def has(self, file: str) -> bool:
        """Whether code of this file takes noise. It is called while threads race, so it must be quick."""
        if file == self.test_file or any(part.has(file) for part in self.parts):
            return True
        return is_within(file, str(self.rootdir)) and not where_of(file) and not is_within(file, PACKAGE)

    def beside(self, tests: Iterable[str]) -> "CodeUnderTest":
        """The same in a session with the tests in these files."""
        return attrs.evolve(self, other_tests=frozenset(tests) - {self.test_file})

    def answers_for(self, file: str) -> bool:
        """Whether a finalizer in this file is a matter of this test: what another test left may be collected in it."""
        return file not in self.other_tests and self.has(file)

    def label(self, file: str) -> str:
        """The label in reports of a file that takes noise."""
        if file == self.test_file:
            return os.path.basename(file)
        labels = (part.label for part in self.parts if part.has(file))
        return next(labels, os.path.relpath(file, self.rootdir))


def is_within(file: str, folder: str) -> bool:
    """Whether a file is in a folder, or is the folder itself, by their names alone."""
    return file == folder or file.startswith(folder.rstrip(os.sep) + os.sep)


def where_of(file: str) -> str:
    """The kind of folder in which a file is installed; empty if it is not installed."""
    for part in reversed(file.split(os.sep)):
        if part in INSTALLED:
            return part
    return "standard library" if is_within(file, STANDARD) else ""


def part_of(name: str, spec: ModuleSpec, imported: bool = False) -> Part:
    """The part for a module, or for a package with all its modules."""
    origin, folders = spec.origin or "", list(spec.submodule_search_locations or ())
    if spec.origin == "built-in":
        return Part(name, "standard library", (), True, imported)
    if spec.origin == "frozen":
        file = str(getattr(spec.loader_state, "filename", None) or "")
        return Part(name, "standard library", tuple(filter(None, (f"<frozen {spec.name}>", file, *folders))))
    places = tuple(folders) or (origin,)
    return Part(name, where_of(places[0]), places, origin.endswith(tuple(EXTENSION_SUFFIXES)), imported)


def spec_of(name: str) -> ModuleSpec | None:
    """The spec of a module; None if it cannot be imported. The packages around it are imported to find out."""
    module = sys.modules.get(name)
    try:
        return (module.__spec__ if module else None) or find_spec(name)
    except Exception:  # anything that a package raises while it is imported
        return None


def files_behind(module: object) -> set[str]:
    """The files of the code in a module's `__all__`: the code of `collections.abc`, say, is in a private module."""
    files = set()
    for one in [getattr(module, name, None) for name in getattr(module, "__all__", ())]:
        functions = vars(one).values() if isinstance(one, type) else (one,)
        files |= {code.co_filename for code in (getattr(one, "__code__", None) for one in functions) if code}
    return files


def named_parts(config: pytest.Config) -> tuple[Part, ...]:
    """The parts that `stress_noise` names: files or folders, relative to the settings file's folder, or modules.

    Raises:
        UserError: for a word that is neither.
    """
    file = config.inipath
    folder = file.parent if file else config.invocation_params.dir
    origin = f"{SETTING} in {file.name if file else 'the command line'}"
    return tuple(named(text, folder, origin) for text in config.getini(SETTING))


def named(text: str, folder: Path, origin: str) -> Part:
    """The part for one word of `stress_noise`; UserError, beginning with `origin`, if there is none."""
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
