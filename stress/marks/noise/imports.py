"""The packages that a test imports: they take noise without being named in `stress_noise`.

The standard library and testing tools are left out, unless `stress_noise` names them.
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

from stress.marks.noise.code_under_test import CodeUnderTest, Part, named_parts, part_of, spec_of

TOOLS = ("pytest", "pluggy", "xdist", "hypothesis", "coverage", "mock", "freezegun", "time_machine", "stress")
"""Packages that tests use and do not test; so are all whose names begin with one of ASIDE."""
ASIDE = ("pytest_", "_pytest", "_distutils_hack", "__editable__")
"""Plugins of pytest, and what finds packages that are installed: each import runs through it."""

BY_NAME = ("import_module", "importorskip")
"""The functions that import a module by its name; a name that is no literal is not seen."""

KNOWN = pytest.StashKey[dict[Path, CodeUnderTest]]()


def code_under_test_of(item: pytest.Function) -> CodeUnderTest:
    """The code under test of an item; it is found once for each test file.

    Raises:
        UserError: for a setting that cannot be used.
    """
    known = item.config.stash.setdefault(KNOWN, {})
    if item.path not in known:
        known[item.path] = found_for(item)
    return known[item.path]


def found_for(item: pytest.Function) -> CodeUnderTest:
    """The code under test of an item, found anew."""
    config, file = item.config, str(item.path)
    modules = [item.module, *conftests(item)]
    parts = {part.name: part for module in modules for part in imported_parts(module)}
    here = tuple(attrs.evolve(part, imported=not part.has(file)) for part in parts.values())
    return CodeUnderTest(config.rootpath, (*named_parts(config), *here), file)


def conftests(item: pytest.Item) -> Iterator[ModuleType]:
    """The modules of the conftest files that apply to an item."""
    for plugin in item.config.pluginmanager.get_plugins():
        file = Path(getattr(plugin, "__file__", None) or "")
        if isinstance(plugin, ModuleType) and file.name == "conftest.py" and item.path.is_relative_to(file.parent):
            yield plugin


def imported_parts(module: ModuleType) -> tuple[Part, ...]:
    """The packages that a module imports, each as a whole."""
    found = {}
    for dotted in sorted(names_in(module) | globals_of(module)):
        named = None if is_aside(dotted) else outermost(dotted)
        if named:
            found[named[0]] = part_of(*named, imported=True)
    return tuple(found.values())


def names_in(module: ModuleType) -> set[str]:
    """The dotted names that a module's file imports, inside functions too; none if its source cannot be read."""
    try:
        with tokenize.open(module.__file__ or "") as file:
            nodes = ast.walk(ast.parse(file.read()))
        return {name for node in nodes for name in imported_by(node, module.__package__ or "")}
    except (OSError, SyntaxError, ValueError, ImportError):
        return set()


def imported_by(node: ast.AST, package: str) -> Iterator[str]:
    """The dotted names that a statement imports; the last part may be an attribute and not a module."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and (package or not node.level):
        base = resolve_name("." * node.level + (node.module or ""), package)
        yield from (f"{base}.{one.name}" for one in node.names)
    elif isinstance(node, ast.Call) and name_called(node) in BY_NAME:
        given = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        yield from (name for name in given[:1] if all(map(str.isidentifier, name.split("."))))


def name_called(call: ast.Call) -> str:
    """The last part of the name of a function that is called; empty for any other expression."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def globals_of(module: ModuleType) -> set[str]:
    """The names of the modules among a module's globals, since `pytest.importorskip` is not an import statement."""
    values = list(vars(module).values())  # `type`, since `isinstance` calls code of proxy objects
    return {one.__name__ for one in values if issubclass(type(one), ModuleType)}


def is_aside(dotted: str) -> bool:
    """Whether a module belongs to the standard library or to a testing tool."""
    top = dotted.partition(".")[0]
    return top in sys.stdlib_module_names or top in TOOLS or top.startswith(ASIDE)


def outermost(dotted: str) -> tuple[str, ModuleSpec] | None:
    """The outermost package around a module that has code; a namespace package has none, so it is skipped."""
    words = dotted.split(".")
    for upto in range(1, len(words) + 1):
        spec = spec_of(name := ".".join(words[:upto]))
        if spec is None or spec.origin:
            return (name, spec) if spec else None
    return None
