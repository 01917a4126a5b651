"""What a process does with its garbage: seldom while it works, nothing at its end."""

import subprocess
import sys

from tests.frontdoor.command import BOUND_SECONDS, environment

ENDING = """
import gc, sys
from stress.host.collector import collect_seldom

class Told:
    def __del__(self):
        print("looked at", file=sys.__stderr__, flush=True)

collected = len(gc.get_stats()) and sum(one["collections"] for one in gc.get_stats())
if sys.argv[1] == "seldom":
    collect_seldom()
kept = [[] for _ in range(120_000)]
print(sum(one["collections"] for one in gc.get_stats()) - collected)
told = Told()
told.itself = told
del told
"""


def run(how: str) -> tuple[int, str]:
    """How often a process collected while it made 120,000 objects, and what it said at its end."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, how], env=environment(), capture_output=True, text=True,
        timeout=BOUND_SECONDS, check=True,
    )  # fmt: skip
    return int(done.stdout), done.stderr.strip()


def test_a_process_that_collects_seldom_looks_at_nothing_while_it_starts_and_at_its_end() -> None:
    assert run("seldom") == (0, "")


def test_another_process_does() -> None:
    collections, said = run("often")
    assert collections > 0
    assert said == "looked at"
