"""A hundred setters each set A, then B; a checker must not see A set without B.

What goes wrong: a setter is preempted between its two stores, and the checker runs there. All setters store the same
values. So as soon as any of them has stored B the window is closed for good: no setter may come to its second store
before the checker has read both words. The more setters there are, the rarer a random schedule has that order.

The order of steps: any setter stores A and is preempted; the checker loads A (set) and B (not set).
"""

from reorder import reordered  # type: ignore[import-not-found]  # kstress finds it beside this file, mypy does not

# setter: A = 1 | checker: loads A == 1, loads B == 0. The | is the one preemption; the other setters have not begun,
# or stand before their own store to B.
LEAST_PREEMPTIONS = 1
OPERATIONS = 1

SCENARIOS = reordered(setters=100)
