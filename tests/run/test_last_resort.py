"""When things go wrong that should not: a CPU that cannot be ended, a cache that cannot be written."""

import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.frontdoor.command import BOUND_SECONDS, command_line, environment, kstress
from tests.run.runs import PLANTED

pytestmark = pytest.mark.threads

SMALLEST = ("run", str(PLANTED / "self_deadlock.py"), "--cpus", "1", "--stall-after", "200ms")
COMPILED = (*SMALLEST, "--engine", "native", "--duration", "60s")
HANGING = """
    import sys
    from stress.cli import main
    from stress.machine import machine
    from stress.machine.python_engine import PythonEngine

    def program(self, operation, safepoint, features):
        inner = original(self, operation, safepoint, features)
        def play(ram, number):
            inner(ram, number)
            while starting > 1:
                pass
        return play

    starting = 0
    original, PythonEngine.program = PythonEngine.program, program
    boot = machine.Machine.boot
    def counted(self):
        global starting
        starting += 1
        boot(self)
    machine.Machine.boot = counted
    machine.JOIN_SECONDS = 0.2
    main()
"""


def test_a_cpu_that_does_not_end_ends_the_process_and_loses_no_result(tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text(textwrap.dedent(HANGING))
    arguments = ["run", "modlist_spinlock", "modlist_spinlock", "--engine", "python", "--duration", "200ms"]
    done = subprocess.run(
        [sys.executable, str(script), *arguments, "--results", "."],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "cpu0, cpu1, cpu2, cpu3 did not end" in done.stderr
    [kept] = tmp_path.glob("run-*.json")
    assert '"modlist_spinlock"' in kept.read_text()


@pytest.mark.native
def test_a_cache_that_cannot_be_written_is_passed_over_for_one_that_can(whole_cache: Path, tmp_path: Path) -> None:
    shutil.copytree(whole_cache, tmp_path / "kstress")
    done = kstress(*COMPILED, KSTRESS_CACHE_DIR="/dev/null/no", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "KSTRESS_CACHE_DIR: compiled code is not kept in /dev/null/no: " in done.stderr


@pytest.fixture(scope="module")
def whole_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds what COMPILED needs."""
    cache = tmp_path_factory.mktemp("cache")
    assert kstress(*COMPILED, KSTRESS_CACHE_DIR=str(cache)).returncode == 0
    return cache


@pytest.mark.native
def test_a_damaged_cache_is_made_anew(whole_cache: Path, tmp_path: Path) -> None:
    cache = shutil.copytree(whole_cache, tmp_path / "cache")
    damaged = min(cache.glob("*.code"))
    flipped = bytearray(damaged.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    damaged.write_bytes(flipped)
    done = kstress(*COMPILED, KSTRESS_CACHE_DIR=str(cache))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is deleted and compiled again: its content is damaged") == 1
    assert damaged.read_bytes() != flipped


@pytest.mark.native
def test_a_signal_while_it_compiles_ends_it(tmp_path: Path) -> None:
    command = command_line(["run", "stop_machine", "--engine", "native", "--duration", "1h"])
    process = subprocess.Popen(
        command,
        env=environment(KSTRESS_CACHE_DIR=str(tmp_path)),
        stderr=subprocess.PIPE,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(0.3)  # the cache is empty: it compiles for longer
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
