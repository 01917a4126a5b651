"""The reference sweep: complete, as expected, and drawn as the README shows it."""

from collections import Counter
from xml.etree import ElementTree

import pytest

from stress.campaign.sweep.agenda import Grid
from stress.campaign.sweep.sweepdir import read_sweep
from stress.results.load.gather import gather
from tests.frontdoor.command import CHECKOUT

REFERENCE = CHECKOUT / "results" / "reference"
PAIR = {"modlist_spinlock": "violated", "stop_machine": "held"}


def test_every_cell_is_there_and_came_to_what_the_patch_promises() -> None:
    swept = read_sweep(REFERENCE)
    assert swept.manifest.status == "complete"
    assert Grid(swept.manifest.plan, swept.ended).left == 0
    for one in swept.ended:
        values = swept.manifest.plan.cells[one.number]
        assert one.run is not None
        assert one.run["verdict"] == PAIR[values.scenario]
        assert one.run["trials"]
    assert {values.cpus for values in swept.manifest.plan.cells} == {2, 4, 16, 64}
    assert swept.manifest.plan.repeat == 5
    assert {values.engine for values in swept.manifest.plan.cells} == {"native", "python"}


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in REFERENCE.iterdir()) < 400_000


@pytest.mark.report
def test_the_picture_that_is_kept_shows_what_is_drawn_of_it() -> None:
    from benchmarks.reference import PICTURE, picture

    [source] = gather([REFERENCE])
    assert Counter(source.scenarios()).keys() == PAIR.keys()
    drawn, kept = (ElementTree.fromstring(text) for text in (picture(REFERENCE), PICTURE.read_text()))
    words = [[element.text for element in one.iter("{http://www.w3.org/2000/svg}text")] for one in (drawn, kept)]
    assert words[0] == words[1]
    assert any(str(word).startswith("stop_machine (after the patch)") for word in words[0])
