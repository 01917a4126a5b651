"""results/protocols/: the sweeps that are kept can be read, no whole protocol was violated, the tables are theirs."""

import re
from collections import defaultdict
from statistics import median

import pytest

from stress.campaign.converter import from_json
from stress.campaign.runs import Run
from stress.campaign.sweep.sweepdir import read_sweep
from stress.protocols import PROTOCOLS, WHOLE
from tests.frontdoor.command import CHECKOUT

KEPT = CHECKOUT / "results" / "protocols"
PAGE = (KEPT / "README.md").read_text(encoding="utf-8")


def runs(name: str) -> dict[tuple[str, int], list[Run]]:
    """The runs of a kept sweep, by protocol and number of CPUs."""
    found = defaultdict(list)
    for cell in read_sweep(KEPT / name).ended:
        assert cell.run is not None
        run = from_json(cell.run, Run, name)
        found[run.scenario.partition(":")[2].removesuffix("_stalled"), run.cpus].append(run)
    return found


@pytest.mark.parametrize("name", ["reads", "updates", "stalled"])
def test_every_whole_protocol_was_run_and_never_violated(name: str) -> None:
    of = runs(name)
    assert {protocol for protocol, _ in of} - {"none"} == {one.name for one in WHOLE}
    assert {run.verdict for (protocol, _), them in of.items() for run in them if protocol != "none"} <= {
        "held",
        "inconclusive",
    }
    assert all(run.updates for them in of.values() for run in them)


def test_the_page_has_the_medians_of_the_sweeps() -> None:
    reads, stalled = runs("reads"), runs("stalled")

    def a_second(them: list[Run]) -> float:
        return median(run.lookups / run.duration_s for run in them)

    rows = re.findall(r"^\| `(\w+)` \| ([\d.,]+)( M)? \|", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} <= set(PROTOCOLS)
    for name, figure, millions in rows:
        wanted = a_second(reads[name, 2] if millions else stalled[name, 4])
        assert figure == (f"{wanted / 1e6:.1f}" if millions else f"{wanted:,.0f}")
