"""Digests of what a schedule belongs to: the scenario's files; the kernel, and what readers look up.

No address is part of them: where words and modules lie depends on what else a process has loaded.
"""

import hashlib
from pathlib import Path

from stress.errors import UserError
from stress.runs.boot import World
from stress.scenario import Scenario
from stress.scenario_files import Source, loaded_source, scenario_file, twin_of

DIGITS = 8
PACKAGE = Path(__file__).parents[2]
KERNEL = ("kernel/**/*.py", "programs/**/*.py", "machine/control/**/*.py", "schedule/strategies/given.py")
"""What decides how a schedule is followed."""


def digests_of(scenario: Scenario, world: World) -> tuple[str, str]:
    """The digest of the scenario's files, and that of the kernel's code and the symbols; 8 hex digits each.

    The first is that of the scenario's name where it comes from no file. A structure of its own has no symbols.
    """
    symbols = "" if scenario.structure else repr((world.corpus.kernel, world.corpus.modules))
    return _digest(_contents(scenario)), _digest([symbols.encode(), *_kernel()])


def digest_of(source: Source) -> str:
    """The digest of a scenario's files, as the first of a schedule; nothing runs."""
    return _digest(source.contents)


def twin_digest(scenario: Scenario) -> str | None:
    """The digest of the files of a scenario's twin; None without one."""
    twin = twin_of(scenario)
    return _digest(_contents(twin)) if twin else None


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
