"""Stacks that the C library switches: the same schedules, from compiled code that was kept too; hosts that cannot."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stress.errors import HostError
from stress.machine.native import library_switch, stack_switch
from stress.runs.controlled.machine import Controlled
from stress.runs.controlled.search import MIXTURE
from stress.schedule.schedule import Run, as_runs
from tests.small_machines import small_machine

pytestmark = pytest.mark.native
SCENARIOS = ("linked_list:none", "modlist_spinlock", "preempted_reader", "oops_locked", "stop_machine", "nmi_stopped")
SEEDS = 60
TREE = Path(__file__).parents[2]
LOST = re.compile("need .* on x86_64 or aarch64, or Linux with glibc's swapcontext, .*; use --engine python")


def told(one: Controlled) -> list[object]:
    """All that some schedules of each strategy show, and their replays in reverse order."""
    shown: list[object] = []
    runs: list[Sequence[Run]] = []
    for seed in range(SEEDS):
        shown.append((one.follow(MIXTURE[seed % len(MIXTURE)], seed), one.steps, one.made()))
        runs.append(as_runs(one.made()))
    for seed in reversed(range(SEEDS)):
        shown.append((one.replay(runs[seed], seed), one.steps, one.made(), one.departed))
    return shown


@pytest.fixture
def by_library(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The C library switches stacks, on this processor too."""
    from stress.machine.native import machine_code

    triple = machine_code.target().triple
    if not library_switch.can_switch(triple):
        pytest.skip(f"the C library of {triple} cannot switch stacks")
    monkeypatch.setattr(stack_switch, "INSTRUCTIONS", {})
    assert "@swapcontext" in stack_switch.text_for(triple)
    return monkeypatch


@pytest.mark.parametrize("name", SCENARIOS)
def test_schedules_are_the_same_however_stacks_are_switched(name: str, by_library: pytest.MonkeyPatch) -> None:
    library = told(small_machine(name, "native"))
    by_library.undo()
    assert told(small_machine(name, "native")) == library


ONE_SCHEDULE = f"""
from stress.machine.native import engine, stack_switch
from tests.small_machines import small_machine
stack_switch.INSTRUCTIONS = dict()
COMPILE
one = small_machine({SCENARIOS[0]!r}, "native")
print(one.follow(0, 1), one.made())
"""
COMPILE_NOTHING = "engine.machine_codes = lambda texts, cores: dict.fromkeys(texts)"


@pytest.mark.usefixtures("by_library")
def test_code_that_was_kept_finds_the_c_library_in_another_process(tmp_path: Path) -> None:
    environment = os.environ | {"KSTRESS_CACHE_DIR": str(tmp_path / "kept")}
    shown = [
        subprocess.run(
            [sys.executable, "-c", ONE_SCHEDULE.replace("COMPILE", first)],
            env=environment, cwd=TREE, check=True, capture_output=True, timeout=100,
        ).stdout
        for first in ("", COMPILE_NOTHING)
    ]  # fmt: skip
    assert shown[0] == shown[1] != b""


@pytest.mark.parametrize(
    "triple", ["riscv64-alpine-linux-musl", "mips64el-unknown-linux-gnuabi64", "s390x-unknown-linux-gnu",
               "x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"]
)  # fmt: skip
def test_a_host_that_cannot_switch_is_told_in_one_line(triple: str) -> None:
    with pytest.raises(HostError, match=LOST):
        stack_switch.text_for(triple)


def test_a_c_library_that_has_no_swapcontext_is_told_in_one_line(by_library: pytest.MonkeyPatch) -> None:
    by_library.setattr("ctypes.CDLL", lambda name: object())
    with pytest.raises(HostError, match=LOST):
        small_machine(SCENARIOS[0], "native")
