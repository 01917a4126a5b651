"""The timeline of one traced schedule: who did what to which field, in order, and where the race is.

`timeline(controlled)` makes it after a replay; `results.terminal.timeline` and `results.pages.timeline` draw it.
"""

from stress.runs.timeline.making import timeline
from stress.runs.timeline.model import CHOSEN, FORCED, Event, Head, Row, Timeline

__all__ = ["CHOSEN", "FORCED", "Event", "Head", "Row", "Timeline", "timeline"]
