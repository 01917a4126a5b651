"""What a trial of a run is, and so what its rate is of: trials of different kinds are never added up."""

import attrs

from stress.campaign.runs import Run


@attrs.frozen
class TrialKind:
    """One kind: the title of a picture of rates, what its axis counts, and what a bar of it is.

    `note` tells a row of the verdict table from another that differs in nothing else.
    """

    title: str
    axis: str
    bar: str
    note: str


CHANGES = TrialKind(
    "how often a change went wrong",
    "catches per overlapped change",
    "share of changes that were caught going wrong",
    "trials were counted",
)
ROUNDS = TrialKind(
    "how often a round went wrong", "catches per round", "share of rounds that went wrong", "rounds were counted"
)
WINDOWS = TrialKind(
    "how often a race window went wrong",
    "violations per race window",
    "share of race windows that went wrong (earlier version, without trials)",
    "earlier version without trials",
)
KINDS = (CHANGES, ROUNDS, WINDOWS)


def kind_of(run: Run) -> TrialKind | None:
    """The kind of a run's trials; None for a test's bodies without rounds.

    These call on one object again and again, so that one fault may follow from another: nothing bounds their rate.
    """
    if run.of_a_test:
        return None if run.trials is None else ROUNDS
    return WINDOWS if run.trials is None else CHANGES
