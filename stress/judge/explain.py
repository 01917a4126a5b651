"""What the corpus has to say on violations once a run is over: the right module, where the copied bytes come from."""

from collections.abc import Mapping, Sequence

import attrs

from stress.corpus import Corpus
from stress.judge.sources import NameBook, owners_of
from stress.judge.violation import Subject, Violation

WORST_FIRST = ("poisoned", "torn", "alien", "garbled", "wild", "freed", "after_free", "out_of_bounds", "overwritten")


def order(violation: Violation) -> tuple[bool, int, float]:
    """Sorts violations: those with a bad access first, of these the ones whose name tells most, then the first seen."""
    rank = WORST_FIRST.index(violation.outcome) if violation.outcome in WORST_FIRST else len(WORST_FIRST)
    return violation.access is None, rank, violation.seconds


def explain(violations: Sequence[Violation], corpus: Corpus, strings: set[bytes]) -> tuple[Violation, ...]:
    """The violations with their runs and modules, those that tell most first; `strings` are all that the corpus has."""
    if not violations:
        return ()
    book = NameBook(strings)
    found = [_with_module(_with_runs(violation, book), corpus) for violation in violations]
    names = {run.name for one in found if one.copied for run in one.copied.runs if run.name}
    owners = owners_of(corpus, names)
    return tuple(sorted((_with_owners(violation, owners) for violation in found), key=order))


def _with_runs(violation: Violation, book: NameBook) -> Violation:
    """The violation with the sources of the name that it copied."""
    copied = violation.copied
    if copied is None or not copied.data:
        return violation
    runs = book.explain(copied.data, copied.expected)
    return attrs.evolve(violation, copied=attrs.evolve(copied, runs=runs))


def _with_module(violation: Violation, corpus: Corpus) -> Violation:
    """The violation with the module that the right name belongs to."""
    asked = violation.asked
    if asked is None:
        return violation
    modules = [module.name for module in corpus.modules if module.covers(asked.address)]
    return attrs.evolve(violation, asked=Subject(asked.address, asked.name, *modules[:1]))


def _with_owners(violation: Violation, owners: Mapping[bytes, tuple[str, ...]]) -> Violation:
    """The violation whose runs say which modules have the names that they come from."""
    copied = violation.copied
    if copied is None:
        return violation
    found = ((run, owners.get(run.name, ()) if run.name else ()) for run in copied.runs)
    runs = tuple(attrs.evolve(run, owners=_nearest(violation, having)) for run, having in found)
    return attrs.evolve(violation, copied=attrs.evolve(copied, runs=runs))


def _nearest(violation: Violation, owners: tuple[str, ...]) -> tuple[str, ...]:
    """The owners, those first that the walk came by or whose block was looked at: they are the likely source."""
    block = violation.block
    deeds = [deed.module for deed in (block.allocated, block.freed) if deed] if block else []
    near = {node.module for node in violation.walk} | set(deeds)
    return tuple(sorted(owners, key=lambda owner: owner not in near))
