"""The turns of a machine's process: how many there are in the time that a soak has left."""

import threading
from collections.abc import Callable

import pytest

from stress.campaign.pipes import Lost
from stress.campaign.soak.child import work
from stress.campaign.soak.messages import Began, Job, Message, Ready, Turn
from stress.campaign.soak.records import SHORTEST_SOAK
from stress.campaign.soak.turns import Player, slices_of
from tests.campaign.soak.made import PAIR, plan_of, standing_at


def test_a_turn_that_leaves_less_than_a_soak_needs_is_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No slice fits into a moment: turn after turn without a lookup followed, each with a record on the disk."""
    plan, spoken = plan_of(PAIR[1]), list[Message | Lost]()
    whole = slices_of(plan.interval_s)

    def play(player: Player, seconds: float, interrupted: Callable[[], bool]) -> Turn:
        return Turn(min(seconds, whole - SHORTEST_SOAK / 2), player.standing, {})

    monkeypatch.setattr(Player, "play", play)
    work(Job(plan, (standing_at(0, PAIR[1]),), whole, glances=False), spoken.append, threading.Event())
    assert [type(message) for message in spoken] == [Ready, Began, Turn]
