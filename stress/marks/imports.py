"""What a test imports: the packages that take noise without being named.

The standard library and tools of tests are left out; `stress_noise` may name them.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from stress.marks.under_test import Part, UnderTest, named_parts, part_of, spec_of

TOOLS = ("pytest", "pluggy", "xdist", "hypothesis", "coverage", "mock", "freezegun", "time_machine", "stress")
"""Packages that tests use and do not test, as are all whose names begin with `pytest_` or `_pytest`."""


KNOWN = pytest.StashKey[dict[Path, UnderTest]]()


def under_test_of(item: pytest.Function) -> UnderTest:
    """What takes noise in an item, which is the same for all in its file.

    Raises:
        UserError: for a setting that cannot be used.
    """
    known = item.config.stash.setdefault(KNOWN, {})
    if item.path not in known:
        known[item.path] = found_for(item)
    return known[item.path]


def found_for(item: pytest.Function) -> UnderTest:
    """The same, found anew."""
    config, file = item.config, str(item.path)
    modules = [item.module, *conftests(item)]
    parts = {part.name: part for module in modules for part in imported_parts(module)}
    here = tuple(attrs.evolve(part, imported=not part.has(file)) for part in parts.values())
    return UnderTest(config.rootpath, (*named_parts(config), *here), file)


def conftests(item: pytest.Item) -> Iterator[ModuleType]:
    """The conftest files that hold for an item."""
    for plugin in item.config.pluginmanager.get_plugins():
        file = Path(getattr(plugin, "__file__", None) or "")
        if isinstance(plugin, ModuleType) and file.name == "conftest.py" and item.path.is_relative_to(file.parent):
            yield plugin


def imported_parts(module: ModuleType) -> tuple[Part, ...]:
    """The packages that a module imports, each whole."""
    found = {}
    for dotted in sorted(names_in(module) | globals_of(module)):
        named = None if is_aside(dotted) else outermost(dotted)
        if named:
            found[named[0]] = part_of(*named, imported=True)
    return tuple(found.values())


def names_in(module: ModuleType) -> set[str]:
    """The dotted names that a module's file imports, wherever in it, within functions too."""
    try:
        with tokenize.open(module.__file__ or "") as file:
            nodes = ast.walk(ast.parse(file.read()))
        return {name for node in nodes for name in imported_by(node, module.__package__ or "")}
    except (OSError, SyntaxError, ValueError, ImportError):
        return set()


def imported_by(node: ast.AST, package: str) -> Iterator[str]:
    """The dotted names that a statement imports; what comes from a package may be an attribute of it."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and (package or not node.level):
        base = resolve_name("." * node.level + (node.module or ""), package)
        yield from (f"{base}.{one.name}" for one in node.names)


def globals_of(module: ModuleType) -> set[str]:
    """The names of modules among a module's globals: `pytest.importorskip` is no statement."""
    values = list(vars(module).values())  # `isinstance` would ask proxies what they stand for
    return {one.__name__ for one in values if issubclass(type(one), ModuleType)}


def is_aside(dotted: str) -> bool:
    """Whether a module is of the standard library, or a tool of tests."""
    top = dotted.partition(".")[0]
    return top in sys.stdlib_module_names or top in TOOLS or top.startswith(("pytest_", "_pytest"))


def outermost(dotted: str) -> tuple[str, ModuleSpec] | None:
    """The outermost package around a module that has code of its own: a namespace package has none."""
    words = dotted.split(".")
    for upto in range(1, len(words) + 1):
        spec = spec_of(name := ".".join(words[:upto]))
        if spec is None or spec.origin:
            return (name, spec) if spec else None
    return None
