"""`python -m stress` is the command `kstress`: no file of the current folder stands for a module of Python.

A package that lies in that folder itself is found there, also by child processes, but behind what Python has.
"""

import os
import sys

from stress.entry import main

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARY = os.path.dirname(os.__file__)


def leave_folder(paths: list[str], folder: str) -> None:
    """Take the folder from the front of the paths for imports; put it behind Python's own if the package lies in it."""
    if paths[:1] != [folder]:
        return
    del paths[0]
    if folder == HOME and folder not in paths:
        paths.insert(paths.index(LIBRARY) + 1 if LIBRARY in paths else len(paths), folder)


def current_folder() -> str:
    """The current folder; empty where it was removed: then `-m` adds none."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    if not sys.flags.safe_path:
        leave_folder(sys.path, current_folder())
    main()
