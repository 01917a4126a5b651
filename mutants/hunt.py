"""The hunt: each mutant alone in a copy of the tree, asked trial by trial until one notices it."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import attrs

from mutants.mutant import Group, Mutant, Trial
from mutants.process import Report, run_trial

CHECKOUT = Path(__file__).parents[1]
IMPORTED = Trial(("-c", "import stress, sys; sys.exit(stress.__file__ != sys.argv[1] + '/stress/__init__.py')"), ())

Tell = Callable[[str], None]


class UnfitError(Exception):
    """The unchanged tree does not pass a trial, or a mutant cannot even be tried: so nothing would be proved."""


@attrs.frozen
class Catch:
    """Who noticed a mutant, a test's id or a run, and after how many seconds; nobody if `by` is empty."""

    mutant: Mutant
    by: str
    seconds: float


@contextmanager
def snapshot(source: Path) -> Iterator[Path]:
    """A copy, in a temporary folder, of all files that git knows or would add: what is hunted in, as it was then."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder).resolve()
        for name in filter(None, listed.stdout.split("\0")):
            if (source / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / name, tree / name)
        yield tree


@contextmanager
def tree_copy(source: Path) -> Iterator[Path]:
    """A copy of a snapshot, for one mutant."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        yield Path(shutil.copytree(source, Path(folder).resolve() / "tree"))


def check_unchanged(source: Path, trials: Sequence[Trial], tell: Tell) -> None:
    """Raise UnfitError unless every trial passes in an unchanged copy, which is what it imports."""
    with tree_copy(source) as tree:
        imported = attrs.evolve(IMPORTED, arguments=(*IMPORTED.arguments, str(tree)))
        for trial in (imported, *trials):
            report = run_trial(trial, tree)
            tell(f"unchanged {'passes' if report.code == 0 else 'FAILS'} in {report.seconds:.0f} s: {trial.text}")
            if report.code != 0:
                raise UnfitError(f"the unchanged tree fails: {trial.text}\n{report.output[-4000:]}")


def caught_by(trial: Trial, report: Report) -> str:
    """Who noticed, by how a trial ended; empty for nobody. UnfitError for an end that tells nothing."""
    who = report.by or trial.text
    if report.code == 0:
        return ""
    if report.code is None:
        return f"{who} (hangs)"
    if report.code < 0:
        return f"{who} (dies)"
    if report.code not in trial.caught:
        raise UnfitError(f"exit {report.code} is no catch: {trial.text}\n{report.output[-4000:]}")
    return who if report.by else f"{who} (exit {report.code})"


def hunt_one(source: Path, mutant: Mutant, trials: Sequence[Trial]) -> Catch:
    """Change a copy of the tree and ask one trial after the other. UnfitError for a mutant that cannot be tried."""
    seconds = 0.0
    with tree_copy(source) as tree:
        path = tree / mutant.file
        path.write_text(mutant.applied(path.read_text()))
        for trial in trials:
            report = run_trial(trial, tree)
            seconds += report.seconds
            if by := caught_by(trial, report):
                return Catch(mutant, by, seconds)
    return Catch(mutant, "", seconds)


def hunt_safely(source: Path, mutant: Mutant, trials: Sequence[Trial], tell: Tell) -> Catch:
    """The same, told as it ends; a mutant that cannot be tried was noticed by nobody."""
    try:
        catch = hunt_one(source, mutant, trials)
    except UnfitError as error:
        tell(f"{mutant.name}: UNFIT: {error}")
        return Catch(mutant, "", 0.0)
    tell(f"{mutant.name}: {catch.by or 'SURVIVES'} ({catch.seconds:.1f} s)")
    return catch


def hunt(
    groups: Sequence[Group], names: Sequence[str], jobs: int, tell: Tell, checkout: Path = CHECKOUT
) -> list[Catch]:
    """Hunt the mutants of these names (all if there are none), `jobs` at a time; what became of each.

    Raises:
        UnfitError: when a trial fails on the unchanged tree.
    """
    chosen = [(group, mutant) for group in groups for mutant in group.mutants if not names or mutant.name in names]
    trials = dict.fromkeys(trial for group, mutant in chosen for trial in group.trials_of(mutant))
    with snapshot(checkout) as source, ThreadPoolExecutor(jobs) as pool:
        check_unchanged(source, list(trials), tell)
        return list(pool.map(lambda pair: hunt_safely(source, pair[1], pair[0].trials_of(pair[1]), tell), chosen))
