"""What the noise of a cell has reached, in words: where threads were switched, where not, and why not."""

import sys
from collections import Counter
from importlib.machinery import ExtensionFileLoader

from stress.marks.noise import Noise
from stress.marks.under_test import Part

MOST_LABELS = 6
LEAST_SWITCHES = 32
"""With fewer it may be chance that all are in the same code."""
ADVICE = "name the code under test in stress_noise (compiled code takes no noise), or run longer"


def line(noise: Noise) -> str:
    """What took noise and how much, what took none, and what refused it."""
    return "; ".join(filter(None, (_taken(noise), _listed(_missed(noise)), _refusals(noise))))


def refusal(noise: Noise) -> str:
    """Why no slice had noise at lines or instructions, if something refused it; else empty."""
    return "" if noise.heard.switches else _refusals(noise)


def miss(noise: Noise) -> str:
    """What a run that had noise has missed: it has reached no code under test. Empty if it has."""
    switches = dict(noise.heard.switches)
    if not switches:
        return f"noise reached no code: {_listed(_missed(noise)) or 'too little Python code ran'}; {ADVICE}"
    bodies_only = all(key == (noise.under_test.test_file, True) for key in switches)
    missed = [part for part in _missed(noise) if part.imported]
    if not bodies_only or not missed or sum(switches.values()) < LEAST_SWITCHES:
        return ""
    return f"noise reached only the bodies of the roles: {_listed(missed)}; {ADVICE}"


def _counts(noise: Noise) -> Counter[str]:
    """How many switches there were, by what a report calls the code."""
    counts: Counter[str] = Counter()
    for (file, _), count in dict(noise.heard.switches).items():
        counts[noise.under_test.label(file)] += count
    return counts


def _taken(noise: Noise) -> str:
    """The code that took most, and how much the rest did."""
    counts = _counts(noise).most_common()
    if not counts:
        return "no switches at lines or instructions"
    parts = [f"{label} {count:,}" for label, count in counts[:MOST_LABELS]]
    if rest := counts[MOST_LABELS:]:
        parts.append(f"{len(rest)} others {sum(count for _, count in rest):,}")
    return f"switches at lines and instructions: {', '.join(parts)}"


def _missed(noise: Noise) -> list[Part]:
    """The parts that are there and took none."""
    reached = _counts(noise)
    return [part for part in noise.under_test.parts if _is_loaded(part) and part.label not in reached]


def _is_loaded(part: Part) -> bool:
    """Whether a part is a module that was imported, or no module."""
    return part.name in sys.modules or not part.imported


def _listed(parts: list[Part]) -> str:
    """Parts in a row, after words; empty if there are none."""
    names = (f"{part.name} ({', '.join(filter(None, (part.where, _compiled(part))))})" for part in parts)
    return f"none in {', '.join(names).replace(' ()', '')}" if parts else ""


def _compiled(part: Part) -> str:
    """How much of a part is compiled, as far as it is loaded."""
    inside = f"{part.name}."
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith(inside)]
    some = any(isinstance(getattr(module, "__loader__", None), ExtensionFileLoader) for module in loaded)
    return "compiled" if part.compiled else "compiled in part" if some else ""


def _refusals(noise: Noise) -> str:
    """Whom it gave way to, and how often."""
    refused = dict(noise.heard.gave_way).items()
    return "; ".join(f"gave way to {whom} ({units}: {count:,})" for (whom, units), count in refused)
