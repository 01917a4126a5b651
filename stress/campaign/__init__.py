"""Campaigns: many runs, each in a process of its own, and what they learn on the disk whatever happens."""
