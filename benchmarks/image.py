"""What the C peer walks: the very RAM that kstress boots, in a file, and its layout as a C header. Builds the peer."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from stress.corpus import bundled
from stress.judge import lookups, names
from stress.judge.outcomes import Code
from stress.kernel import kallsyms, stop_machine, struct_module
from stress.kernel import list as lists
from stress.machine import blocks, slab, words
from stress.machine.ram import SHADOW_SHIFT, Ram
from stress.programs import modprobe
from stress.runs.boot import boot_ram, build_world

SOURCES = Path(__file__).parent / "peers"
FLAGS = ("-O2", "-pthread", "-Wall", "-Wextra", "-Werror")
NAMED_IN_C = {"UNJUDGED", "OUTCOMES", *Code.__members__}
HOMES = (words, blocks, slab, struct_module, lists, stop_machine, kallsyms, names, lookups, modprobe)


def has_compiler() -> bool:
    """Whether gcc is there; without it, what is measured against C is skipped."""
    return shutil.which("gcc") is not None


def layout() -> str:
    """Every integer constant of the machine and the kernel as a `#define`.

    Raises:
        RuntimeError: when two modules give one name two meanings: the C would walk something else.
    """
    constants: dict[str, int] = {}
    for home in HOMES:
        for name, value in vars(home).items():
            if name.isupper() and not name.startswith("_") and type(value) is int and name not in NAMED_IN_C:
                if constants.setdefault(name, value) != value:
                    raise RuntimeError(f"{home.__name__}.{name} is {value}, elsewhere {constants[name]}; rename it")
    return "".join(f"#define {name} {value}L\n" for name, value in constants.items())


def write_image(ram: Ram, path: Path) -> None:
    """All that is in `ram`, shadow included, at its own addresses; the holes stay holes."""
    with path.open("wb") as file:
        for start, end in (
            (words.LOW >> SHADOW_SHIFT, ram.map.bound >> SHADOW_SHIFT),
            (words.LOW, ram.map.end),
        ):
            file.seek(start)
            file.write(ram.mapping[start:end])


@cache
def booted(cpus: int) -> Ram:
    """RAM with the bundled corpus, freshly booted."""
    return boot_ram(build_world(bundled()), cpus)


def image_for(cpus: int, folder: Path) -> Path:
    """The image of a machine of `cpus` CPUs, in `folder`."""
    path = folder / f"ram-{cpus}.img"
    if not path.exists():
        write_image(booted(cpus), path)
    return path


def build_walk(folder: Path, shadow: bool) -> Path:
    """Compile the peer into `folder`, once.

    Raises:
        RuntimeError: with gcc's own words, when it does not compile.
    """
    program = folder / ("walk-shadow" if shadow else "walk")
    if program.exists():
        return program
    (folder / "layout.h").write_text(layout())
    folders = ["-I", str(folder), "-I", str(SOURCES)]
    command = ["gcc", *FLAGS, *(["-DSHADOW"] if shadow else []), *folders, str(SOURCES / "walk.c"), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"gcc failed:\n{done.stderr}")
    return program
