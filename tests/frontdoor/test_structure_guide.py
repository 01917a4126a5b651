"""docs/structure.md: its code, put together, is a study whose commands give the verdicts that the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stress import Config, find_scenario, run
from stress.scenario_files import find_scenarios
from tests.frontdoor.command import CHECKOUT, kstress
from tests.support import each_engine

PAGE = CHECKOUT / "docs" / "structure.md"
CPUS = 3


@pytest.fixture(scope="module")
def firewall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the page makes one write."""
    file = tmp_path_factory.mktemp("guide") / "firewall.py"
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file.write_text("\n\n".join(blocks))
    return file


def test_the_page_makes_a_study_of_four_protocols_and_their_twins(firewall: Path) -> None:
    names = [scenario.variant for scenario in find_scenarios(str(firewall))]
    assert names == ["rcu", "epoch", "hazard", "rcu_freed_at_once", "epoch_freed_at_once", "hazard_unpublished", "none"]


@pytest.mark.threads
@each_engine
def test_without_protection_it_is_violated_and_the_report_speaks_of_rules(firewall: Path, engine: str) -> None:
    config = Config(engine=engine, cpus=CPUS, duration_s=20.0, stop_on_violation=True, seed=1)
    [result] = run([f"{firewall}:none"], config)
    assert result.verdict.name == "violated"
    assert {one.structure for one in result.reports} == {"firewall"}
    fields = {one.field for one in result.reports if one.hit_freed}
    assert fields <= {"rule.refs", "rule.next", "rule.key", "rule.check", None}


@pytest.mark.threads
@pytest.mark.native
def test_the_protocols_that_it_holds_under_hold(firewall: Path) -> None:
    done = kstress("run", str(firewall), "--protocol", "rcu,epoch,hazard", "--duration", "1s", "--engine", "native")
    assert "VIOLATED" not in done.stdout.replace("violations", "")
    assert done.returncode in (0, 3), done.stdout
    assert "reads" in done.stdout
    assert "retired" in done.stdout


def test_its_protocol_of_ones_own_is_one(firewall: Path) -> None:
    scenario = find_scenario(f"{firewall}:rcu")
    assert scenario.structure is not None
    early = vars(sys.modules[scenario.structure.boot.__module__])["EARLY"]
    assert (early.name, early.lacking) == ("rcu_too_early", None)


def test_every_variant_is_a_test(firewall: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(firewall)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60.0, cwd=firewall.parent, check=False)
    assert re.search(r"^(7|14) tests collected", done.stdout, re.MULTILINE), done.stdout
    assert "firewall.py::rcu[" in done.stdout
