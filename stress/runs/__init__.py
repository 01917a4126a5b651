"""A run: boot a machine, let it run, judge what it counted."""
