"""Soaks: scenarios for hours or days on a machine in a process of its own; what is learnt is never lost."""
