"""Violations told again from their JSON say what was said when they were seen, and damage is refused in one line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.made_sweep import violation
from stress import Config, run
from stress.errors import UserError
from stress.report.retold import KNOWN, retell_stall, retell_violation
from stress.report.told import tell_violation
from stress.runs.result import rerun_command
from tests.campaign.damage import changed
from tests.support import bounded

STALL: dict[str, Any] = {
    "seconds": 2.5, "cycle": True, "others": [4],
    "cpus": [
        {"cpu": 0, "program": "modprobe", "operation": 3, "activity": "spins", "seconds": 2.5,
         "spins_on": "modlist_lock", "address": "0x10", "lock": "modlist_lock", "held_by": 1, "waits_for": 1,
         "stack": ["spin_lock (a.py:1)"]},
        {"cpu": 1, "program": "x", "operation": 0, "activity": "sleeps", "seconds": None, "spins_on": None,
         "address": None, "lock": None, "held_by": None, "waits_for": None, "stack": []},
    ],
}  # fmt: skip


def test_real_violations_are_told_again_word_for_word() -> None:
    [result] = run(["modlist_spinlock"], Config(engine="python", duration_s=1.0, cpus=3))
    assert result.reports
    for seen in result.reports:
        told = tell_violation(seen, KNOWN, rerun_command(result))
        assert retell_violation(json.loads(json.dumps(told.json)), "here").text == told.text


def test_made_ones_with_all_there_is_are_told_again_word_for_word() -> None:
    told = tell_violation(violation("poisoned"), KNOWN, "kstress run")
    assert retell_violation(told.json, "here") == told


def test_a_stall_names_who_waits_for_what() -> None:
    assert retell_stall(STALL, "here").lines == (
        "stall: a cycle of waits",
        "  CPU 0 (modprobe, operation 3) has spun for 2.5 s on modlist_lock, held by CPU 1",
        "    spin_lock (a.py:1)",
        "  CPU 1 (x, operation 0) sleeps within that operation",
        "  also spinning: CPU 4",
    )


@bounded(300)
@given(data=st.data())
def test_damaged_ones_are_told_or_refused_in_one_line(data: st.DataObject) -> None:
    good, tell = data.draw(
        st.sampled_from([(tell_violation(violation("torn"), KNOWN, "x").json, retell_violation), (STALL, retell_stall)])
    )
    raw = data.draw(st.composite(lambda draw: changed(draw, json.loads(json.dumps(good))))())
    try:
        assert tell(json.loads(raw), "here").text
    except RecursionError:
        pass
    except UserError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("here has a ")


@pytest.mark.parametrize("size", [-1, 17, 10**12])
def test_an_access_of_many_bytes_is_refused_before_it_is_marked(size: int) -> None:
    report = tell_violation(violation("torn"), KNOWN, "x").json
    with pytest.raises(UserError, match="bytes are no access"):
        retell_violation({**report, "hit": {**report["hit"], "size": size}}, "here")
