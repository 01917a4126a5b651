"""What `kstress new` writes: copies of the scenario and the twin in stress/template/, under a name of one's own."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from stress.errors import UserError
from stress.host.disk import NEW, telling
from stress.safe_text import shown

TEMPLATE = Path(__file__).parent / "template"
NAME = "my_scenario"
"""The name of the scenario in the template, in its text and in its file's name."""


def write_pair(file: Path) -> tuple[Path, Path]:
    """Write a scenario into `file` and its twin into a file beside it; the paths of both.

    Raises:
        UserError: when one of them is there already or cannot be written, or the name is not a name of a scenario.
    """
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise UserError(f"{shown(file)} is not a name for a scenario file; give one like my_list.py")
    if file.stem in sys.stdlib_module_names or file.stem == __package__:
        raise UserError(f"{shown(file)} would be taken for Python's or kstress's own {file.stem}; give another name")
    twin = file.with_name(f"{file.stem}_twin.py")
    _write_new({file: _copy(NAME, file.stem), twin: _copy(f"{NAME}_twin", file.stem)})
    return file, twin


def _copy(part: str, name: str) -> str:
    """One file of the template for a scenario of this name."""
    return (TEMPLATE / f"{part}.py").read_text(encoding="utf-8").replace(NAME, name)


def _write_new(texts: Mapping[Path, str]) -> None:
    """Write files that are not there yet, all or none. UserError, before anything is written, if one is."""
    for path in texts:
        if os.path.lexists(path):
            raise UserError(f"{shown(path)} is there already; give another name, or move it away")
    with ExitStack() as undo:
        for path, text in texts.items():
            with telling(f"cannot write {shown(path)}", "give a path in a folder that you can write to"):
                handle = os.open(path, NEW, 0o666)
                undo.callback(path.unlink, missing_ok=True)
                with os.fdopen(handle, "w", encoding="utf-8") as new:
                    new.write(text)
        undo.pop_all()
