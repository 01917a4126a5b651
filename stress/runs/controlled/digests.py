"""Digests of what a schedule belongs to: the scenario's files; the kernel, and RAM as it is at the start."""

import hashlib
from pathlib import Path

from stress.errors import UserError
from stress.machine.words import LOW
from stress.runs.image import Image
from stress.scenario import Scenario
from stress.scenario_files import Source, loaded_source, scenario_file

DIGITS = 8
PACKAGE = Path(__file__).parents[2]
KERNEL = ("kernel/**/*.py", "programs/**/*.py", "machine/control/**/*.py", "schedule/strategies/given.py")
"""What decides how a schedule is followed."""


def digests_of(scenario: Scenario, image: Image) -> tuple[str, str]:
    """The digest of the scenario's files, and that of the kernel's code and the machine as it boots; 8 hex digits each.

    The first is that of the scenario's name where it comes from no file.
    """
    return _digest(_contents(scenario)), _digest([*_booted(image), *_kernel()])


def digest_of(source: Source) -> str:
    """The digest of a scenario's files, as the first of a schedule; nothing runs."""
    return _digest(source.contents)


def _booted(image: Image) -> list[bytes]:
    """RAM as kernel code finds it; without the records of blocks, which say when each was allocated."""
    ram_map, content = image.ram_map, image.content
    start = len(content) - ram_map.control + LOW
    return [content[: start + ram_map.records - LOW], content[start + ram_map.tables - LOW :]]


def _contents(scenario: Scenario) -> list[bytes]:
    try:
        return loaded_source(scenario_file(scenario.origin)).contents
    except UserError:
        return [scenario.origin.encode()]


def _kernel() -> list[bytes]:
    """The kernel's own source."""
    return [path.read_bytes() for pattern in KERNEL for path in sorted(PACKAGE.glob(pattern))]


def _digest(parts: list[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:DIGITS]
