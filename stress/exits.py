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
    """The exit code for results, the first that applies: 1, then 129, 130 or 143, then 3, then 0."""
    return verdicts_code({result.verdict.name for result in results if not result.as_expected}, signal_number)


def verdicts_code(verdicts: set[str], signal_number: int) -> int:
    """The exit code for a run whose verdicts that differ from the expected ones are `verdicts`."""
    if verdicts - {"inconclusive"}:
        return EXIT_OTHER_VERDICT
    if signal_number:
        return 128 + signal_number
    return EXIT_INCONCLUSIVE if verdicts else 0


def campaign_code(what: str, outputs: Any, ending: Any, code: int) -> int:
    """Print the end of a campaign (`what`: "soak" or "sweep"); 2 if trouble stopped it, 4 if it failed, else `code`."""
    outputs.finish(ending)
    if ending.trouble:
        stopped = f"{ending.trouble}; the {what} was stopped, its results so far are above"
        return fail(f"{stopped}; {_what_to_do(what, ending)}", EXIT_USAGE)
    return EXIT_HARNESS_FAILED if ending.failed else code


def _what_to_do(what: str, ending: Any) -> str:
    """What to do about the trouble of a campaign, and what goes on with it then."""
    life = ending.life
    if not life.is_there:
        return f"if it was moved, move it back, then {life.command}; if it was removed, begin a new {what}"
    return f"{ending.remedy}, then {life.command}" if ending.remedy else f"once that is mended, {life.command}"


def fail(message: str, code: int) -> int:
    """Print a message on standard error, if it can be written; returns `code`.

    The message may contain text from files, so control characters are escaped and do not reach the terminal.
    """
    with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
        print(f"kstress: {escaped(message)}", file=sys.stderr, flush=True)
    return code
