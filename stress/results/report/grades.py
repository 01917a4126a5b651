"""Which outcomes of a run are forbidden: as the run says; without that, as far as it can be told."""

from collections.abc import Mapping

from stress.campaign.runs import Run
from stress.judge.outcomes import ACCEPTABLE, CATALOGUE, FORBIDDEN, Outcome

UNGRADED = "ungraded"
"""What nobody can tell any more, since an earlier version did not write it down."""
SIGNS = {FORBIDDEN: "\u2717", UNGRADED: "?", ACCEPTABLE: "\u2713"}
"""What says the grade of an outcome besides colour, in the order in which outcomes stand."""


def grade_of(run: Run, name: str, recorded: Mapping[str, Outcome]) -> str:
    """The grade of an outcome that came in a run; `recorded` are the outcomes that its campaign has written down.

    The outcomes of a test's bodies are its own, whatever they are called.
    """
    if run.forbidden is not None:
        return FORBIDDEN if name in run.forbidden else ACCEPTABLE
    if not run.violations:
        return ACCEPTABLE
    known = recorded or ({} if run.of_a_test else CATALOGUE)
    return known[name].grade if name in known else UNGRADED
