"""Exhibits: what is run, each in a process of its own that prints JSON, and rounds of them in turn."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[1]
START_UP_SECONDS = 60.0

Seen = Mapping[str, object]
Tell = Callable[[str], None]


@attrs.frozen
class Exhibit:
    """One thing to measure: a command that prints one JSON object, and how many seconds it may take.

    `undisturbed`: nothing changes the list, so each of its lookups must find its name.
    """

    name: str
    command: tuple[str, ...]
    timeout: float
    undisturbed: bool = False


class ExhibitError(Exception):
    """An exhibit did not end well; the text has its name and its last words."""


def python_exhibit(name: str, module: str, seconds: float, *arguments: object) -> Exhibit:
    """An exhibit that is a module of this package, in a fresh interpreter; `seconds` is what it runs at most."""
    command = (sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments))
    undisturbed = "readers" in arguments or "stops" in arguments
    return Exhibit(name, command, START_UP_SECONDS + 2 * seconds, undisturbed)


def run_exhibit(exhibit: Exhibit) -> Seen:
    """Run it; what it printed.

    Raises:
        ExhibitError: when it fails, takes too long or does not print a JSON object.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            exhibit.command,
            capture_output=True,
            text=True,
            timeout=exhibit.timeout,
            cwd=ROOT,
            env=environment,
            check=True,
        )
        seen = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        raise ExhibitError(f"{exhibit.name}: exit code {error.returncode}\n{error.stderr.strip()[-2000:]}") from None
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise ExhibitError(f"{exhibit.name}: {error}") from None
    if not isinstance(seen, dict):
        raise ExhibitError(f"{exhibit.name}: printed {seen!r}, not an object")
    check_outcomes(exhibit, seen)
    return seen


def check_outcomes(exhibit: Exhibit, seen: Seen) -> None:
    """Raise ExhibitError when lookups that nothing disturbs did not all find their name: another walk was measured."""
    outcomes = seen.get("outcomes")
    if exhibit.undisturbed and isinstance(outcomes, dict):
        others = {name: count for name, count in outcomes.items() if count and name != "found"}
        if others or not outcomes.get("found"):
            raise ExhibitError(f"{exhibit.name}: lookups that nothing disturbs gave {outcomes}")


def run_rounds(exhibits: Iterable[Exhibit], rounds: int, tell: Tell) -> dict[str, list[Seen]]:
    """Run all exhibits one after the other, `rounds` times; what each printed, by name.

    So each measurement of ours has its peer's next to it in time, and drift of the host hits both. An exhibit
    that fails is told of once and left out from then on.
    """
    left: Sequence[Exhibit] = list(exhibits)
    seen: dict[str, list[Seen]] = {exhibit.name: [] for exhibit in left}
    for number in range(1, rounds + 1):
        failed = set()
        for exhibit in left:
            tell(f"round {number} of {rounds}: {exhibit.name}")
            try:
                seen[exhibit.name].append(run_exhibit(exhibit))
            except ExhibitError as error:
                failed.add(exhibit.name)
                tell(f"FAILED {error}")
        left = [exhibit for exhibit in left if exhibit.name not in failed]
    return seen
