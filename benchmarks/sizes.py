"""Time and memory at the sizes that the limits allow: `python -m benchmarks.sizes [map] [sweep]`.

A symbol map of 1.9 million lines is imported, and the run directory of a sweep with 250 MB of cells is reported: copies
of the cells in `results/reference`, under other numbers of repeats.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path

REFERENCE = Path(__file__).parents[1] / "results" / "reference"
LINES = 1_900_000
MODULES = 2000
CELLS_BYTES = 250_000_000
KSTRESS = (sys.executable, "-c", "from stress.cli import main; main()")


def map_lines(lines: int) -> Iterator[str]:
    """A map of a kernel and, in a quarter of its lines, of modules."""
    of_modules = lines // 4
    for at, kind in zip(range(lines - of_modules), cycle("tTdDbBrR")):
        yield f"{0xFFFFFFFF81000000 + 16 * at:016x} {kind} symbol_of_the_kernel_{at}\n"
    for at in range(of_modules):
        yield f"{0xFFFFFFFFC0000000 + 16 * at:016x} t symbol_of_module_{at}\t[module_{at * MODULES // of_modules}]\n"


def make_map(place: Path) -> list[str]:
    """A map, and the command that imports it."""
    with (place / "System.map").open("w") as file:
        file.writelines(map_lines(LINES))
    return ["corpus", "import", "System.map", "-o", "corpus.json"]


def cells(lines: list[str]) -> Iterator[str]:
    """The cells of a sweep again and again, each time as another repeat."""
    ended = [json.loads(line) for line in lines if json.loads(line)["repeat"] == 1]
    for repeat in count(1):
        yield from (json.dumps({**one, "repeat": repeat}, separators=(",", ":")) + "\n" for one in ended)


def make_sweep(place: Path) -> list[str]:
    """The run directory of a sweep, and the command that reports it."""
    folder, written, repeats = place / "sweep-1", 0, 0
    folder.mkdir()
    with (folder / "cells.jsonl").open("w") as file:
        for line in cells((REFERENCE / "cells.jsonl").read_text().splitlines()):
            written += file.write(line)
            repeats = max(repeats, json.loads(line)["repeat"]) if written >= CELLS_BYTES else repeats
            if repeats:
                break
    manifest = json.loads((REFERENCE / "manifest.json").read_text())
    manifest["plan"]["repeat"] = repeats
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return ["report", "sweep-1"]


def measure(place: Path, command: list[str]) -> str:
    """Run a command in a folder; its wall time, CPU time and peak memory."""
    began = time.monotonic()
    process = subprocess.Popen([*KSTRESS, *command], cwd=place, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds, cpu = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}, {seconds:.1f} s, {cpu:.1f} s of CPU time, {usage.ru_maxrss / 1024:.0f} MiB"


MAKERS: dict[str, Callable[[Path], list[str]]] = {"map": make_map, "sweep": make_sweep}


def main() -> None:
    """Make, run, measure."""
    for name in sys.argv[1:] or MAKERS:
        with tempfile.TemporaryDirectory() as place:
            command = MAKERS[name](Path(place))
            size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
            print(f"kstress {' '.join(command)}: {size / 1e6:.0f} MB: {measure(Path(place), command)}", flush=True)


if __name__ == "__main__":
    main()
