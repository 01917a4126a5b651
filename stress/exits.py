"""Exit codes, as the README promises them."""

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from stress.safe_text import escaped

if TYPE_CHECKING:
    from stress.runs.result import Result

EXIT_OTHER_VERDICT = 1
EXIT_REGRESSION = 1
EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_HARNESS_FAILED = 4


def exit_code(results: "list[Result]", signal_number: int) -> int:
    """The exit code that results come to: 1, then 129, 130 or 143, then 3, then 0."""
    return verdicts_code({result.verdict.name for result in results if not result.as_expected}, signal_number)


def verdicts_code(verdicts: set[str], signal_number: int) -> int:
    """The same, of the verdicts that were not as expected."""
    if verdicts - {"inconclusive"}:
        return EXIT_OTHER_VERDICT
    if signal_number:
        return 128 + signal_number
    return EXIT_INCONCLUSIVE if verdicts else 0


def campaign_code(what: str, outputs: Any, ending: Any, code: int) -> int:
    """Print what a campaign, like a "soak", has come to: 2 if something was in its way, 4 if it failed, else `code`."""
    outputs.finish(ending)
    if ending.trouble:
        return fail(f"{ending.trouble}; the {what} was stopped, its results so far are above", EXIT_USAGE)
    return EXIT_HARNESS_FAILED if ending.failed else code


def fail(message: str, code: int) -> int:
    """Print a message on standard error, one line unless it has more, as far as that can be written to; the exit code.

    What is in it may come from anywhere, so nothing in it tells the terminal what to do.
    """
    with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
        print(f"kstress: {escaped(message)}", file=sys.stderr, flush=True)
    return code
