"""The numbered path: docs/path.md has every step, and each command gives the verdict that stands there."""

import re
import shlex

import pytest

from stress.learning_path import PATH, Step
from stress.scenario_files import catalogue
from tests.frontdoor.command import CHECKOUT, kstress

TEXT = (CHECKOUT / "docs" / "path.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## \d+\. (\w+): [^\n]*\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL))
SHORT = ("1s", "3s")
INCONCLUSIVE = 3
VERDICT = re.compile(r"^(?:VIOLATED|HELD) as expected: (?:not reproduced: )?", re.MULTILINE)


def test_the_document_has_every_step_in_order_with_its_command() -> None:
    assert list(SECTIONS) == [step.scenario for step in PATH]
    assert [f"    {step.command}\n" in SECTIONS[step.scenario] for step in PATH] == [True] * len(PATH)


def test_the_path_is_one_of_the_catalogue_and_no_step_twice() -> None:
    names = [step.scenario for step in PATH]
    assert 8 <= len(set(names)) == len(names) <= 10
    assert set(names) <= {scenario.name for scenario in catalogue()}


def test_the_list_begins_with_the_path() -> None:
    lines = kstress("list").stdout.splitlines()
    assert [line.split()[0] for line in lines[1 : len(PATH) + 1]] == [step.scenario for step in PATH]


@pytest.mark.native
@pytest.mark.parametrize("step", PATH, ids=lambda step: step.scenario)
def test_a_step_gives_the_verdict_that_the_document_has(step: Step) -> None:
    """A short run is enough on most hosts; on a busy one it may be inconclusive, and at last runs as it is written."""
    words = shlex.split(step.command)[1:]
    for given in (*(("--duration", duration) for duration in SHORT), ()):
        done = kstress(*words, *given)
        if done.returncode != INCONCLUSIVE:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert VERDICT.findall(done.stdout) == VERDICT.findall(SECTIONS[step.scenario])
