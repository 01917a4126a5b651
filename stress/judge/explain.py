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


def explain(violations: Sequence[Violation], corpus: Corpus, names: set[bytes]) -> tuple[Violation, ...]:
    """The violations with their runs and modules, those that tell most first; `names` are all strings of the corpus."""
    if not violations:
        return ()
    book = NameBook(names)
    told = [_with_subject(_with_runs(violation, book), corpus) for violation in violations]
    owners = owners_of(corpus, {run.source for violation in told for run in violation.runs if run.source})
    return tuple(sorted((_with_owners(violation, owners) for violation in told), key=order))


def _with_runs(violation: Violation, book: NameBook) -> Violation:
    """The violation with the sources of the name that it copied."""
    if not violation.copied or violation.expected is None:
        return violation
    return attrs.evolve(violation, runs=book.explain(violation.copied, violation.expected))


def _with_subject(violation: Violation, corpus: Corpus) -> Violation:
    """The violation with the module that the right name belongs to."""
    subject = violation.subject
    if subject is None:
        return violation
    modules = [module.name for module in corpus.modules if module.covers(subject.address)]
    return attrs.evolve(violation, subject=Subject(subject.address, subject.name, *modules[:1]))


def _with_owners(violation: Violation, owners: Mapping[bytes, tuple[str, ...]]) -> Violation:
    """The violation whose runs say which modules have the names that they come from."""
    runs = (attrs.evolve(run, owners=_nearest(violation, owners.get(run.source, ()))) for run in violation.runs)
    return attrs.evolve(violation, runs=tuple(runs))


def _nearest(violation: Violation, owners: tuple[str, ...]) -> tuple[str, ...]:
    """The owners, those first that the walk came by or whose block was looked at: they are the likely source."""
    block = violation.block
    deeds = [deed.module for deed in (block.allocated, block.freed) if deed] if block else []
    near = {node.module for node in violation.walk} | set(deeds)
    return tuple(sorted(owners, key=lambda owner: owner not in near))
