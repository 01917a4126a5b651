"""The errors that a person can cause or must be told of; the command line turns them into exit codes."""


class UserError(Exception):
    """Bad usage or input: one line with the value, where it came from and what to do instead (exit 2).

    Each argument is a line, whatever is in it.
    """

    def __str__(self) -> str:
        """All lines."""
        return "\n".join(map(str, self.args))


class HarnessError(Exception):
    """The harness itself failed, so that nothing it says about the code under test counts (exit 4)."""
