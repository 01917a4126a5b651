"""Writes every picture of a page as files for slides, SVG and PNG, into a folder of one's own."""

import os
from collections.abc import Mapping
from pathlib import Path

from stress.errors import UserError
from stress.host.disk import telling, write_whole
from stress.results.pages.pictures import Maker, quiet
from stress.results.terminal.places import OWN, is_own, make_folder
from stress.safe_text import shown


def check_figures(makers: Mapping[str, Maker], folder: Path) -> dict[Path, Maker]:
    """The files to write, once the folder is there, from what makes each by its name.

    Raises:
        UserError: when it cannot be made, or a file would be lost that is not a figure of kstress.
    """
    make_folder(folder, "--figures")
    files = {folder / name: maker for name, maker in makers.items()}
    for file in files:
        if os.path.lexists(file) and not (os.path.isfile(file) and is_own("--figures", file)):
            raise UserError(f"--figures: {shown(file)} exists and is not {OWN['--figures'].what}; name another folder")
    return files


def write_figures(files: Mapping[Path, Maker]) -> None:
    """Draw and write them; UserError where one cannot be written."""
    if not files:  # matplotlib may be missing where nobody asked for figures
        return
    with quiet():
        for file, make in files.items():
            with telling(f"--figures: cannot write {shown(file)}", "the results are above"):
                write_whole(file, [make()])
