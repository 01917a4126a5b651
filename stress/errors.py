"""The errors that a person can cause or must be told of; the command line turns them into exit codes."""


class UserError(Exception):
    """Bad usage or input: one line with the value, where it came from and what to do instead (exit 2)."""


class HarnessError(Exception):
    """The harness itself failed, so that nothing it says about the code under test counts (exit 4)."""


class HostError(UserError):
    """The host does not give what a run needs: memory, threads, a core in time. One line; exit 2, or a lost turn."""
