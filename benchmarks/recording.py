"""The recording of a terminal on the first page of the documents: `kstress run modlist_spinlock`, from a real run.

python -m benchmarks.recording               # writes docs/recording.svg
"""

import io
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from stress import Config, run
from stress.results.terminal.table import show

PICTURE = Path(__file__).parents[1] / "docs" / "recording.svg"
COLUMNS = 112
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's form of an SVG without the fonts that it would load from the network."""


def record() -> str:
    """Run the scenario, and draw what the command prints of it."""
    terminal = Console(record=True, width=COLUMNS, force_terminal=True, highlight=False, file=io.StringIO())
    terminal.print("$ kstress run modlist_spinlock")
    [result] = run(["modlist_spinlock"], Config(duration_s=10.0))
    show(result, terminal)
    return terminal.export_svg(title="kstress", code_format=FORMAT)


if __name__ == "__main__":
    PICTURE.write_text(record(), encoding="utf-8")
