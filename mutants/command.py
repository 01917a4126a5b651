"""The command line: which mutants to hunt, how many at a time, whether to write the document."""

import argparse
import sys
from collections.abc import Sequence

from mutants.change import StaleMutantError
from mutants.document import write
from mutants.hunt import Catch, UnfitError, hunt
from mutants.lists import GROUPS
from mutants.mutant import Group

MOST_JOBS = 2


def tell(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help="mutants, or titles of groups; all if none is named")
    made.add_argument("--jobs", type=int, choices=range(1, MOST_JOBS + 1), default=1, help="how many at a time")
    made.add_argument("--write", action="store_true", help="write docs/mutants.md")
    made.add_argument("--list", action="store_true", help="list the mutants and hunt none")
    return made


def chosen(names: Sequence[str], groups: Sequence[Group]) -> list[str]:
    """The mutants that are meant. SystemExit for a name that is none."""
    members = {group.title: [mutant.name for mutant in group.mutants] for group in groups}
    known = {name for group in members.values() for name in group}
    if unknown := [name for name in names if name not in known and name not in members]:
        raise SystemExit(f"no mutant or group {unknown[0]!r}; python -m mutants --list has them")
    return [mutant for name in names for mutant in members.get(name, [name])]


def summary(catches: Sequence[Catch]) -> int:
    """Print what it came to; the exit code."""
    survivors = [catch.mutant for catch in catches if not catch.by]
    tell(f"{len(catches)} mutants, {len(catches) - len(survivors)} noticed, in {sum(c.seconds for c in catches):.0f} s")
    for mutant in survivors:
        tell(f"NOT NOTICED: {mutant.name}: {mutant.breaks}")
    return 1 if survivors else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Hunt; 0 if every mutant was noticed, 1 if one was not, 2 if the hunt proves nothing."""
    given = parser().parse_args(arguments)
    names = chosen(given.names, GROUPS)
    if given.list:
        for group in GROUPS:
            tell("\n".join((group.title, *(f"    {mutant.name}: {mutant.breaks}" for mutant in group.mutants))))
        return 0
    try:
        catches = hunt(GROUPS, names, given.jobs, tell)
    except (UnfitError, StaleMutantError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.write:
        write(GROUPS, catches)
    return summary(catches)
