"""Runs of hours and days: soaks, the machine in a process of its own, and the journal that keeps what was learnt."""
