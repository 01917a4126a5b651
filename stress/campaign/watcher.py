"""Watching a campaign while it goes on. Soaks and sweeps add what they have to show."""


class Watcher:
    """Who watches a campaign: one that does nothing. Called from the campaign's main thread only."""

    def note(self, text: str) -> None:
        """Something to know: what is waited for, where things are kept."""
