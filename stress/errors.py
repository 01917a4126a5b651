"""The errors that a person can cause or must know of; the command line turns them into exit codes."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

SAYS_SO = (
    "can't start new thread",
    "failed to map segment from shared object",
    "annot allocate memory",
    "error return without exception set",
    "without setting an exception",
)
"""What errors without an errno say that come from a lack of memory: CPython's of threads, the dynamic linker's, and
CPython's where a library was refused memory and did not tell it."""


class UserError(Exception):
    """Bad usage or input: one line with the value, where it came from and what to do instead (exit 2).

    Each argument is a line, whatever is in it.
    """

    def __str__(self) -> str:
        """All lines."""
        return "\n".join(map(str, self.args))


class HarnessError(Exception):
    """The harness itself failed, so that nothing it says about the code under test counts (exit 4)."""


class HostError(UserError):
    """The host does not give what a run needs: memory, threads, a core in time. One line; exit 2, or a lost turn."""


def is_for_memory(error: BaseException | None) -> bool:
    """Whether an error came from a lack of memory, or of threads and processes, which the system tells alike."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) in (errno.ENOMEM, errno.EAGAIN):
            return True
        if isinstance(error, RuntimeError | OSError | ImportError | SystemError) and any(
            map(str(error).count, SAYS_SO)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def out_of_memory(error: BaseException, what: str = "") -> HostError:
    """A lack of memory in one line: what could not be had, if that is known."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    text = ": ".join(text for text in (what, str(error)) if text) or "an allocation was refused"
    return HostError(f"out of memory: {text}; run fewer CPUs, or raise the limits on memory and processes")


@contextmanager
def telling_of_memory() -> Iterator[None]:
    """A context in which any error for lack of memory becomes a HostError of one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if is_for_memory(error):
            raise out_of_memory(error) from error
        raise
