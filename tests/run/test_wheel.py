"""A built wheel, installed away from the checkout: command, catalogue, bundled corpus and page are there."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BOUND_SECONDS = 100.0


def call(*command: str, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_has_scenarios_and_corpus(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=CHECKOUT)
    [wheel] = wheels.iterdir()
    pip = (f"{sys.base_prefix}/bin/python3", "-m", "pip", "--python", sys.executable)
    call(*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=tmp_path)
    listing = "import stress, sys; from stress.cli import main; print(stress.__file__, file=sys.stderr); main()"
    rows = json.loads(call(sys.executable, "-c", listing, "list", "--json", cwd=tmp_path, PYTHONPATH=str(site)))
    assert {row["scenario"] for row in rows["scenarios"]} == {
        path.stem for path in (CHECKOUT / "scenarios").glob("*.py")
    }
    pages = site / "stress" / "results" / "pages"
    assert {"report.html.j2", "page.css.j2"} <= {file.name for file in pages.iterdir()}
    ran = call(
        sys.executable, "-c", listing, "run", "modlist_spinlock", "--engine", "python", "--duration", "1s",
        cwd=tmp_path, PYTHONPATH=str(site),
    )  # fmt: skip
    assert "VIOLATED as expected" in ran
    call(sys.executable, "-c", listing, "new", "my_list.py", cwd=tmp_path, PYTHONPATH=str(site))
    assert (tmp_path / "my_list_twin.py").is_file()
