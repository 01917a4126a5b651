"""The summary of a cell's noise in words: which code took it, which did not, and why not."""

import os
import sys
from collections import Counter
from importlib.machinery import ExtensionFileLoader

from stress.marks.noise.code_under_test import PACKAGE, Part, is_within, where_of
from stress.marks.noise.imports import is_aside
from stress.marks.noise.noise import Noise
from stress.marks.noise.switches import IN_TASKS

MOST_LABELS = 6
LEAST_SWITCHES = 32
"""With fewer switches it may be chance that all are in the same code."""
NO_WAITS = (
    "hardly any await of a body waited, so that other tasks ran only between operations; "
    "have more tasks, or have what is awaited wait, as `await asyncio.sleep(0)` does"
)
ADVICE = "name the code under test in stress_noise (compiled code takes no noise), or run longer"


def line(noise: Noise) -> str:
    """One line: the code that took noise and how much, the code that took none, the tools that noise gave way to."""
    return "; ".join(filter(None, (_taken(noise), _ahead(noise), _listed(_missed(noise)), _refusals(noise))))


def refusal(noise: Noise) -> str:
    """Which tools kept noise from all lines and instructions; empty if there was noise."""
    return "" if noise.counts.switches else _refusals(noise)


def nothing_reached(noise: Noise) -> str:
    """Why noise reached no code under test: which code it missed, and what to do. Empty if it reached some."""
    switches = dict(noise.counts.switches)
    if not switches:
        if noise.counts.where == IN_TASKS:
            return f"noise reached no code: {NO_WAITS}"
        return f"noise reached no code: {_listed(_missed(noise)) or 'too little Python code ran'}; {ADVICE}"
    bodies_only = all(key == (noise.under_test.test_file, True) for key in switches)
    missed = _listed([part for part in _missed(noise) if part.imported]) or _passed(noise)
    if not bodies_only or not missed or sum(switches.values()) < LEAST_SWITCHES:
        return ""
    return f"noise reached only the bodies of the roles: {missed}; {ADVICE}"


def _passed(noise: Noise) -> str:
    """The packages, or modules, of code that bodies called and that is not under test; empty if there are none.

    Of a package of which a part is named in `stress_noise`, the rest is meant to take none.
    """
    known = {part.name.partition(".")[0] for part in noise.under_test.parts}
    called = sorted(set(map(module_at, filter(is_foreign, noise.counts.passed.copy()))) - known)
    names = [*called[:MOST_LABELS], *(["others"] if len(called) > MOST_LABELS else [])]
    return f"none in {', '.join(names)}" if called else ""


def is_foreign(file: str) -> bool:
    """Whether code of a file may be what is tested: it is no part of Python, of kstress or of a testing tool."""
    is_made = file.startswith("<")  # by `exec`, as attrs and dataclasses do
    return not (is_made or where_of(file) == "standard library" or is_within(file, PACKAGE)) and not is_aside(
        module_at(file)
    )


def module_at(file: str) -> str:
    """The outermost package of a file in an installed folder, or its module; elsewhere the file."""
    where = where_of(file)
    inside = file.rpartition(f"{os.sep}{where}{os.sep}")[2]
    return inside.partition(os.sep)[0].removesuffix(".py") if where else file


def _counts(noise: Noise) -> Counter[str]:
    """The number of switches, by the label of the code."""
    counts: Counter[str] = Counter()
    for (file, _), count in dict(noise.counts.switches).items():
        counts[noise.under_test.label(file)] += count
    return counts


def _taken(noise: Noise) -> str:
    """The code that took the most switches, each with its count, and the sum of the rest."""
    counts = _counts(noise).most_common()
    if not counts:
        return f"no switches at {noise.counts.where.replace(' and ', ' or ')}"
    parts = [f"{label} {count:,}" for label, count in counts[:MOST_LABELS]]
    if rest := counts[MOST_LABELS:]:
        parts.append(f"{len(rest)} others {sum(count for _, count in rest):,}")
    return f"switches at {noise.counts.where}: {', '.join(parts)}"


def _ahead(noise: Noise) -> str:
    """How many operations tasks did ahead of the others; empty if none."""
    return f"{noise.counts.ahead:,} operations ran ahead of the other tasks" if noise.counts.ahead else ""


def _missed(noise: Noise) -> list[Part]:
    """The parts of the code under test that are loaded and took no switch."""
    reached = _counts(noise)
    return [part for part in noise.under_test.parts if _is_loaded(part) and part.label not in reached]


def _is_loaded(part: Part) -> bool:
    """Whether a part is loaded: its module was imported, or it is not a module."""
    return part.name in sys.modules or not part.imported


def _listed(parts: list[Part]) -> str:
    """The parts as a list in words; empty if there are none."""
    names = (f"{part.name} ({', '.join(filter(None, (part.where, _compiled(part))))})" for part in parts)
    return f"none in {', '.join(names).replace(' ()', '')}" if parts else ""


def _compiled(part: Part) -> str:
    """Whether a part is compiled, in part or whole, as far as it is loaded; empty if it is not."""
    inside = f"{part.name}."
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith(inside)]
    some = any(isinstance(getattr(module, "__loader__", None), ExtensionFileLoader) for module in loaded)
    return "compiled" if part.compiled else "compiled in part" if some else ""


def _refusals(noise: Noise) -> str:
    """The tools that noise gave way to, and how often."""
    refused = dict(noise.counts.gave_way).items()
    return "; ".join(f"gave way to {whom} ({units}: {count:,})" for (whom, units), count in refused)
