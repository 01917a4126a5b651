"""Violations told again from their JSON say what was said when they were seen, and damage is refused in one line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.made_sweep import violation
from stress import Config, run
from stress.errors import UserError
from stress.runs.report import KNOWN, Report, report_violation
from stress.runs.reread import reread_stall, reread_violation
from stress.runs.result import rerun_command
from tests.campaign.damage import changed
from tests.support import bounded

STALL: dict[str, Any] = {
    "seconds": 2.5, "cycle": True, "others": [4],
    "cpus": [
        {"cpu": 0, "program": "modprobe", "operation": 3, "activity": "spins", "seconds": 2.5,
         "spins_on": "modlist_lock", "address": "0x10", "lock": "modlist_lock", "held_by": 1, "waits_for": 1,
         "stack": ["spin_lock (a.py:1)"]},
        {"cpu": 1, "program": "x", "operation": 0, "activity": "spins", "seconds": 1.04,
         "spins_on": "stopmachine_state", "address": "0x20", "lock": "stopmachine_mutex", "held_by": 0,
         "waits_for": 0, "stack": []},
    ],
}  # fmt: skip
OPEN: dict[str, Any] = {
    "seconds": 2.5, "cycle": False, "others": [],
    "cpus": [
        {"cpu": 0, "program": "modprobe", "operation": 3, "activity": "spins", "seconds": 2.5,
         "spins_on": "word", "address": "0x10", "lock": None, "held_by": None, "waits_for": 1, "stack": []},
        {"cpu": 1, "program": "x", "operation": 0, "activity": "sleeps", "seconds": None, "spins_on": None,
         "address": None, "lock": None, "held_by": None, "waits_for": None, "stack": []},
    ],
}  # fmt: skip


def test_real_violations_are_told_again_word_for_word() -> None:
    [result] = run(["modlist_spinlock"], Config(engine="python", duration_s=30.0, cpus=3, stop_on_violation=True))
    assert result.reports
    for seen in result.reports:
        told = report_violation(seen, KNOWN, rerun_command(result))
        assert reread_violation(json.loads(json.dumps(told.json)), "here").text == told.text


def test_made_ones_with_all_there_is_are_told_again_word_for_word() -> None:
    told = report_violation(violation("poisoned"), KNOWN, "kstress run")
    assert reread_violation(told.json, "here") == told


def test_a_stall_is_told_again_like_one_that_was_just_seen() -> None:
    assert reread_stall(STALL, "here").lines == (
        "stall: a cycle: CPU 0 -> CPU 1 -> CPU 0",
        "  CPU 0 (modprobe, operation 3) has spun for 2.5 s on modlist_lock, held by CPU 1",
        "    spin_lock (a.py:1)",
        "  CPU 1 (x, operation 0) has spun for 1.0 s on stopmachine_state, "
        "stored only by the holder of stopmachine_mutex: CPU 0",
        "  also spinning: CPU 4",
    )
    assert reread_stall(OPEN, "here").lines == (
        "stall: no cycle: CPU 1 sleeps within that operation",
        "  CPU 0 (modprobe, operation 3) has spun for 2.5 s on word",
        "  CPU 1 (x, operation 0) sleeps within that operation",
        "  no call traces here: --engine python has them",
    )


@bounded(300)
@given(data=st.data())
def test_damaged_ones_are_told_or_refused_in_one_line(data: st.DataObject) -> None:
    good, tell = data.draw(
        st.sampled_from(
            [(report_violation(violation("torn"), KNOWN, "x").json, reread_violation), (STALL, reread_stall)]
        )
    )
    raw = data.draw(st.composite(lambda draw: changed(draw, json.loads(json.dumps(good))))())
    try:
        assert tell(json.loads(raw), "here").text
    except RecursionError:
        pass
    except UserError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("here has a ")


COPY = report_violation(violation("torn"), KNOWN, "x").json["copied"]
LINK = STALL["cpus"][0]


@pytest.mark.parametrize(
    ("reread", "damage", "why"),
    [
        (reread_violation, {"cpu": "1"}, r"expected int @ \$\.cpu"),
        (reread_violation, {"block": {}}, r"required field missing @ \$\.block\.address \(and 6 more\)"),
        (reread_violation, {"copied": {**COPY, "runs": []}}, "the runs do not add up to the bytes that were copied"),
        (reread_violation, {"copied": {**COPY, "runs": [{**COPY["runs"][0], "kind": ""}]}}, "'' is not a kind of run"),
        (reread_stall, {"cpus": []}, "the CPUs of the stall are not a chain"),
        (reread_stall, {"cpus": [{**LINK, "waits_for": 77}]}, "the CPUs of the stall are not a chain"),
        (reread_stall, {"cpus": [{**LINK, "waits_for": 0, "activity": "flies"}]}, "'flies' is not an activity"),
    ],
)
def test_damage_is_named(reread: Callable[[Any, str], Report], damage: dict[str, Any], why: str) -> None:
    whole = STALL if reread is reread_stall else report_violation(violation("torn"), KNOWN, "x").json
    with pytest.raises(UserError, match=f"^here has a damaged (report|stall): .*{why}"):
        reread({**whole, **damage}, "here")


@pytest.mark.parametrize("size", [-1, 17, 10**12])
def test_an_access_of_many_bytes_is_refused_before_it_is_marked(size: int) -> None:
    report = report_violation(violation("torn"), KNOWN, "x").json
    with pytest.raises(UserError, match="bytes are not an access"):
        reread_violation({**report, "hit": {**report["hit"], "size": size}}, "here")
