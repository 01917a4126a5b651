"""The benchmarks run from a checkout and say what they compare; their figures are not looked at here."""

import json
import subprocess
import sys
from pathlib import Path

from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment


def test_a_quick_benchmark_compares_the_python_engine_with_plain_threads(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--parts", "c", "--json", str(path)],
        cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "python, violations/s, plain" in json.dumps(json.loads(path.read_text()))
