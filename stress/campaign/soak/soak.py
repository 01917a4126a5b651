"""Soaks: scenarios run for hours or days, and what is learnt is never lost.

`soak` starts one, `resume` continues one; both return an `Ending`.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from stress.campaign.folder import check_place, lock_folder
from stress.campaign.soak.distributed import DistributedSoak
from stress.campaign.soak.ending import Ending
from stress.campaign.soak.journal import SoakJournal
from stress.campaign.soak.local import LocalSoak
from stress.campaign.soak.plan import new_plan, resumed_plan, session
from stress.campaign.soak.records import SOAK, USUAL_INTERVAL, Standing, too_short_for_turns
from stress.campaign.soak.remote import service_of
from stress.campaign.soak.rundir import KIND, read_run
from stress.campaign.soak.view import Watcher
from stress.campaign.workers.pool import MakePool
from stress.config import Config


def _never() -> bool:
    """Nobody interrupts."""
    return False


def soak(
    scenarios: Iterable[str],
    config: Config,
    interval_s: float = USUAL_INTERVAL,
    results: Path = Path("results"),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = _never,
    workers: MakePool | None = None,
) -> Ending:
    """Run scenarios, given by name or path, for `config.duration_s` in all, in turns of `interval_s`.

    Everything is kept in a new run directory under `results`. Ends early when `interrupted` says so. With `workers`,
    like `on_cluster(address)`, each of its workers plays turns all the time, with seeds of its own.

    Raises:
        UserError: for input that cannot be used.
        HarnessError: when the harness failed before anything was learnt; later failures are in the ending.
    """
    plan = new_plan(scenarios, config, interval_s)
    check_place(results)

    def open_journal() -> SoakJournal:
        return SoakJournal.create(KIND, results, plan, session(plan))

    standings = {part.name: Standing(scenario=part.name) for part in plan.scenarios}
    watched = watcher or Watcher()
    if workers is None:
        if advice := too_short_for_turns(plan):
            watched.note(f"the time is too short for a turn of each of {len(plan.scenarios)} scenarios: {advice}")
        return LocalSoak(plan, open_journal, watched, interrupted, standings).run()
    with closing(workers(service_of(plan), watched.note, interrupted)) as pool:
        return DistributedSoak(plan, open_journal, watched, interrupted, standings, pool=pool).run()


def resume(
    folder: Path,
    scenarios: Iterable[str] = (),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = _never,
    workers: MakePool | None = None,
    **given: object,
) -> Ending:
    """Go on with the soak in a run directory, adding to the same counts, until its duration is reached.

    `scenarios` and `given`, names of `Config`'s fields or `interval_s`, need not be said again; `duration_s`,
    `interval_s` and the `workers` may change, all else must be as it was. A scenario whose machine failed goes on too.

    Raises:
        UserError: when something differs, which it names, or for a directory that cannot be used.
        HarnessError: when the harness failed before anything was learnt; later failures are in the ending.
    """
    watched = watcher or Watcher()
    with ExitStack() as stack:
        lock = stack.enter_context(lock_folder(folder))
        run = read_run(folder)
        plan = resumed_plan(run, scenarios, given)
        pool = stack.enter_context(closing(workers(service_of(plan), watched.note, interrupted))) if workers else None
        journal = SoakJournal.reopen(SOAK, run, lock, plan, session(plan))
        standings = {name: standing.revived() for name, standing in run.standings().items()}
        known = (plan, lambda: journal, watched, interrupted, standings, list(run.findings), journal)
        return (DistributedSoak(*known, pool=pool) if pool else LocalSoak(*known)).run()
