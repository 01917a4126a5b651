"""The checks of `kstress doctor`: what this host offers, and whether each engine catches the race here."""

import os
import platform
import sys
from collections.abc import Iterator

import attrs

from stress.config import Config
from stress.corpus import bundled
from stress.corpus.show import symbols_text
from stress.errors import HarnessError, UserError
from stress.extras import EXTRAS, install_hint, missing_modules, package_version
from stress.host.system import OFFERS, offers
from stress.machine.engines import has_llvmlite, usable_cores
from stress.machine.gil import gil_enabled
from stress.runs.runner import run

TRIAL_SECONDS = 1.0


@attrs.frozen
class Check:
    """One check: True for good, False for bad, None for a plain fact or an optional part that is missing."""

    name: str
    good: bool | None
    text: str


def _facts() -> Iterator[Check]:
    """The host, the interpreter, and the features of the system."""
    gil = f"GIL, switch interval {sys.getswitchinterval() * 1e3:g} ms" if gil_enabled() else "no GIL"
    yield Check("kstress", None, package_version("kstress") or "not installed, run from its sources")
    yield Check("python", None, f"{platform.python_implementation()} {platform.python_version()}, {gil}")
    yield Check("system", None, f"{platform.system()} {platform.release()} {platform.machine()}")
    yield Check("cores", None, f"{usable_cores()} usable of {os.cpu_count()}")
    for key, offer in OFFERS.items():
        there = offers(key)
        yield Check(offer.name, there or None, "available" if there else f"missing: {offer.without}")


def _extras() -> Iterator[Check]:
    """Which extras are installed."""
    for extra in EXTRAS:
        missing = missing_modules(extra)
        text = "installed" if not missing else f"not installed; install with: {install_hint(extra)}"
        yield Check(f"extra {extra}", None if missing else True, text)


def _trial(engine: str) -> Check:
    """Run the planted race for a second: an engine that does not catch it cannot be trusted here."""
    try:
        [result] = run(["modlist_spinlock"], Config(engine=engine, duration_s=TRIAL_SECONDS))
    except (UserError, HarnessError) as error:
        return Check(f"engine {engine}", False, str(error))
    tally = result.tally
    text = f"caught the planted race {tally.violations:,} times in {tally.lookups:,} lookups, {tally.seconds:.0f} s"
    return Check(f"engine {engine}", result.as_expected, text)


def examine() -> Iterator[Check]:
    """Every check, as it is done; the trials of the engines come last and take a second each."""
    yield from _facts()
    corpus = bundled()
    yield Check("corpus", True, f"{len(corpus.modules)} modules, symbols: {symbols_text(corpus)}; {corpus.source}")
    yield from _extras()
    yield _trial("python")
    if has_llvmlite():
        yield _trial("native")
