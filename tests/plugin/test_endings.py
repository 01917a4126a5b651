"""A run ends in order whoever ends it: Ctrl-C leaves the results so far, and workers of pytest-xdist take turns."""

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = [pytest.mark.threads, pytest.mark.old_pytest]

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers", "-W", "error")
BOUND_SECONDS = 60.0
INTERRUPTIBLE = (
    "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(pytest.main())"
)
"""A job in the background inherits that SIGINT is ignored; this runs pytest as in the foreground."""

ENDLESS = """
    from pathlib import Path
    import pytest

    def test_before():
        pass

    @pytest.mark.stress(cpus=2, duration="10h")
    def test_it(stress):
        before = []

        @stress.reader
        def look(cpu):
            if before:  # an operation has been counted
                Path("runs").touch()
            before.append(1)
            return {outcome}

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run()
"""

TIMED = """
    import json, os, time
    from pathlib import Path
    import pytest

    @pytest.mark.stress(cpus=2, duration="200ms", repeat=4)
    def test_it(stress):
        def body(cpu):
            for _ in range(20):  # what noise can reach
                pass

        stress.reader(body)
        stress.writer(count=1)(body)
        began = time.monotonic()
        stress.run()
        with Path(os.environ["TIMES"]).open("a") as file:
            file.write(json.dumps([began, time.monotonic(), os.getpid()]) + "\\n")
"""


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + BOUND_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("outcome", "told"), [("'bad'", "interrupted VIOLATED: bad in "), ("None", "interrupted before any fault was seen")]
)
def test_an_interrupt_leaves_the_results_so_far(outcome: str, told: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ENDLESS.format(outcome=outcome))
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *QUIET, "--junitxml", "out.xml"],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(pytester.path / "runs")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=BOUND_SECONDS)
    finally:
        process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert told in out
    assert "1 passed" in out
    assert 'name="test_before"' in (pytester.path / "out.xml").read_text()


HANGS = """
    import os, signal, threading
    import pytest

    @pytest.mark.stress(cpus=3, duration="1h")
    def test_it(stress):
        a, b, meet, done, handler = threading.Lock(), threading.Lock(), threading.Barrier(3), [], None

        @stress.writer(count=1)
        def ab(cpu):
            with a:
                meet.wait()
                {first}

        @stress.writer(count=1)
        def ba(cpu):
            with b:
                meet.wait()
                {second}

        @stress.reader
        def interrupt(cpu):
            if not done:
                meet.wait()
                done.append(1)
                os.kill(os.getpid(), signal.SIGUSR1)

        handler = signal.signal(signal.SIGUSR1, signal.default_int_handler)
        try:
            stress.run()
        finally:
            signal.signal(signal.SIGUSR1, handler)
"""
IN_BOTH = ("with b: pass  # second of ab", "with a: pass  # second of ba")
FOR_EVER = ("threading.Event().wait()  # ab waits", "threading.Event().wait()  # ba waits")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("waits", "verdict", "told"),
    [
        (
            IN_BOTH,
            "stalled",
            ("interrupted STALLED: 2 of 3 CPUs do not end their operation\n", "deadlock: CPU 0 waits for CPU 1, "),
        ),
        (
            FOR_EVER,
            "inconclusive",
            (
                "interrupted before any fault was seen; 2 of 3 CPUs did not end their operation\n",
                " is still in its operation at the end; ",
            ),
        ),
    ],
)
def test_an_interrupt_of_what_hangs_tells_what_each_cpu_waits_for(
    waits: tuple[str, str], verdict: str, told: tuple[str, str], pytester: pytest.Pytester
) -> None:
    first, second = waits
    pytester.makepyfile(HANGS.format(first=first, second=second))
    result = pytester.runpytest_subprocess(*QUIET, "--stress-results", "kept", timeout=BOUND_SECONDS)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    out = result.stdout.str()
    assert all(text in out for text in told)
    assert all(line in out for line in waits)  # the stacks
    [file] = (pytester.path / "kept").iterdir()
    [run] = json.loads(file.read_text())["runs"]
    assert (run["verdict"], run["interrupted"]) == (verdict, True)


def test_workers_of_xdist_run_one_stress_item_at_a_time(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist")
    times = pytester.path / "times.jsonl"
    monkeypatch.setenv("TIMES", str(times))
    pytester.makepyfile(TIMED)
    pytester.runpytest_subprocess(*QUIET, "-n", "2", timeout=BOUND_SECONDS).assert_outcomes(passed=4)
    spans = sorted(json.loads(line) for line in times.read_text().splitlines())
    assert len({pid for _, _, pid in spans}) == 2
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
