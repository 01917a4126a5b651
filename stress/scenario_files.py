"""Finds and loads scenarios: by name in the catalogue, or by path. The catalogue is the folder `scenarios/`.

It lies beside the package in a checkout and an editable install, and inside the package in a wheel.
"""

import errno
import hashlib
import importlib.util
import os
import stat
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path

import attrs

from stress.errors import UserError
from stress.host.disk import read_whole, telling
from stress.judge.outcomes import fault_of
from stress.machine.language.check import check_handler, check_operation
from stress.machine.seam import SCENARIO_MODULE
from stress.safe_text import on_one_line, shown
from stress.scenario import POINTS, Scenario

_HERE = Path(__file__).parent
MOST_NEAREST = 3
LARGEST_SOURCE = 16 << 20


def scenarios_folder() -> Path:
    """The folder of the catalogue's scenario files."""
    inside = _HERE / "scenarios"
    return inside if inside.is_dir() else _HERE.parent / "scenarios"


def _real(path: Path) -> Path:
    """An absolute path without links; unlike `Path.resolve`, it never raises."""
    return Path(os.path.realpath(path))


def line_of(error: BaseException, path: Path) -> int:
    """The line of the file at `path` that an error of running it came from."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)


_loaded: dict[Path, tuple[bytes, Scenario]] = {}
"""The files that this process has loaded: the bytes that ran, and the scenario that they define."""


def read_source(path: Path) -> bytes:
    """The bytes of the scenario file at `path`; nothing runs. UserError if it cannot be read."""
    with telling(f"cannot read {shown(path)}", "give the path of a .py file"):
        return read_whole(path, LARGEST_SOURCE)


def loaded_source(path: Path) -> bytes:
    """The bytes of the file at `path` as this process has run them, or the file's bytes now if it has not."""
    known = _loaded.get(path)
    return known[0] if known else read_source(path)


def load_scenario(path: Path) -> Scenario:
    """The `SCENARIO` of the file at the absolute `path`; its `origin` is its name if the catalogue has it.

    Raises:
        UserError: when the file cannot be read or run, has no SCENARIO, or one whose outcomes collide.
    """
    return load_source(path, loaded_source(path))


def load_source(path: Path, source: bytes) -> Scenario:
    """The scenario that `source`, bytes read from `path` before, defines: they run, and not the file as it is now.

    The module is kept in `sys.modules`, where compiled code looks for it.

    Raises:
        UserError: as `load_scenario`, and when this process has run other bytes of that file.
    """
    if path not in _loaded:
        _loaded[path] = source, _run_source(path, source)
    known, scenario = _loaded[path]
    if known != source:
        raise UserError(f"{shown(path)} has changed since this process loaded it; start a new process")
    return scenario


def _run_source(path: Path, source: bytes) -> Scenario:
    """Run the bytes of a scenario file as a module; its SCENARIO."""
    name = f"{SCENARIO_MODULE}{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{shown(path)} is not a Python file; a scenario is a .py file that defines SCENARIO")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        fault = f"{type(error).__name__}: {on_one_line(str(error))}"
        line = line_of(error, path)
        raise UserError(f"{shown(path)}, line {line}: {fault}; fix the scenario file") from error
    scenario = getattr(module, "SCENARIO", None)
    if not isinstance(scenario, Scenario):
        raise UserError(f"{shown(path)} defines no SCENARIO; end the file with SCENARIO = Scenario(...)")
    if refused := fault_of(scenario.outcomes):
        raise UserError(f"{shown(path)}: {refused}")
    known = path.parent == _real(scenarios_folder()) and path.stem == scenario.name
    return attrs.evolve(scenario, origin=scenario.name if known else str(path))


def catalogue() -> list[Scenario]:
    """Every scenario of the catalogue, in the order of the patch's points, a scenario before its twin."""
    folder = _real(scenarios_folder())
    with telling(f"cannot read the catalogue in {shown(folder)}", "install kstress again"):
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    loaded = {path.stem: load_scenario(path) for path in map(folder.joinpath, names)}
    owners = {scenario.twin: name for name, scenario in loaded.items() if scenario.twin in loaded}

    def place(scenario: Scenario) -> tuple[int, str, bool, str]:
        owner = owners.get(scenario.name, scenario.name)
        return list(POINTS).index(scenario.point), owner, owner != scenario.name, scenario.name

    return sorted(loaded.values(), key=place)


def scenario_file(wanted: str) -> Path:
    """The file of the scenario of this name in the catalogue, or of this path; an absolute path.

    Raises:
        UserError: when there is none; it names similar scenarios.
    """
    path = Path(wanted)
    if path.suffix == ".py" or "/" in wanted:
        usual = "give the path of a .py file, or a name (kstress list)"
        with telling(f"there is no scenario file {shown(repr(wanted))}", usual):
            if stat.S_ISREG(os.stat(path).st_mode):
                return _real(path)
            raise OSError(errno.EINVAL, "it is not a plain file")
    inside = scenarios_folder() / f"{wanted}.py"
    if wanted.isidentifier() and inside.is_file():
        return _real(inside)
    what = f"there is no scenario {shown(repr(wanted))}{_nearest(wanted)}"
    raise UserError(f"{what}; `kstress list` shows all names, or give the path of a .py file")


def _nearest(wanted: str) -> str:
    """The names in the catalogue that are similar to `wanted`, as a question; empty if there are none."""
    near = get_close_matches(wanted, [path.stem for path in scenarios_folder().glob("*.py")], MOST_NEAREST)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def find_scenario(wanted: str) -> Scenario:
    """The scenario of this name in the catalogue, or in the file of this path.

    Raises:
        UserError: when there is none, or its file defines none, or its code is not kernel code.
    """
    return checked(load_scenario(scenario_file(wanted)))


def checked(scenario: Scenario) -> Scenario:
    """The same scenario; KernelCodeError, with the line, if any of its code is not kernel code."""
    for program in scenario.programs:
        check_operation(program.under(scenario.protocol), scenario.protocol.safepoint)
    for handler in (scenario.protocol.interrupt, scenario.hardware.nmi_handler):
        check_handler(handler)
    return scenario


def twin_of(scenario: Scenario) -> Scenario | None:
    """The twin that a scenario names, from the catalogue; None if it names none."""
    return None if scenario.twin is None else find_scenario(scenario.twin)
