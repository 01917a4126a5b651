"""Ninety-nine writers change DATA1 under one lock, then DATA2 = DATA1 + 1 under a second one; a reader compares.

What goes wrong: the first lock is free before the second stage begins. A reader that takes each lock in turn there sees
DATA1 of the new state and DATA2 of the old one, though every access is made under a lock. All writers store the same
values, so no writer may come to the end of its second stage before the reader has read DATA2: the more writers there
are, the rarer a random schedule has that order.

The order of steps: a writer stores DATA1, releases the first lock and is preempted; the reader takes the first lock
and loads DATA1 (set), then takes the second lock and loads DATA2 (not set).
"""

from twostage import two_stages  # type: ignore[import-not-found]  # kstress finds it beside this file, mypy does not

# writer: DATA1 = 1, releases FIRST_LOCK | reader: loads DATA1 == 1, loads DATA2 == 0. The | is the one preemption.
LEAST_PREEMPTIONS = 1
OPERATIONS = 1

SCENARIOS = two_stages(writers=99)
