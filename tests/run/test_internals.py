"""docs/internals.md lists every deadline of the code with its value, the regions of RAM, and each word once.

And functions and files are as short as CONTRIBUTING.md says.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles

from stress.machine.blocks import MIN_BLOCK, RECORD_BYTES
from stress.machine.evidence import SLOTS_BYTES
from stress.machine.ram import LARGEST, SHADOW_SHIFT, RamMap
from stress.machine.words import AREA_BYTES, AREAS, LOG_BYTES, LOW, STATICS_BYTES
from tests.frontdoor.command import CHECKOUT

ROW = re.compile(r"\| `(\w+)` \| `([\w/]+\.py)` \| ([\d.]+) (s|ns) \| ([\w ]+) \| (.+) \|")
MEASURES = {"CPU time", "progress", "looks", "wall", "length"}
TIMES = re.compile(
    r"SECONDS|(LONGEST|SHORTEST)_(WAIT|SILENCE|STUCK|LOOK|SLICE|SOAK|INTERVAL|RECORD|STALL_AFTER)|"
    r"SWITCH_INTERVAL|TIMEOUT|DEADLINE|GRACE|PATIENCE"
)
NO_TIMES = {"MICROSECONDS", "GAP_NANOSECONDS", "SECONDS", "SWITCH_INTERVAL_S"}
"""A factor, an address in RAM, the table of units, and what CPython takes for itself."""
WAITS = {"join", "result", "wait", "sleep", "select", "poll", "communicate", "settimeout"}
Bound = tuple[str, str, float]
MEDIAN, TENTH, LONGEST, LONGEST_FILE = 8, 20, 45, 400
"""Lines of a function: the median, what only a tenth of them are longer than, the longest; lines of a file."""


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Every file of the package, parsed once for all tests."""
    paths = sorted((CHECKOUT / "stress").rglob("*.py"))
    return tuple((path.relative_to(CHECKOUT), ast.parse(path.read_text())) for path in paths)


def bounds_in_code() -> Iterator[Bound]:
    """Every constant of a module that is named as a time: its name, its file and its value."""
    for path, tree in modules():
        for node in tree.body:
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if isinstance(target, ast.Name) and TIMES.search(target.id) and target.id not in NO_TIMES:
                    yield target.id, str(path), value_of(node, target.id, path)


def value_of(node: ast.Assign, name: str, path: Path) -> float:
    """The value of a constant: as it is written, or else as its module has it, which needs what the module needs."""
    try:
        return float(ast.literal_eval(node.value))
    except ValueError:
        return float(getattr(import_module(".".join(path.with_suffix("").parts)), name))


def rows() -> list[re.Match[str]]:
    """The rows of the table."""
    lines = (CHECKOUT / "docs" / "internals.md").read_text().splitlines()
    found = [ROW.fullmatch(line) for line in lines if line.startswith("| `")]
    assert all(found), "a row that cannot be read"
    return [row for row in found if row]


def test_every_bound_is_listed_once_with_its_file_and_value() -> None:
    listed = [(row[1], row[2], float(row[3])) for row in rows()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(bounds_in_code())


def test_every_bound_says_what_it_measures() -> None:
    assert {row[5] for row in rows()} == MEASURES


def unnamed(tree: ast.Module) -> Iterator[str]:
    """Calls that wait for a time that has no name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            waits = isinstance(node.func, ast.Attribute) and node.func.attr in WAITS
            given = [
                *(node.args if waits else []),
                *(one.value for one in node.keywords if "timeout" in (one.arg or "")),
            ]
            if any(isinstance(one, ast.Constant) and type(one.value) in (int, float) and one.value for one in given):
                yield ast.unparse(node)


def test_nothing_waits_for_a_time_that_has_no_name() -> None:
    assert [(str(path), call) for path, tree in modules() for call in unnamed(tree)] == []


def test_a_bound_that_is_new_or_has_no_name_would_be_seen() -> None:
    assert list(unnamed(ast.parse("thread.join(1.0)\nconnect(timeout=5)\nthread.join(SECONDS)")))
    assert all(map(TIMES.search, ("MOST_SECONDS", "GRACE", "LONGEST_WAIT", "ANSWER_TIMEOUT")))


def table_under(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    text = (CHECKOUT / "docs" / "internals.md").read_text().partition(f"## {heading}\n")[2]
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_address_map_has_the_regions_in_their_order_with_their_sizes() -> None:
    ram_map = RamMap(cpus=3, data_bytes=1, heap_bytes=1, table_bytes=1)
    regions = {
        "shadow": (LOW >> SHADOW_SHIFT, f"1 byte for {1 << SHADOW_SHIFT} bytes"),
        "static words": (LOW, f"{STATICS_BYTES >> 10} KiB"),
        "CPU areas": (AREAS, f"{AREA_BYTES >> 10} KiB for a CPU"),
        "read-only data": (ram_map.data, ""),
        "heap": (ram_map.heap, ""),
        "logs": (ram_map.logs, f"{LOG_BYTES >> 10} KiB for a CPU"),
        "records": (ram_map.records, f"{RECORD_BYTES} bytes for {MIN_BLOCK} bytes of heap"),
        "judge's tables": (ram_map.tables, ""),
        "evidence": (ram_map.reports, f"{SLOTS_BYTES >> 10} KiB for a CPU"),
    }
    listed = table_under("The address map")
    assert [row[0] for row in listed] == sorted(regions, key=lambda name: regions[name][0])
    assert all(row[2] == regions[row[0]][1] for row in listed if regions[row[0]][1])
    text = (CHECKOUT / "docs" / "internals.md").read_text()
    assert f"LOW = {LOW >> 20} MiB" in text
    assert f"may have {LARGEST >> 20} MiB" in text


def test_the_glossary_has_each_word_once_in_alphabetical_order() -> None:
    words = [row[0] for row in table_under("Glossary")]
    assert len(words) > 50
    assert words == sorted(set(words), key=str.lower)


def test_the_page_names_no_file_that_is_gone() -> None:
    text = (CHECKOUT / "docs" / "internals.md").read_text()
    named = set(re.findall(r"`((?:stress|tests|docs)/[\w/]+\.\w+)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []


def lines_of(node: ast.AST) -> int:
    """The lines of a function, its decorators left out."""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_and_files_are_short() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        (lines_of(node), f"{path}: {node.name}")
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, functions)
    ]
    lengths = [length for length, _ in found]
    assert median(lengths) <= MEDIAN
    assert quantiles(lengths, n=10)[-1] <= TENTH
    assert [one for one in found if one[0] > LONGEST] == []
    files = {str(path): len((CHECKOUT / path).read_text().splitlines()) for path, _ in modules()}
    assert {path: length for path, length in files.items() if length > LONGEST_FILE} == {}
