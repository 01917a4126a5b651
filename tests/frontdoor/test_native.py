"""Commands with the native engine: what is of it alone, and what changes where llvmlite can be had."""

import signal
from pathlib import Path

import pytest

from tests.frontdoor.command import kstress
from tests.frontdoor.soaking import (
    SHORT,
    assert_ends,
    assert_fails,
    contents,
    manifest,
    running,
    samples,
    soak,
    the_run,
    wait_until,
)
from tests.frontdoor.sweeping import all_once, cells, sweep, the_sweep, times_of_cells

pytestmark = pytest.mark.native


def test_what_is_not_kernel_code_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from stress import Program, Scenario\nfrom stress.machine.seam import Cpu, kernel\n\n\n"
        "@kernel\ndef work(cpu: Cpu) -> int:\n    return cpu.nosuch()\n\n\n"
        "SCENARIO = Scenario('mine', 'c', 's', (Program('work', work),), expect='held')\n"
    )
    done = kstress("run", str(path), "--engine", "native", "--duration", "300ms")
    assert done.returncode == 2
    assert f"{path}:7: a CPU has no nosuch; " in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_soak_is_not_gone_on_with_on_another_engine(tmp_path: Path) -> None:
    done = soak(tmp_path, "modlist_spinlock", *SHORT, "--duration", "500ms")
    assert done.returncode in (0, 3), done.stderr
    folder = the_run(tmp_path)
    before = contents(folder)
    refused = kstress("soak", "--resume", str(folder), "--engine", "native", "--duration", "1h")
    assert_fails(refused, "--resume", str(folder), "--engine was python, not native")
    assert contents(folder) == before


def test_a_signal_while_programs_are_compiled_does_not_wait_for_them(tmp_path: Path) -> None:
    results, cache = tmp_path / "results", tmp_path / "cache"
    arguments = ("stop_machine", "--engine", "native", "--duration", "1h", "--results", str(results))
    with running(*arguments, KSTRESS_CACHE_DIR=str(cache)) as soaking:
        wait_until(cache.exists, "the first folder for what is compiled")
        machine = soaking.machine()
        soaking.signal(signal.SIGTERM)
        assert_ends(soaking, machine, 143)
    assert manifest(the_run(results))["status"] == "interrupted"
    assert samples(the_run(results)) == []


def test_both_engines_run_in_one_sweep(tmp_path: Path) -> None:
    engines = ("--engine", "native,python", "--cpus", "2", "--duration", "60ms", "--repeat", "2")
    done = sweep(tmp_path, "modlist_spinlock", *engines)
    assert done.returncode in (0, 1, 3), done.stderr
    ended = cells(the_sweep(tmp_path))
    assert times_of_cells(the_sweep(tmp_path)) == all_once(2, 2)
    assert sorted(cell["run"]["engine"] for cell in ended) == ["native", "native", "python", "python"]
    assert all(cell["first_lookup_s"] > 0 for cell in ended)
