"""What a newcomer has: the tree alone, and the environment that the README's first command makes there, no more.

Its packages are those that the tests have, by links: pip finds them there, and downloads only what builds kstress.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path

import attrs
from packaging.requirements import Requirement

from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT

TREE = ("stress", "scenarios", "benchmarks", "docs", "pyproject.toml", "tox.ini", "README.md", "LICENSE")
SCRIPT = "#!{python}\nimport sys\nfrom {module} import {name}\nsys.exit({name}())\n"
HESITATION_SECONDS = 0.1
LEFT_OPEN = "-W 'ignore:unclosed file:ResourceWarning'"
"""For pytest: a Ctrl-C in the middle of Python's `tokenize.open` leaves a file open, which the tree makes an error."""


def required(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """What a distribution needs with some of its extras, and what that needs in turn; some of it more than once."""
    for line in distribution(name).requires or ():
        wanted = Requirement(line)
        if any(not wanted.marker or wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield wanted.name
            yield from required(wanted.name, frozenset(wanted.extras))


def link(name: str, site: Path) -> None:
    """Put a distribution into a folder for packages."""
    place = distribution(name)
    for top in {file.parts[0] for file in place.files or () if file.parts[0] not in ("..", "__pycache__")}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(place.locate_file(top))))


def heeding() -> None:
    """In a command's process before it begins: Ctrl-C as at a terminal, even if it is ignored where these tests run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@attrs.frozen
class Newcomer:
    """A tree of one's own, in which commands are run as they are written, by a shell with `.venv` first on its path."""

    home: Path

    @property
    def tree(self) -> Path:
        """Where commands are run."""
        return self.home / "kstress"

    def prepare(self, extras: Sequence[str]) -> None:
        """Copy the tree, and make the environment but for kstress itself."""
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        self.tree.mkdir(parents=True)
        for name in TREE:
            there = CHECKOUT / name
            copy = shutil.copy if there.is_file() else lambda a, b: shutil.copytree(a, b, ignore=ignored)
            copy(there, self.tree / name)
        making = "python3 -m venv --without-pip .venv"
        assert self.until(making, None) == (0, "")
        [site] = self.tree.glob(".venv/lib/python*/site-packages")
        for name in set(required("kstress", frozenset(extras))) - {"kstress"}:
            link(name, site)
        [entry] = [one for one in distribution("pytest").entry_points if one.name == "pytest"]
        script = self.tree / ".venv" / "bin" / "pytest"
        script.write_text(SCRIPT.format(python=script.with_name("python"), module=entry.module, name=entry.attr))
        script.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        """A clean environment, with `.venv` on the path once kstress is there, and compiled code where tests keep it.

        `python3` is the Python that the tests' own was made from: the one that a newcomer has, with its pip.
        """
        kept = {name: value for name, value in os.environ.items() if name in ("KSTRESS_CACHE_DIR", "LANG", "TMPDIR")}
        active = self.tree / ".venv" / "bin"
        places = [*([active] if (active / "kstress").exists() else []), f"{sys.base_prefix}/bin", "/usr/bin", "/bin"]
        heard = {"PYTHONUNBUFFERED": "1"}  # so that a line is heard when it is printed, as at a terminal
        heard["PYTEST_ADDOPTS"] = LEFT_OPEN
        return {**kept, **heard, "HOME": str(self.home), "PATH": ":".join(map(str, places)), **more}

    def start(self, line: str, **more: str) -> subprocess.Popen[str]:
        """Run a line of a shell in the tree."""
        return subprocess.Popen(
            ["bash", "-c", line], cwd=self.tree, env=self.environment(**more), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=heeding,
        )  # fmt: skip

    def until(self, line: str, sign: str | None, **more: str) -> tuple[int, str]:
        """Run a line to its end, or up to where it prints a sign and gets a Ctrl-C; exit code, and all it printed.

        The code is what a shell says, of a process too that a signal ended: Python heeds no Ctrl-C once it ends.
        """
        with self.start(line, **more) as process:
            heard = ""
            try:
                assert process.stdout
                for text in process.stdout:
                    heard += text
                    if sign and re.search(sign, text):
                        time.sleep(HESITATION_SECONDS)
                        os.killpg(process.pid, signal.SIGINT)
                        sign = None
                code = process.wait(BOUND_SECONDS)
                return (code if code >= 0 else 128 - code), heard
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
