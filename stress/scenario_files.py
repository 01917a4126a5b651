"""Finds and loads scenarios: by name in the catalogue, or by path. The catalogue is the folder `scenarios/`.

It lies beside the package in a checkout and an editable install, and inside the package in a wheel. A file defines one
scenario as SCENARIO, or several as SCENARIOS; `file:name`, or `path:name`, is one of several. In the catalogue these
are in rooms of their own: structures under several protocols, and the lineage of bugs.
"""

import ast
import errno
import importlib.util
import inspect
import os
import re
import stat
import sys
import tokenize
import traceback
import zlib
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import attrs

from stress.beside import Beside, files_beside, importing, read_source
from stress.errors import UserError
from stress.host.disk import check_utf8, telling
from stress.judge.outcomes import codes_of, fault_of
from stress.kernel.protocol import BOOT
from stress.machine.seam import SCENARIO_MODULE
from stress.safe_text import on_one_line, shown
from stress.scenario import POINTS, SAME_FILE, Scenario

_HERE = Path(__file__).parent
BLANK = (tokenize.ENCODING, tokenize.COMMENT, tokenize.NL)
"""The tokens that a file may begin with and that say nothing."""
MOST_NEAREST = 3
MOST_NAMES = 8
VARIANT = re.compile(r"[\w-]+")
ROOMS = ("studies", "lineage")
"""The folders of the catalogue whose files have several scenarios each."""


def scenarios_folder() -> Path:
    """The folder of the catalogue's scenario files."""
    inside = _HERE / "scenarios"
    return inside if inside.is_dir() else _HERE.parent / "scenarios"


def _rooms() -> list[Path]:
    """The folders of the catalogue whose files have several scenarios each."""
    return [scenarios_folder() / room for room in ROOMS]


def is_of_catalogue(path: Path) -> bool:
    """Whether a file, by its absolute path without links, is one of the catalogue."""
    return path.parent in map(_real, (scenarios_folder(), *_rooms()))


def _real(path: Path) -> Path:
    """An absolute path without links; unlike `Path.resolve`, it never raises."""
    return Path(os.path.realpath(path))


def place_of(error: BaseException, files: Sequence[str]) -> tuple[str, int]:
    """The file and line, of one of `files`, that an error of running them came from; the first of them if unknown."""
    if isinstance(error, SyntaxError):
        file = error.filename or files[0]
        return file if file in files else files[0], error.lineno or 1
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next(((frame.filename, frame.lineno or 1) for frame in frames if frame.filename in files), (files[0], 1))


@attrs.frozen
class Source:
    """A scenario file as it was read: its bytes, and the modules beside it that it imports."""

    path: Path
    content: bytes
    beside: tuple[Beside, ...] = ()

    @property
    def contents(self) -> list[bytes]:
        """The bytes of all of its files."""
        return [self.content, *(one.content for one in self.beside)]


def source_of(path: Path, content: bytes) -> Source:
    """A scenario file with these bytes, and what it imports from its folder; nothing runs."""
    return Source(path, content, files_beside(path, content))


_loaded: dict[Path, tuple[Source, Sequence[Scenario]]] = {}
"""The files that this process has loaded: the bytes that ran, and the scenarios that they define."""


def loaded_source(path: Path) -> Source:
    """The file at `path` as this process has run it, or as it is now if it has not."""
    known = _loaded.get(path)
    return known[0] if known else source_of(path, read_source(path))


def load_scenarios(path: Path) -> Sequence[Scenario]:
    """The scenarios of the file at the absolute `path`; the `origin` of one of the catalogue is its name.

    Raises:
        UserError: when the file cannot be read or run, has no SCENARIO, or one whose outcomes collide.
    """
    return load_source(loaded_source(path))


def load_source(source: Source) -> Sequence[Scenario]:
    """The scenarios that a file defines: the bytes that were read run, and not the file as it is now.

    The module is kept in `sys.modules`, where compiled code looks for it.

    Raises:
        UserError: as `load_scenarios`, and when this process has run other bytes of that file.
    """
    path = source.path
    if path not in _loaded:
        _loaded[path] = source, _run_source(source)
    known, scenarios = _loaded[path]
    if known != source:
        raise UserError(f"{shown(path)} has changed since this process loaded it; start a new process")
    return scenarios


def _run_source(source: Source) -> Sequence[Scenario]:
    """Run the bytes of a scenario file as a module; its scenarios."""
    path = source.path
    name = f"{SCENARIO_MODULE}{path.stem}_{zlib.crc32(os.fsencode(path)):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{shown(path)} is not a Python file; a scenario is a .py file that defines SCENARIO")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with importing(source.beside):
            exec(compile(source.content, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        fault = f"{type(error).__name__}: {on_one_line(str(error))}"
        file, line = place_of(error, [str(path), *(str(one.path) for one in source.beside)])
        raise UserError(f"{shown(file)}, line {line}: {fault}; fix the scenario file") from error
    if hasattr(module, "SCENARIOS"):
        return _several(path, module.SCENARIOS)
    scenario = getattr(module, "SCENARIO", None)
    if not isinstance(scenario, Scenario):
        raise UserError(f"{shown(path)} defines no SCENARIO; end the file with SCENARIO = Scenario(...)")
    if not scenario.name.strip() or not scenario.name.isprintable():
        raise UserError(f"{shown(path)}: the name {shown(repr(scenario.name))} cannot be shown; use letters and digits")
    _check(path, scenario, [scenario.name])
    known = path.parent == _real(scenarios_folder()) and path.stem == scenario.name
    return [attrs.evolve(scenario, origin=scenario.name if known else str(path))]


def _several(path: Path, found: object) -> Sequence[Scenario]:
    """The scenarios of a file that has several. UserError if they are none, or two have one name."""
    scenarios = list(found) if isinstance(found, Iterable) else []
    if not scenarios or not all(isinstance(one, Scenario) for one in scenarios):
        usual = "end the file with SCENARIOS = [Scenario(...), ...]"
        raise UserError(f"{shown(path)}: SCENARIOS is not a list of scenarios; {usual}")
    names = [scenario.name for scenario in scenarios]
    for name in names:
        if not VARIANT.fullmatch(name):
            raise UserError(f"{shown(path)}: the name {shown(repr(name))} needs letters, digits, _ and - only")
        if names.count(name) > 1:
            raise UserError(f"{shown(path)}: two scenarios are called {name}; give each a name of its own")
    for scenario in scenarios:
        _check(path, scenario, names)
    origin = path.stem if path.parent in map(_real, _rooms()) else str(path)
    return [_one_of_several(scenario, re.sub(r"[^\w-]", "_", path.stem), origin) for scenario in scenarios]


def _one_of_several(scenario: Scenario, stem: str, origin: str) -> Scenario:
    """A scenario that is called by its file too, since other files may have one of the same name."""
    behind = f"{SAME_FILE}{scenario.name}"
    return attrs.evolve(scenario, name=f"{stem}{behind}", origin=f"{origin}{behind}")


def _check(path: Path, scenario: Scenario, names: Sequence[str]) -> None:
    """UserError for a scenario of a file whose outcomes collide, or whose twin is itself, or not in the file."""
    if refused := fault_of(scenario.outcomes):
        raise UserError(f"{shown(path)}: {refused}")
    twin = scenario.twin or ""
    if twin == f"{SAME_FILE}{scenario.name}":
        usual = "name the scenario that lacks the protection"
        raise UserError(f"{shown(path)}: {scenario.name} names itself as its twin; {usual}")
    if twin.startswith(SAME_FILE) and twin[1:] not in names:
        raise UserError(f"{shown(path)}: {scenario.name} names the twin {shown(twin[1:])}; put it into SCENARIOS")


def catalogue() -> list[Scenario]:
    """Every scenario of the catalogue, in the order of the patch's points, a scenario before its twin."""
    folder = _real(scenarios_folder())
    with telling(f"cannot read the catalogue in {shown(folder)}", "install kstress again"):
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    loaded = {path.stem: one for path in map(folder.joinpath, names) for one in load_scenarios(path)}
    owners = {scenario.twin: name for name, scenario in loaded.items() if scenario.twin in loaded}

    def place(scenario: Scenario) -> tuple[int, str, bool, str]:
        owner = owners.get(scenario.name, scenario.name)
        return list(POINTS).index(scenario.point), owner, owner != scenario.name, scenario.name

    return sorted(loaded.values(), key=place)


def rooms() -> Mapping[str, Mapping[str, str]]:
    """The rooms of the catalogue whose files have several scenarios: by room and file's name, what each file is about.

    Nothing of the files runs: it is the first line of each.
    """
    folders = {folder.name: sorted(folder.glob("*.py")) for folder in _rooms()}
    return {room: {path.stem: _about(read_source(path)) for path in files} for room, files in folders.items()}


def _about(source: bytes) -> str:
    """The first line of a file's docstring, which stands before all else but comments."""
    first = next(one for one in tokenize.tokenize(BytesIO(source).readline) if one.type not in BLANK)
    text = ast.literal_eval(first.string) if first.type == tokenize.STRING else ""
    return inspect.cleandoc(text).partition("\n")[0]


def _parts(wanted: str) -> tuple[str, str | None]:
    """The path or name, and which one of several scenarios of the file; None if that is not said."""
    file, colon, name = wanted.rpartition(":")
    return (file, name) if colon and (file.endswith(".py") or file.isidentifier()) else (wanted, None)


def scenario_file(wanted: str) -> Path:
    """The file of the scenario of this name in the catalogue, or of this path or `path:name`; an absolute path.

    Raises:
        UserError: when there is none; it names similar scenarios.
    """
    wanted, _ = _parts(wanted)
    path = Path(wanted)
    if path.suffix == ".py" or "/" in wanted:
        usual = "give the path of a .py file, or a name (kstress list)"
        with telling(f"there is no scenario file {shown(repr(wanted))}", usual):
            if stat.S_ISREG(os.stat(path).st_mode):
                check_utf8(_real(path), "SCENARIO")
                return _real(path)
            raise OSError(errno.EINVAL, "it is not a plain file")
    inside = [folder / f"{wanted}.py" for folder in (scenarios_folder(), *_rooms())]
    if wanted.isidentifier() and (found := next(filter(Path.is_file, inside), None)):
        return _real(found)
    what = f"there is no scenario {shown(repr(wanted))}{_nearest(wanted)}"
    raise UserError(f"{what}; `kstress list` shows all names, or give the path of a .py file")


def _nearest(wanted: str) -> str:
    """The names in the catalogue that are similar to `wanted`, as a question; empty if there are none."""
    from difflib import get_close_matches

    files = [path for folder in (scenarios_folder(), *_rooms()) for path in folder.glob("*.py")]
    near = get_close_matches(wanted, [path.stem for path in files], MOST_NEAREST)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def files_behind(wanted: str) -> list[Path]:
    """The file of a scenario that is wanted, and those that it imports from its folder; nothing of them runs.

    Raises:
        UserError: when there is no such file, or one cannot be read.
    """
    source = loaded_source(scenario_file(wanted))
    return [source.path, *(one.path for one in source.beside)]


def find_scenario(wanted: str) -> Scenario:
    """The scenario of this name in the catalogue, or in the file of this path, or the one that `path:name` names.

    Raises:
        UserError: when there is none, or its file defines none, or several, or its code is not kernel code.
    """
    return checked(chosen(load_scenarios(scenario_file(wanted)), wanted))


def find_scenarios(wanted: str) -> Sequence[Scenario]:
    """The same, but all scenarios of a file that has several, if none of them is named."""
    found = load_scenarios(scenario_file(wanted))
    return list(map(checked, found if _parts(wanted)[1] is None else [chosen(found, wanted)]))


def variants_of(wanted: str, names: Sequence[str]) -> list[str]:
    """The names to find the variants by, that are wanted of a file: `names` are those behind the colon.

    Raises:
        UserError: when the file lacks one of them, or `wanted` has a name behind a colon already.
    """
    file, name = _parts(wanted)
    if name is not None:
        raise UserError(f"--protocol: {shown(repr(wanted))} names one variant already; give {shown(file)} alone")
    found = load_scenarios(scenario_file(wanted))
    return [chosen(found, f"{file}{SAME_FILE}{name}").origin for name in dict.fromkeys(names)]


def chosen(found: Sequence[Scenario], wanted: str) -> Scenario:
    """The one of a file's scenarios that is meant. UserError if it is not there, or not said which."""
    file, name = _parts(wanted)
    names = [scenario.variant for scenario in found]
    if name in names:
        return found[names.index(name)]
    known = f"it has {', '.join(names[:MOST_NAMES])}{', ...' if len(names) > MOST_NAMES else ''}"
    if name is not None:
        raise UserError(f"{shown(file)} has no scenario {shown(repr(name))}; {known}")
    if len(found) > 1:
        raise UserError(f"{shown(file)} has {len(found)} scenarios; give one, like {shown(file)}:{names[0]}; {known}")
    return found[0]


def checked(scenario: Scenario) -> Scenario:
    """The same scenario.

    Raises:
        UserError: for outcomes that collide, or nothing to run.
        KernelCodeError: with the line, if any of its code is not kernel code.
    """
    from stress.machine.language.check import check_handler, check_operation, check_outcomes

    if fault := fault_of(scenario.outcomes):
        raise UserError(f"scenario {scenario.name}: {fault}")
    if not scenario.programs:
        raise UserError(f"scenario {scenario.name} has no programs; give programs=(Program('find', find),)")
    outcomes = codes_of(scenario.outcomes)
    for program in scenario.programs:
        check_operation(program.under(scenario.protocol), scenario.protocol.safepoint, outcomes)
    check_outcomes(scenario.hardware.nmi_handler, outcomes)
    check_handler(scenario.protocol.interrupt)
    if scenario.structure:
        check_handler(scenario.structure.boot, BOOT)
    return scenario


def twin_of(scenario: Scenario) -> Scenario | None:
    """The twin that a scenario names; None if it names none."""
    return None if scenario.twin is None else find_scenario(twin_name(scenario.origin, scenario.twin))


def twin_name(origin: str, twin: str) -> str:
    """What `find_scenario` finds the twin by, that the scenario of this origin names: nothing runs.

    `:name` is another scenario of the same file. A path that is not absolute starts at that file's folder, if there is
    such a file, and else at the current folder.
    """
    file, _ = _parts(origin)
    if twin.startswith(SAME_FILE):
        return f"{file}{twin}"
    path = _parts(twin)[0]
    if file.endswith(".py") and path.endswith(".py") and os.path.isfile(Path(file).parent / path):
        return str(Path(file).parent / twin)
    return twin
