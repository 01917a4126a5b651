"""Finding scenarios: by name in the catalogue, or by path. The catalogue is the folder `scenarios/`.

It lies beside the package in a checkout and an editable install, and inside it in a built wheel.
"""

import hashlib
import importlib.util
import sys
import traceback
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import attrs

from stress.errors import UserError
from stress.machine.seam import SCENARIO_MODULE
from stress.scenario import POINTS, Scenario

_HERE = Path(__file__).parent
MOST_NEAREST = 3


def scenarios_folder() -> Path:
    """The folder of the catalogue's scenario files."""
    inside = _HERE / "scenarios"
    return inside if inside.is_dir() else _HERE.parent / "scenarios"


def line_of(error: BaseException, path: Path) -> int:
    """The line of the file at `path` that an error of running it came from."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)


@cache
def load_scenario(path: Path) -> Scenario:
    """The `SCENARIO` of the file at `path`, an absolute path; its origin is its name if the catalogue has it.

    Its module is kept in `sys.modules`, where compiled code looks for it.

    Raises:
        UserError: when the file cannot be read or run, or has no SCENARIO.
    """
    name = f"{SCENARIO_MODULE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; a scenario is a .py file with a SCENARIO")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = line_of(error, path)
        raise UserError(f"{path}, line {line}: {type(error).__name__}: {error}; mend the scenario file") from error
    scenario = getattr(module, "SCENARIO", None)
    if not isinstance(scenario, Scenario):
        raise UserError(f"{path} defines no SCENARIO; end the file with SCENARIO = Scenario(...)")
    known = path.parent == scenarios_folder().resolve() and path.stem == scenario.name
    return attrs.evolve(scenario, origin=scenario.name if known else str(path))


def catalogue() -> list[Scenario]:
    """Every scenario of the catalogue, in the order of the patch's points, a scenario before its twin."""
    loaded = {path.stem: load_scenario(path) for path in scenarios_folder().resolve().glob("*.py")}
    owners = {scenario.twin: name for name, scenario in loaded.items() if scenario.twin in loaded}

    def place(scenario: Scenario) -> tuple[int, str, bool, str]:
        owner = owners.get(scenario.name, scenario.name)
        return list(POINTS).index(scenario.point), owner, owner != scenario.name, scenario.name

    return sorted(loaded.values(), key=place)


def scenario_file(wanted: str) -> Path:
    """The file of the scenario of this name in the catalogue, or of this path; an absolute path.

    Raises:
        UserError: when there is none; says which there are.
    """
    path = Path(wanted)
    if path.suffix == ".py" or "/" in wanted:
        if not path.is_file():
            raise UserError(
                f"there is no scenario file {wanted!r}; give a path to a .py file, or a name (kstress list)"
            )
        return path.resolve()
    inside = scenarios_folder() / f"{wanted}.py"
    if wanted.isidentifier() and inside.is_file():
        return inside.resolve()
    what = f"there is no scenario {wanted!r}{_nearest(wanted)}"
    raise UserError(f"{what}; `kstress list` has all names, or give a path to a .py file")


def _nearest(wanted: str) -> str:
    """The names in the catalogue that `wanted` may have meant, as a question; nothing if it is like none."""
    near = get_close_matches(wanted, [path.stem for path in scenarios_folder().glob("*.py")], MOST_NEAREST)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def find_scenario(wanted: str) -> Scenario:
    """The scenario of this name in the catalogue, or in the file of this path.

    Raises:
        UserError: when there is none, or its file has none.
    """
    return load_scenario(scenario_file(wanted))


def twin_of(scenario: Scenario) -> Scenario | None:
    """The twin that a scenario names, from the catalogue; None if it names none."""
    return None if scenario.twin is None else find_scenario(scenario.twin)
