"""Every command of README and docs, word for word, in a tree and an environment as the README's first command makes.

What is short runs to its end. What takes hours runs until it has begun, and ends at Ctrl-C with its code.
"""

import re
import shutil
from collections.abc import Iterator

import attrs
import pytest

from benchmarks.reach import examples
from stress.extras import EXTRAS
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import CHECKOUT
from tests.frontdoor.newcomer import Newcomer
from tests.results.report.made import pair, small_sweep, write_runs

pytestmark = [getattr(pytest.mark, extra) for extra in EXTRAS]

DOCS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
PROGRAMS = r"(?:[\w./]*kstress|pytest|python3?|pip|dask|taskset|srun|kubectl|tox)"
COMMAND = re.compile(rf"^    ({PROGRAMS} .*?)(?: &)?(?:  +.*)?$", re.MULTILINE)
SYNOPSIS = re.compile(r"^kstress [a-z ]*(\[SCENARIO\]|SCENARIO|DIR\.\.\.|PATH\.\.\.|A B|FILE)")
SWEPT = "kstress sweep modlist_spinlock --cpus 2 --engine python --repeat 1 --duration 20ms"
EXPLORED = "kstress explore stop_machine --engine python --schedules 20 --results results/explored"
INTERRUPTED, OF_PYTEST = 130, 2
ENDS = (0, 1, 3)
"""Codes of a command that came to its end: verdicts and comparisons may be others than expected."""


@attrs.frozen
class Way:
    """How a command is run: up to which line it prints, if not to its end, and with which codes it may end."""

    what: re.Pattern[str]
    sign: str | None
    codes: tuple[int, ...]


def way(what: str, sign: str | None, *codes: int) -> Way:
    """A way for the commands that `what` matches."""
    return Way(re.compile(what), sign, codes)


ELSEWHERE = {
    r"--scheduler|^(dask|taskset|srun|kubectl) ": "needs a cluster: tests/frontdoor/test_cluster_docs.py",
    r"^python3 .*/tox$": "runs these tests: .ci/run",
    r"--metrics-port": "needs the extra metrics: tests/frontdoor/test_soak_metrics.py",
    r"^python -m benchmarks": "takes minutes, and is for those who work on kstress: benchmarks/README.md",
}
WAYS = (
    way(r"^python3 -m venv .*kstress run$", r"^engine: native", INTERRUPTED),
    way(r"kstress run ", r"^engine: ", INTERRUPTED),
    way(r"kstress (soak|sweep) --resume|kstress soak ", r"compiling, or loading|^run directory: ", INTERRUPTED, *ENDS),
    way(r"kstress sweep ", r"^run directory: ", INTERRUPTED),
    way(r"kstress compare ", None, *ENDS),
    way(r"kstress replay ", None, *ENDS),
    way(r"kstress explore ", r"^engine: ", INTERRUPTED, *ENDS),
    way(r"kstress (report|list|doctor|corpus show|new)", None, 0),
    way(r"^pytest ", r"^collected [1-9]", OF_PYTEST),
)


def commands() -> Iterator[str]:
    """Every command, once, in the order of the documents; synopses, which no shell takes, are left out."""
    found = dict.fromkeys(line for path in DOCS for line in COMMAND.findall(path.read_text(encoding="utf-8")))
    yield from (line for line in found if not SYNOPSIS.match(line))


def elsewhere(line: str) -> bool:
    """Whether other tests have a command."""
    return any(re.search(what, line) for what in ELSEWHERE)


FIRST, *OTHERS = [line for line in commands() if not elsewhere(line)]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """One who has run the first command of the README, and has what the documents speak of."""
    made = Newcomer(tmp_path_factory.mktemp("newcomer"))
    [extras] = re.findall(r"'\.\[([\w,]+)\]'", FIRST)
    made.prepare(extras.split(","))
    code, printed = made.until(FIRST, way_of(FIRST).sign)
    assert code == INTERRUPTED, printed
    furnish(made)
    return made


def furnish(newcomer: Newcomer) -> None:
    """Make what commands name: results, a plan, a scenario, tests of one's own."""
    tree = newcomer.tree
    results = tree / "results"
    code, printed = newcomer.until(SWEPT, None)
    assert code in ENDS, printed
    next(results.glob("sweep-*")).rename(results / "sweep-20260105-220000-4711")
    write_runs(results / "run-20260105-220000-4711.json", *pair())
    make_run(results).rename(results / "soak-20260105-220000-4711")
    small_sweep(results / "sweep-20260106-080000-4712")
    code, printed = newcomer.until(EXPLORED, None)
    assert code in ENDS, printed
    for file in (results / "explored").iterdir():
        file.rename(file.with_stem("explore-20260105-220000-4711"))
    for side in ("before", "after"):
        small_sweep(results / side)
        (tree / side).symlink_to(tree)
    shutil.copytree(CHECKOUT / "results" / "reference", results / "reference")
    [plan] = re.findall(r"```toml\n(.*?)```", (CHECKOUT / "docs" / "sweep.md").read_text(), re.DOTALL)
    (tree / "plan.toml").write_text(plan)
    assert newcomer.until("kstress new my_scenario.py", None)[0] == 0
    guide = (CHECKOUT / "docs" / "structure.md").read_text(encoding="utf-8")
    (tree / "firewall.py").write_text("\n\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL)))
    (tree / "tests").mkdir()
    (tree / "tests" / "test_span.py").write_text(examples()["test_span"])
    (tree / "test_pool.py").write_text(examples()["test_pool"])


def way_of(line: str) -> Way:
    """How a command is run."""
    return next(way for way in WAYS if way.what.search(line))


def test_every_command_has_a_way_or_another_place() -> None:
    assert [line for line in commands() if not elsewhere(line) and not any(way.what.search(line) for way in WAYS)] == []
    assert all(any(re.search(what, line) for line in commands()) for what in ELSEWHERE)
    assert len(OTHERS) > 35


@pytest.mark.parametrize("line", OTHERS)
def test_a_command_does_what_it_says_where_the_readme_is(line: str, newcomer: Newcomer) -> None:
    wanted = way_of(line)
    for made in re.findall(r"^kstress new (\w+)\.py$", line):
        for path in newcomer.tree.glob(f"{made}*.py"):
            path.unlink()
    code, printed = newcomer.until(line, wanted.sign)
    assert code in wanted.codes, printed
    assert "Traceback" not in printed
    assert "kstress: " not in printed.replace("kstress: ---", "").replace("BUG: kstress: ", ""), printed


def test_what_is_hinted_at_is_taken_by_pip(newcomer: Newcomer) -> None:
    code, hint = newcomer.until("python -c 'from stress.extras import *; print(install_hint(\"cluster\"))'", None)
    assert (code, "distributed" in hint) == (0, True), hint
    code, said = newcomer.until(f"{hint.strip()} --dry-run --no-deps --quiet", None)
    assert code == 0, said
