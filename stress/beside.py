"""Files beside a scenario: what it imports from its own folder. They are read before anything of them runs.

A scenario may import modules and packages that lie beside it, as a script may. Their bytes are part of what a run
directory's digest is of, and the bytes that were read are those that run. What the standard library or kstress has by
the same name comes first; what is installed by the same name comes after.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import attrs

from stress.host.disk import read_whole, telling
from stress.safe_text import shown

if TYPE_CHECKING:
    from importlib.abc import Loader

LARGEST_SOURCE = 16 << 20
OWN = "stress"
BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)
"""The nodes of a syntax tree that have statements in them."""


def read_source(path: Path) -> bytes:
    """The bytes of the source file at `path`; nothing runs. UserError if it cannot be read."""
    with telling(f"cannot read {shown(path)}", "give the path of a .py file"):
        return read_whole(path, LARGEST_SOURCE)


@attrs.frozen
class Beside:
    """A module beside a scenario: its name in imports, its file, the bytes that were read, whether it is a package."""

    name: str
    path: Path
    content: bytes
    is_package: bool


def files_beside(path: Path, source: bytes) -> tuple[Beside, ...]:
    """The modules that the scenario file at `path` imports from its folder, and those that they import, each once.

    Raises:
        UserError: when one cannot be read.
    """
    found: dict[str, Beside] = {}
    waiting = list(_imported(source, ""))
    while waiting:
        for name in _and_packages(waiting.pop(0)):
            if name not in found and (one := _find(path.parent, name)):
                found[name] = one
                waiting += _imported(one.content, name if one.is_package else name.rpartition(".")[0])
    return tuple(found.values())


def _imported(source: bytes, package: str) -> Iterator[str]:
    """The names that a source may import as modules; `package` is that which it belongs to. None if it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _statements(tree: ast.AST) -> Sequence[ast.AST]:
    """What may be an import, in the order of `ast.walk`, which also goes through all expressions."""
    found = [tree]
    for node in found:  # which grows
        found += [one for one in ast.iter_child_nodes(node) if isinstance(one, BLOCKS)]
    return found


def _base(node: ast.ImportFrom, package: str) -> str:
    """What an import is from, as a whole name."""
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*filter(None, above), *([node.module] if node.module else [])])


def _and_packages(name: str) -> list[str]:
    """A name, after the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _find(folder: Path, name: str) -> Beside | None:
    """The module of this name in a folder; None if there is none, or the name is another's."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == OWN or not all(map(str.isidentifier, name.split("."))):
        return None
    place = folder.joinpath(*name.split("."))
    for path, is_package in ((place / "__init__.py", True), (place.with_suffix(".py"), False)):
        if path.is_file():
            return Beside(name, path, read_source(path), is_package)
    return None


@attrs.frozen
class _Finder:
    """Finds modules among those that were read, and loads them.

    It does without the base classes of `importlib.abc`, which takes longer to import than most scenarios.
    """

    modules: Mapping[str, Beside]

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """The module of this name, if it is one of them."""
        one, loader = self.modules.get(name), cast("Loader", self)
        return spec_from_loader(name, loader, origin=str(one.path), is_package=one.is_package) if one else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the bytes that were read."""
        one = self.modules[module.__name__]
        module.__file__ = str(one.path)
        exec(compile(one.content, str(one.path), "exec", dont_inherit=True), module.__dict__)


@contextmanager
def importing(beside: Sequence[Beside]) -> Iterator[None]:
    """Let imports find these modules while the block runs; outside of it another scenario's may have their names."""
    finder = _Finder({one.name: one for one in beside})
    before = {name: sys.modules.pop(name) for name in finder.modules if name in sys.modules}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)
